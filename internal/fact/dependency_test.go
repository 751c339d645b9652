package fact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named are the dependencies that files name, as "scheme host:port file:line".
func named(out string) []string {
	list := []string{}
	for _, d := range observe(dependenciesFact(), Raw{Out: out + "#end\n", Root: true}).Dependencies.Value {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s:%d %s:%d", d.Scheme, d.Host, d.Port, d.File, d.Line)))
	}
	return list
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		lines      []string
		want       []string
	}{
		{"a host and its port", "/a/.env", []string{"DB_HOST=db1", "DB_PORT=3307"}, []string{"db1:3307 /a/.env:1"}},
		{"the port first", "/a/.env", []string{"DB_PORT=3307", "DB_HOST=db1"}, []string{"db1:3307 /a/.env:2"}},
		{"two pairs", "/a/.env", []string{"DB_HOST=db1", "DB_PORT=1", "REDIS_HOST=r1", "REDIS_PORT=2"}, []string{"db1:1 /a/.env:1", "redis r1:2 /a/.env:3"}},
		{"a host whose key tells the port", "/a/.env", []string{"REDIS_HOST='r1'"}, []string{"redis r1:6379 /a/.env:1"}},
		{"a host alone tells nothing", "/a/.env", []string{"HOST=web1", "APP_HOST=x"}, nil},
		{"a database of which nothing tells the kind", "/a/.env", []string{"DB_HOST=db1", "DATABASE_HOST=db2", "ORDERS_DB_SERVER=db3"}, []string{"database db1:0 /a/.env:1", "database db2:0 /a/.env:2", "database db3:0 /a/.env:3"}},
		{"what the name tells", "/a/.env", []string{"MYSQL_HOST=db1", "PGHOST=db2", "POSTGRES_HOST=db3", "MONGO_HOST=db4", "MEMCACHED_HOST=mc1", "RABBITMQ_HOST=mq1"}, []string{"mysql db1:3306 /a/.env:1", "postgresql db2:5432 /a/.env:2", "postgresql db3:5432 /a/.env:3", "mongodb db4:27017 /a/.env:4", "memcached mc1:11211 /a/.env:5", "amqp mq1:5672 /a/.env:6"}},
		{"a kind before the host", "/a/.env", []string{"DB_CONNECTION=mysql", "DB_HOST=db1", "DB_PASSWORD=canary"}, []string{"mysql db1:3306 /a/.env:2"}},
		{"a kind behind the host, and a port", "/a/.env", []string{"DB_HOST=db1", "DB_PORT=5433", "DB_TYPE=\"postgres\""}, []string{"postgresql db1:5433 /a/.env:1"}},
		{"a kind under another name for a database", "/a/x.properties", []string{"datasource.driver-class-name=com.mysql.cj.jdbc.Driver", "database.host=db1"}, []string{"mysql db1:3306 /a/x.properties:2"}},
		{"a kind of something else", "/a/.env", []string{"CACHE_DRIVER=redis", "DB_HOST=db1"}, []string{"database db1:0 /a/.env:2"}},
		{"a kind in YAML", "/a/database.yml", []string{"production:", "  adapter: mysql2", "  host: db1", "test:", "  adapter: sqlite3", "  host: db9"}, []string{"mysql db1:3306 /a/database.yml:3"}},
		{"a kind in JSON", "/a/config.json", []string{`  "database": {`, `    "host": "db1",`, `    "dialect": "mssql"`, `  }`}, []string{"sqlserver db1:1433 /a/config.json:2"}},
		{"a database in a file, and the host left over", "/a/.env", []string{"DB_CONNECTION=sqlite", "DB_HOST=127.0.0.1", "DB_PORT=3306"}, nil},
		{"a socket", "/a/.env", []string{"DB_HOST=/run/mysqld/mysqld.sock", "PGHOST=/run/postgresql"}, nil},
		{"where it listens", "/a/x.properties", []string{"server.address=10.0.0.1", "server.port=80", "management.server.host=h", "management.server.port=1"}, nil},
		{"a comment", "/a/x.yml", []string{"# url: redis://r1", "  #host: a"}, nil},
		{"filled in later", "/a/x.yml", []string{"url: redis://${HOST}:6379", "mysql.host: {{ db }}"}, nil},
		{"a default filled in", "/a/x.yml", []string{"url: jdbc:mysql://${HOST:db1}:3306/x"}, nil},
		{"JSON", "/a/config.json", []string{`  "redis": {`, `    "host": "r1",`, `    "port": 6380`, `  }`}, []string{"redis r1:6380 /a/config.json:2"}},
		{"a list", "/a/x.yml", []string{"elasticsearch.hosts: [\"es1:9200\", \"es2:9200\"]"}, []string{"elasticsearch es1:9200 /a/x.yml:1", "elasticsearch es2:9200 /a/x.yml:1"}},
		{"Kafka", "/a/server.properties", []string{"zookeeper.connect=z1:2181,z2:2181", "listeners=PLAINTEXT://:9092"}, []string{"zookeeper z1:2181 /a/server.properties:1", "zookeeper z2:2181 /a/server.properties:1"}},
		{"Oracle", "/a/x.properties", []string{"u=jdbc:oracle:thin:@//ora1:1521/X", "v=jdbc:oracle:thin:scott/canary@ora2:1521:X"}, []string{"oracle ora1:1521 /a/x.properties:1"}},
		{"IPv6", "/a/x.yml", []string{"url: http://[fd00::7]:8080/x"}, []string{"http fd00::7:8080 /a/x.yml:1"}},
		{"a JDBC address of SQL Server", "/a/x.yml", []string{"u: jdbc:sqlserver://sql1:1433;user=x;password=canary"}, []string{"sqlserver sql1:1433 /a/x.yml:1"}},
		{"XML", "/opt/tomcat/conf/context.xml", []string{`  url="jdbc:postgresql://db3/shop" password="canary"`}, []string{"postgresql db3:5432 /opt/tomcat/conf/context.xml:1"}},
		{"files of our own", "/a/x.yml", []string{"u: file:///etc/passwd", "v: jdbc:h2:mem:x", "w: sqlite:///x.db"}, nil},
		{"one line of nginx", "/etc/nginx/nginx.conf", []string{"upstream a { server 10.0.0.1; server b:81; } server { listen 80; }"}, []string{"10.0.0.1:80 /etc/nginx/nginx.conf:1", "b:81 /etc/nginx/nginx.conf:1"}},
		{"Apache", "/etc/apache2/x.conf", []string{
			`ProxyPass / http://a:81/`, `ProxyPass "/x" "http://b/x" retry=0`, `ProxyPass http://c.lan:82/`, `ProxyPassMatch ^/(.*)$ http://d:83/$1`, `proxypassmatch "^(/.*)$" "http://e$1"`, `ProxyPass / wss://f/`,
			`RewriteRule ^ http://g:84%{REQUEST_URI} [NC,P]`, `RewriteRule ^ http://g2/%1 [proxy,L]`, `ProxyRemote * http://h:3128`, `AuthLDAPURL "ldap://i/o=x?uid" NONE`, `SetHandler "proxy:fcgi://[fd00::7]:9000"`, `BalancerMember balancer://x ajp://j`, `BalancerMember http://nobodys`,
		}, []string{
			"http a:81 /etc/apache2/x.conf:1", "http b:80 /etc/apache2/x.conf:2", "http c.lan:82 /etc/apache2/x.conf:3", "http d:83 /etc/apache2/x.conf:4", "http e:80 /etc/apache2/x.conf:5", "https f:443 /etc/apache2/x.conf:6",
			"http g2:80 /etc/apache2/x.conf:8", "http h:3128 /etc/apache2/x.conf:9", "ldap i:389 /etc/apache2/x.conf:10", "fastcgi fd00::7:9000 /etc/apache2/x.conf:11", "ajp j:8009 /etc/apache2/x.conf:12",
		}},
		{"what Apache does not call", "/etc/httpd/conf.d/x.conf", []string{
			`Redirect / http://a/`, `ProxyPassReverse / http://a/`, `ErrorDocument 404 http://a/`, `RewriteRule ^ http://a/ [R=301,L]`, `RewriteRule ^ http://a/`, `ProxyPass / balancer://a/`, `ProxyPass /x !`, `ProxyPass / unix:/run/x|http://a/`,
			`RewriteRule ^/(.*) http://$1/ [P]`, `RewriteRule ^/(.*) http://a$1.lan/ [P]`, `ProxyPass / http://${BACK}/`, `SetHandler x`, `ProxyPass`, `<Proxy http://a>`, `ProxyPass / http://u:1/p@a/`,
		}, nil},
		{"an old main of MySQL", "/etc/my.cnf", []string{"master-host = 10.0.1.1"}, []string{"mysql 10.0.1.1:3306 /etc/my.cnf:1"}},
		{"nobody's main", "/etc/redis/redis.conf", []string{"replicaof no one", "# slaveof a 1"}, nil},
		{"a password with a sign", "/a/.env", []string{"U=redis://u:ca@nary@r1:6379/0"}, []string{"redis r1:6379 /a/.env:1"}},
		{"a password with a slash", "/a/.env", []string{"U=redis://u:ca/nary@r1:6379/0"}, nil},
	} {
		var out strings.Builder
		for n, l := range c.lines {
			fmt.Fprintf(&out, "%s:%d:%s\n", c.file, n+1, l)
		}
		want := c.want
		if want == nil {
			want = []string{}
		}
		got := named(out.String())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if strings.Contains(strings.Join(got, ""), "nary") {
			t.Errorf("%s: a secret was kept: %q", c.name, got)
		}
	}
}

