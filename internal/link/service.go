package link

import (
	"cmp"
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
	{"nginx", "nginx", Web, []string{"nginx"}, nil, nil, []string{"nginx"}},
	{"apache", "Apache", Web, []string{"apache2", "httpd"}, nil, nil, []string{"apache2", "httpd"}},
	{"jenkins", "Jenkins", Support, nil, []string{"jenkins.war"}, nil, []string{"jenkins"}},
	{"elasticsearch", "Elasticsearch", Database, nil, []string{"org.elasticsearch", "org.opensearch"}, []int{9200, 9300}, []string{"elasticsearch", "opensearch"}},
	{"kafka", "Kafka", Queue, nil, []string{"kafka.Kafka"}, []int{9092}, []string{"kafka"}},
	{"zookeeper", "ZooKeeper", Queue, nil, []string{"org.apache.zookeeper"}, []int{2181}, []string{"zookeeper"}},
	{"cassandra", "Cassandra", Database, nil, []string{"org.apache.cassandra"}, []int{9042}, []string{"cassandra"}},
	{"activemq", "ActiveMQ", Queue, nil, []string{"activemq"}, []int{61616}, []string{"activemq"}},
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
	{"mongodb", "MongoDB", Database, []string{"mongod", "mongos"}, nil, []int{27017}, []string{"mongodb"}},
	{"redis", "Redis", Cache, []string{"redis-server", "valkey-server", "keydb-server"}, nil, []int{6379}, []string{"redis", "valkey"}},
	{"sentinel", "Redis Sentinel", Cache, []string{"redis-sentinel"}, nil, []int{26379}, []string{"redis"}},
	{"memcached", "memcached", Cache, []string{"memcached"}, nil, []int{11211}, []string{"memcached"}},
	{"rabbitmq", "RabbitMQ", Queue, []string{"beam", "beam.smp"}, nil, []int{5672}, []string{"rabbitmq"}},
	{"minio", "MinIO", Storage, []string{"minio"}, nil, nil, []string{"minio"}},
	{"nfs", "NFS", Storage, []string{"nfsd", "rpc.nfsd"}, nil, []int{2049}, nil},
	{"samba", "Samba", Storage, []string{"smbd"}, nil, []int{445}, []string{"samba"}},
	{"etcd", "etcd", Support, []string{"etcd"}, nil, []int{2379}, []string{"etcd"}},
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
	s.Kind, s.Title, s.Version = k.name, k.title, k.version(packages)
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
