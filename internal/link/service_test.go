package link

import (
	"fmt"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A service is known by its process, by what a Java program runs, by its port
// where nobody sees more; its version by the files it runs from, by its package,
// and by what it says.
func TestRecognise(t *testing.T) {
	t.Parallel()
	packages := []fact.Package{
		{Name: "haproxy", Version: "2.6.12-1"},
		{Name: "memcached", Version: "1.6.18-1"},
		{Name: "rabbitmq-server", Version: "3.10.8-1.1"},
		{Name: "tomcat10", Version: "10.1.6-1"},
		{Name: "openjdk-17-jre", Version: "17.0.9"},
		{Name: "postgresql-15", Version: "15.5-0"},
		{Name: "nodejs", Version: "18.13.0"},
	}
	for _, c := range []struct {
		process, command string
		port             int
		greeting         string
		want             string
	}{
		{"haproxy", "/usr/sbin/haproxy -Ws", 80, "", "haproxy HAProxy 2.6.12-1 true"},
		{"java", "/usr/bin/java -Dcatalina.home=/opt/apache-tomcat-9.0.71 org.apache.catalina.startup.Bootstrap start", 8080, "", "tomcat Tomcat 9.0.71 true"},
		{"java", "java -Dcatalina.home=/usr/share/tomcat10 org.apache.catalina.startup.Bootstrap", 8080, "", "tomcat Tomcat 10.1.6-1 true"},
		{"java", "java -cp /opt/kafka/libs/kafka_2.13-3.2.0.jar kafka.Kafka /etc/server.properties", 9092, "", "kafka Kafka 3.2.0 true"},
		{"java", "java -cp /usr/share/elasticsearch-7.10.2/lib/x.jar org.elasticsearch.bootstrap.Elasticsearch", 9200, "", "elasticsearch Elasticsearch 7.10.2 true"},
		{"java", "java -jar /usr/share/java/jenkins.war", 8080, "", "jenkins Jenkins  true"},
		{"java", "java -jar /opt/shop-1.2.3.jar", 8080, "", "java Java 17.0.9 true"},
		{"node", "node /srv/app.js", 3000, "", "node Node.js 18.13.0 true"},
		{"php-fpm8.2", "php-fpm: master process", 9000, "", "php PHP-FPM  true"},
		{"postgres", "/usr/lib/postgresql/15/bin/postgres -D x", 5432, "", "postgresql PostgreSQL 15.5-0 true"},
		{"beam.smp", "/usr/lib/erlang/erts-13.1/bin/beam.smp -W w", 5672, "", "rabbitmq RabbitMQ 3.10.8-1.1 true"},
		{"memcached", "/usr/bin/memcached -m 64", 11211, "", "memcached memcached 1.6.18-1 true"},
		{"minio", "/usr/local/bin/minio server /data", 9000, "", "minio MinIO  true"},
		{"redis-server", "/opt/redis-6.2.7/src/redis-server *:6379", 6379, "", "redis Redis 6.2.7 true"},
		{"mongod", "/opt/mongodb-linux-x86_64-4.4.1/bin/mongod", 27017, "", "mongodb MongoDB  true"},
		{"", "", 3306, "", "mysql MySQL  false"},
		{"", "", 3306, "5.5.5-10.11.6-MariaDB-0+deb12u1", "mariadb MariaDB 10.11.6 true"},
		{"", "", 3306, "8.0.35", "mysql MySQL 8.0.35 true"},
		{"", "", 22, "SSH-2.0-OpenSSH_9.2p1 Debian-2", "ssh SSH 9.2p1 true"},
		{"", "", 25, "220 mx ESMTP Exim 4.96 Mon", "smtp Mail 4.96 true"},
		{"billing", "/opt/billing", 9001, "5.5.62 something", "billing billing  false"},
	} {
		s := recognise("h", fact.Listener{Proto: "tcp", Port: c.port, Process: c.process, Command: c.command}, packages)
		s.told(c.greeting)
		if got := fmt.Sprintf("%s %s %s %t", s.Kind, s.Title, s.Version, s.Sure); got != c.want {
			t.Errorf("%s %s %q: %q, want %q", c.process, c.command, c.greeting, got, c.want)
		}
	}
}

// What a service replied names it where its process does not; one that is known is
// not renamed, whatever answers through it.
func TestAnswered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		process string
		reply   fact.Reply
		want    string
	}{
		{"docker-proxy", fact.Reply{Service: "Redis", Version: "7.2.4", Access: fact.ReplyOpen, Port: 9999}, "redis Redis 7.2.4"},
		{"java", fact.Reply{Service: "Jenkins", Version: "2.289.1", Access: fact.ReplyGuarded, Port: 9999}, "jenkins Jenkins 2.289.1"},
		{"haproxy", fact.Reply{Service: "Jenkins", Version: "2.289.1", Access: fact.ReplyOpen, Port: 9999}, "haproxy HAProxy "},
		{"redis-server", fact.Reply{Service: "Redis", Version: "7.2.4", Access: fact.ReplyGuarded, Port: 9999}, "redis Redis 7.2.4"},
		{"docker-proxy", fact.Reply{Service: "Redis", Access: fact.ReplyUnclear, Port: 9999}, "docker-proxy docker-proxy "},
		{"docker-proxy", fact.Reply{Service: "Redis", Access: fact.ReplyOpen, Port: 9998}, "docker-proxy docker-proxy "},
		{"docker-proxy", fact.Reply{Service: "Spring actuator", Access: fact.ReplyOpen, Port: 9999}, "docker-proxy docker-proxy "},
	} {
		h := machineAt("h", "10.0.0.1", "9999 "+c.process)
		h.Facts.Replies = seen([]fact.Reply{c.reply})
		s, _ := Join(fleet(h), nil, Draft{}).Find("h", 9999)
		if got := fmt.Sprintf("%s %s %s", s.Kind, s.Title, s.Version); got != c.want {
			t.Errorf("%s, %+v: %q, want %q", c.process, c.reply, got, c.want)
		}
	}
}

// What a service says by itself when it is tested fills in what is not known.
func TestApplyGreeting(t *testing.T) {
	t.Parallel()
	m := Join(fleet(machineAt("be1", "10.0.0.1"), machineAt("db1", "10.0.1.1", "3306 -")), nil, Draft{})
	m.Apply([]Test{{From: "be1", To: "db1", Port: 3306, Outcome: "open", Greeting: "5.5.5-10.11.6-MariaDB-0+deb12u1", At: at.Add(1)}})
	if s, ok := m.Find("db1", 3306); !ok || s.Kind != "mariadb" || s.Version != "10.11.6" || !s.Sure {
		t.Errorf("%+v", s)
	}
}