// Whatever stands around a host, its user and its password are never kept.
func TestDependenciesKeepNoSecret(t *testing.T) {
	t.Parallel()
	const canary = "s3cr3tcanary"
	for _, file := range []string{"/a/.env", "/a/x.yml", "/a/x.properties", "/etc/nginx/nginx.conf", "/etc/redis/redis.conf", "/etc/apache2/x.conf", "/etc/my.cnf", "/p/postgresql.auto.conf", "/v/master.info", "/etc/redis/sentinel.conf"} {
		for _, line := range []string{
			"redis://:" + canary + "@r1:6379/0", "U=mysql://root:" + canary + "@db1/x?password=" + canary, "U=mongodb://" + canary + ":x@a:1,b:2/" + canary,
			"password: " + canary, "requirepass " + canary, "masterauth " + canary, "sentinel auth-pass m " + canary, "server be1:80 " + canary + ";",
			"upstream x { server a:80 " + canary + "; }", "proxy_pass http://u:" + canary + "@a:80/" + canary + "?" + canary + ";",
			"primary_conninfo = 'host=a password=" + canary + " port=5'", "primary_conninfo = 'postgresql://u:" + canary + "@a:5/x'", "replicaof a 6379 " + canary,
			"jdbc:oracle:thin:scott/" + canary + "@//ora:1521/x", "url=jdbc:sqlserver://a;password=" + canary, "db.password=" + canary, "x " + canary,
			"BalancerMember balancer://x ajp://u:" + canary + "@a:1/" + canary + " secret=" + canary, "ProxyPass / http://u:" + canary + "@a/" + canary + " key=" + canary, "RewriteRule ^ http://u:1/" + canary + "@a/ [P]",
			"redis://u:pa:" + canary + "@a:1", "U=redis://" + canary + "/x@a:1", "U=redis://u:1/" + canary + "@a:1", "x=https://a:443/" + canary, "redis://u:a b" + canary + "@r1", "amqp://u:" + canary + "#x@r1:1",
		} {
			raw := Raw{Out: fmt.Sprintf("%s:4:%s\n%s:7:3306\n#end\n", file, line, file), Root: true}
			set := observe(dependenciesFact(), raw)
			if strings.Contains(file, "apache2") {
				set.Upstreams = observe(upstreamsFact(), raw).Upstreams
			}
			stored, err := json.Marshal(set)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(stored), canary) {
				t.Errorf("%s: %s was stored: %s", file, line, stored)
			}
		}
	}
}

