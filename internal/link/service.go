package link

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Service is one port that a host listens on.
type Service struct {
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Kind    string `json:"kind"`    // mysql, redis, haproxy …; the process's name where we know no better
	Title   string `json:"title"`   // MySQL
	Process string `json:"process"` // empty when nobody could see it
	Version string `json:"version"` // of the package it came in; empty when not told
	Role    string `json:"role"`    // main, replica, active, standby; empty for all others
	Local   bool   `json:"local"`   // for the host itself only
	Sure    bool   `json:"sure"`    // recognised by its process, not by its port alone
}

func byPlace(a, b Service) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
}

// A Tier is where in a request's way a kind of service stands.
type Tier int

// The tiers, from the users to what is kept.
const (
	Entry Tier = iota
	Web
	App
	Queue
	Cache
	Database
	Storage
	Support
)

// A kind is a technology that we recognise.
type kind struct {
	name, title string
	tier        Tier
	processes   []string // names; a trailing * is any ending
	command     []string // or, of a Java program, any of these in its command line
	ports       []int    // usual ones, when the process cannot be seen
	packages    []string // beginnings of their names, the most telling first
}

// kinds are tried in order: those known by their command line before the
// languages they are written in.
var kinds = []kind{
	{"haproxy", "HAProxy", Entry, []string{"haproxy"}, nil, nil, []string{"haproxy"}},
	{"varnish", "Varnish", Entry, []string{"varnishd", "cache-main"}, nil, nil, []string{"varnish"}},
	{"traefik", "Traefik", Entry, []string{"traefik"}, nil, nil, nil},
	{"envoy", "Envoy", Entry, []string{"envoy"}, nil, nil, nil},
	{"squid", "Squid", Entry, []string{"squid*"}, nil, []int{3128}, []string{"squid"}},
	{"caddy", "Caddy", Web, []string{"caddy"}, nil, nil, []string{"caddy"}},
	{"lighttpd", "lighttpd", Web, []string{"lighttpd"}, nil, nil, []string{"lighttpd"}},
	{"nginx", "nginx", Web, []string{"nginx"}, nil, nil, []string{"nginx"}},
	{"apache", "Apache", Web, []string{"apache2", "httpd"}, nil, nil, []string{"apache2", "httpd"}},
	{"angular", "Angular", Web, nil, nil, nil, nil}, // of browsers: only declared
	{"jenkins", "Jenkins", Support, nil, []string{"jenkins.war"}, nil, []string{"jenkins"}},
	{"elasticsearch", "Elasticsearch", Database, nil, []string{"org.elasticsearch", "org.opensearch"}, []int{9200, 9300}, []string{"elasticsearch", "opensearch"}},
	{"kafka", "Kafka", Queue, nil, []string{"kafka.Kafka"}, []int{9092}, []string{"kafka"}},
	{"zookeeper", "ZooKeeper", Queue, nil, []string{"org.apache.zookeeper"}, []int{2181}, []string{"zookeeper"}},
	{"cassandra", "Cassandra", Database, nil, []string{"org.apache.cassandra"}, []int{9042}, []string{"cassandra"}},
	{"activemq", "ActiveMQ", Queue, nil, []string{"activemq"}, []int{61616}, []string{"activemq"}},
	{"solr", "Solr", Database, nil, []string{"solr.solr.home", "solr.home"}, []int{8983}, nil},
	{"logstash", "Logstash", Queue, nil, []string{"org.logstash"}, nil, []string{"logstash"}},
	{"wildfly", "WildFly", App, nil, []string{"jboss.home", "org.jboss.as"}, nil, []string{"wildfly", "jbossas"}},
	{"tomcat", "Tomcat", App, nil, []string{"org.apache.catalina", "catalina.home"}, nil, []string{"tomcat"}},
	{"spring", "Spring", App, nil, []string{"spring"}, nil, nil},
	{"java", "Java", App, []string{"java"}, nil, nil, []string{"openjdk", "java"}},
	{"php", "PHP-FPM", App, []string{"php-fpm*", "php-cgi"}, nil, []int{9000}, []string{"php"}},
	{"node", "Node.js", App, []string{"node", "nodejs"}, nil, nil, []string{"nodejs"}},
	{"python", "Python", App, []string{"python*", "gunicorn*", "uwsgi", "uvicorn"}, nil, nil, nil},
	{"ruby", "Ruby", App, []string{"ruby*", "puma*", "unicorn*"}, nil, nil, nil},
	{"mariadb", "MariaDB", Database, []string{"mariadbd"}, nil, nil, []string{"mariadb-server", "MariaDB-server", "mariadb"}},
	{"mysql", "MySQL", Database, []string{"mysqld"}, nil, []int{3306}, []string{"mysql-community-server", "mysql-server", "percona-server", "mariadb-server", "MariaDB-server", "mysql"}},
	{"postgresql", "PostgreSQL", Database, []string{"postgres", "postmaster"}, nil, []int{5432}, []string{"postgresql-server", "postgresql-1", "postgresql-9", "postgresql"}},
	{"pgbouncer", "PgBouncer", Database, []string{"pgbouncer"}, nil, []int{6432}, []string{"pgbouncer"}},
	{"proxysql", "ProxySQL", Database, []string{"proxysql"}, nil, []int{6033}, []string{"proxysql"}},
	{"maxscale", "MaxScale", Database, []string{"maxscale"}, nil, nil, []string{"maxscale"}},
	{"influxdb", "InfluxDB", Database, []string{"influxd"}, nil, []int{8086}, []string{"influxdb"}},
	{"mongodb", "MongoDB", Database, []string{"mongod", "mongos"}, nil, []int{27017}, []string{"mongodb"}},
	{"redis", "Redis", Cache, []string{"redis-server", "valkey-server", "keydb-server"}, nil, []int{6379}, []string{"redis", "valkey"}},
	{"sentinel", "Redis Sentinel", Cache, []string{"redis-sentinel"}, nil, []int{26379}, []string{"redis"}},
	{"memcached", "memcached", Cache, []string{"memcached"}, nil, []int{11211}, []string{"memcached"}},
	{"rabbitmq", "RabbitMQ", Queue, []string{"beam", "beam.smp"}, nil, []int{5672}, []string{"rabbitmq"}},
	{"nats", "NATS", Queue, []string{"nats-server", "gnatsd"}, nil, []int{4222}, []string{"nats-server"}},
	{"mosquitto", "Mosquitto", Queue, []string{"mosquitto"}, nil, []int{1883}, []string{"mosquitto"}},
	{"minio", "MinIO", Storage, []string{"minio"}, nil, nil, []string{"minio"}},
	{"nfs", "NFS", Storage, []string{"nfsd", "rpc.nfsd"}, nil, []int{2049}, nil},
	{"samba", "Samba", Storage, []string{"smbd"}, nil, []int{445}, []string{"samba"}},
	{"etcd", "etcd", Support, []string{"etcd"}, nil, []int{2379}, []string{"etcd"}},
	{"vault", "Vault", Support, []string{"vault"}, nil, nil, []string{"vault"}},
	{"prometheus", "Prometheus", Support, []string{"prometheus"}, nil, nil, []string{"prometheus"}},
	{"grafana", "Grafana", Support, []string{"grafana", "grafana-server"}, nil, nil, []string{"grafana"}},
	{"consul", "Consul", Support, []string{"consul"}, nil, []int{8500}, []string{"consul"}},
	{"ldap", "LDAP", Support, []string{"slapd", "ns-slapd"}, nil, []int{389, 636}, []string{"slapd", "openldap"}},
	{"dns", "DNS", Support, []string{"named", "unbound", "dnsmasq"}, nil, []int{53}, []string{"bind"}},
	{"smtp", "Mail", Support, []string{"master", "exim*", "sendmail"}, nil, []int{25}, []string{"postfix", "exim"}},
	{"docker", "Docker", Support, []string{"dockerd"}, nil, []int{2375}, []string{"docker"}},
	{"ssh", "SSH", Support, []string{"sshd"}, nil, []int{22}, []string{"openssh-server"}},
	{"http", "HTTP", Web, nil, nil, []int{80, 443}, nil},
}