func TestDependenciesUnknown(t *testing.T) {
	t.Parallel()
	if got := observe(dependenciesFact(), Raw{}).Dependencies; got.State != Unknown || got.Reason == "" {
		t.Errorf("without /proc: %+v", got)
	}
	if got := observe(dependenciesFact(), Raw{Out: "#end\n", Root: true}).Dependencies; got.State != OK || len(got.Value) != 0 {
		t.Errorf("nothing to read: %+v", got)
	}
}

func FuzzDependencies(f *testing.F) {
	for _, x := range fixtures(f, "dependencies") {
		f.Add(raw(x.archive).Out)
	}
	f.Add("/etc/apache2/x:1:<Proxy \"balancer://a\">\n/etc/apache2/x:2:BalancerMember http://b:1 \\\n/etc/apache2/x:3:retry=0 status=+H-D\n/etc/apache2/x:4:ProxyPassMatch ^(.*)$ http://c$1\n/etc/apache2/x:5:RewriteRule x http://d/ [P]\n#is /etc/apache2/x:/y\n/y:1:SetHandler proxy:fcgi://e\n#end\n")
	f.Add("#cwd /proc/1 / nginx\n#is nginx:/x\n/x:1:upstream a {\n/x:2:include y*;\n/x:3:}\n#is /x:/y1\n/y1:1:server 1.2.3.4;\n/a/.env:1:DB_TYPE=pg\n/a/.env:2:DB_HOST=b\n#end\n")
	f.Fuzz(func(t *testing.T, out string) {
		for _, u := range observe(upstreamsFact(), Raw{Out: out}).Upstreams.Value {
			if len(u.Servers) > maxItems || u.File != clean(u.File) || u.Name != clean(u.Name) {
				t.Errorf("%+v was kept", u)
			}
		}
		for _, d := range observe(dependenciesFact(), Raw{Out: out}).Dependencies.Value {
			if host, ok := hostName(d.Host); !ok || host != d.Host || d.Port < 0 || d.Port > 65535 || d.File != clean(d.File) || d.Scheme != clean(d.Scheme) || d.Process != clean(d.Process) {
				t.Errorf("%+v was kept", d)
			}
		}
	})
}

// Two nginx of one host include files of the same names, each its own.
func TestIncludesOfTwoNginx(t *testing.T) {
	t.Parallel()
	out := ""
	for n, dir := range []string{"/a", "/b"} {
		out += fmt.Sprintf("#is nginx:%[1]s/nginx.conf\n%[1]s/nginx.conf:1:upstream app {\n%[1]s/nginx.conf:2:include servers/*.conf;\n%[1]s/nginx.conf:3:}\n"+
			"#is %[1]s/nginx.conf:%[1]s/servers/x.conf\n%[1]s/servers/x.conf:1:server 10.0.0.%[2]d:80;\n", dir, n+1)
	}
	for n, u := range observe(upstreamsFact(), Raw{Out: out + "#end\n", Root: true}).Upstreams.Value {
		if want := fmt.Sprintf("10.0.0.%d:80", n+1); len(u.Servers) != 1 || u.Servers[0] != want {
			t.Errorf("%s: %v, want %s alone", u.File, u.Servers, want)
		}
	}
}

// A file that lies elsewhere, and what it includes, is its program's.
func TestConfigurationsElsewhere(t *testing.T) {
	t.Parallel()
	out := "#cwd /proc/1 / redis-server\n#is redis-server:/opt/x/a.conf\n#is /opt/x/a.conf:/opt/x/b\n#sums 3\n1 2 /opt/x/a.conf\n1 2 /opt/x/b\n1 2 /opt/x/c\n#end\n"
	got := []string{}
	for _, c := range observe(configurationsFact(), Raw{Out: out, Root: true}).Configurations.Value {
		got = append(got, c.File+" "+c.Process)
	}
	if diff := cmp.Diff([]string{"/opt/x/a.conf redis-server", "/opt/x/b redis-server", "/opt/x/c "}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A file that a program was started with and that is not there to be read is named,
// without what may be secret on the command line.
func TestConfigurationsNotFound(t *testing.T) {
	t.Parallel()
	raw := Raw{Out: "#cwd /proc/1 / nginx\n#unread nginx: master process nginx -g token=canary; -c shop.conf\n#end\n", Root: true}
	set := observe(upstreamsFact(), raw)
	if got := set.Upstreams; got.State != Partial || !strings.HasSuffix(got.Reason, "-c shop.conf") || strings.Contains(got.Reason, "canary") || strings.Contains(got.Reason, "master") {
		t.Errorf("%+v", got)
	}
}