// kindNamed finds a kind by its name.
func kindNamed(name string) (kind, bool) {
	n := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if n < 0 {
		return kind{}, false
	}
	return kinds[n], true
}

// TierOf is where a kind of service stands; what we do not know is an
// application.
func TierOf(name string) Tier {
	if k, ok := kindNamed(name); ok {
		return k.tier
	}
	return App
}

// TitleOf is what people call a kind of service.
func TitleOf(name string) string {
	if k, ok := kindNamed(name); ok {
		return k.title
	}
	return name
}

// KindNames lists every kind that we recognise, sorted.
func KindNames() []string {
	names := make([]string, len(kinds))
	for n, k := range kinds {
		names[n] = k.name
	}
	slices.Sort(names)
	return names
}

// recognise says what listens.
func recognise(host string, l fact.Listener, packages []fact.Package) Service {
	s := Service{Host: host, Port: l.Port, Process: l.Process, Local: l.Local}
	k, ok := kindOf(l)
	s.Sure = ok
	if l.Process == "" {
		k, ok = kindAt(l.Port)
	}
	if !ok {
		s.Kind = cmp.Or(l.Process, "unknown")
		s.Title = s.Kind
		return s
	}
	s.Kind, s.Title, s.Version = k.name, k.title, cmp.Or(k.versionIn(l.Command), k.version(packages))
	if k.name == "mysql" && mariaDB(packages) {
		s.Kind, s.Title = "mariadb", "MariaDB"
	}
	return s
}

// kindOf recognises a service by its process.
func kindOf(l fact.Listener) (kind, bool) {
	for _, k := range kinds {
		if slices.ContainsFunc(k.processes, func(name string) bool { return matches(name, l.Process) }) {
			return k, true
		}
		if l.Process == "java" && slices.ContainsFunc(k.command, func(part string) bool { return strings.Contains(l.Command, part) }) {
			return k, true
		}
	}
	return kind{}, false
}

func matches(pattern, name string) bool {
	if start, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(name, start)
	}
	return pattern == name
}

// kindAt guesses what listens on a port.
func kindAt(port int) (kind, bool) {
	n := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.ports, port) })
	if n < 0 {
		return kind{}, false
	}
	return kinds[n], true
}

// version is the exact version of the package that the service came in.
func (k kind) version(packages []fact.Package) string {
	for _, start := range k.packages {
		for _, p := range packages {
			if strings.HasPrefix(p.Name, start) && !strings.HasSuffix(p.Name, "-common") {
				return withoutEpoch(p.Version)
			}
		}
	}
	return ""
}

// versionIn is the version in the names of the files that a process was started
// from, which goes before that of a package: /opt/apache-tomcat-9.0.71/bin,
// kafka_2.13-3.2.0.jar.
func (k kind) versionIn(command string) string {
	m := inPath.FindAllStringSubmatch(strings.ToLower(command), -1)
	for _, found := range m {
		if found[1] == k.name || found[1] == "apache-"+k.name || found[1] == k.name+"-server" {
			return found[2]
		}
	}
	return ""
}

var inPath = regexp.MustCompile(`(?:^|[/\s=:])([a-z][a-z-]*?)(?:_\d+\.\d+)?[-_/]v?(\d{1,4}(?:\.\d{1,5}){1,3})(?:[/.:\s-]|$)`)

// A greeting is how a service that speaks first shows what it is and in which
// version.
var greetings = []struct {
	kind string
	says *regexp.Regexp
}{
	{"mariadb", regexp.MustCompile(`^(?:5\.5\.5-)?(\d+\.\d+\.\d+)-MariaDB`)},
	{"mysql", regexp.MustCompile(`^(\d+\.\d+\.\d+)(?:-\S*)?(?: |$)`)},
	{"ssh", regexp.MustCompile(`^SSH-\d\.\d+-OpenSSH_(\S+)`)},
	{"smtp", regexp.MustCompile(`^220 .*\b(?:ESMTP|SMTP)\b(?: Exim (\d\S*))?`)},
}

// told learns from what a service said by itself: which it is, where its process
// was not seen, and its version, where no package tells. MySQL's is but numbers,
// and counts where MySQL is expected.
func (s *Service) told(greeting string) {
	for _, g := range greetings {
		m := g.says.FindStringSubmatch(greeting)
		if m == nil || g.kind == "mysql" && s.Kind != "mysql" {
			continue
		}
		if !s.Sure || s.Kind == "mysql" && g.kind == "mariadb" {
			s.Kind, s.Title, s.Sure = g.kind, TitleOf(g.kind), true
		}
		if s.Kind == g.kind {
			s.Version = cmp.Or(s.Version, m[1])
		}
		return
	}
}

// answered learns from what a service replied to a question: which it is, where its
// process is not one that we know (Docker's proxy, say) or no more than a language,
// and its version, where no package tells.
func (s *Service) answered(r fact.Reply) {
	n := slices.IndexFunc(kinds, func(k kind) bool { return k.title == r.Service })
	if n < 0 || r.Access == fact.ReplyUnclear {
		return
	}
	if !s.Sure || s.Kind == "java" {
		s.Kind, s.Title, s.Sure, s.Version = kinds[n].name, kinds[n].title, true, ""
	}
	if s.Kind == kinds[n].name {
		s.Version = cmp.Or(s.Version, r.Version)
	}
}

func withoutEpoch(version string) string {
	if _, after, ok := strings.Cut(version, ":"); ok {
		return after
	}
	return version
}

// mariaDB reports whether the program called mysqld is MariaDB's.
func mariaDB(packages []fact.Package) bool {
	return slices.ContainsFunc(packages, func(p fact.Package) bool {
		return strings.HasPrefix(strings.ToLower(p.Name), "mariadb") && strings.Contains(p.Name, "server")
	})
}
