package link

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// configures gives a host what its files name, in one file, a line each.
func configures(h inventory.Host, process string, named ...fact.Dependency) inventory.Host {
	for n := range named {
		named[n].Process, named[n].File, named[n].Line = process, "/etc/x", n+1
	}
	h.Facts.Dependencies = seen(named)
	return h
}

func to(scheme, host string, port int) fact.Dependency {
	return fact.Dependency{Host: host, Port: port, Scheme: scheme}
}

// kept writes links with what sets the configured apart.
func kept(m Map) []string {
	out := []string{}
	for _, l := range m.Links {
		out = append(out, fmt.Sprintf("%s -> %s:%d %s %s observed=%t configured=%t declared=%t %s %v", l.From.Name(), l.To.Name(), l.Port, l.Kind, l.State, l.Observed, l.Configured, l.Declared, l.Role, l.Sources))
	}
	return out
}

func TestConfigured(t *testing.T) {
	t.Parallel()
	named := func(h inventory.Host, lines ...string) inventory.Host {
		h.Facts.DNS = seen(fact.DNS{Hosts: lines})
		return h
	}
	calls := func(h inventory.Host, name string) inventory.Host {
		h.Facts.Kernel = seen(fact.Kernel{Host: name})
		return h
	}
	balancer := machineAt("lb1", "10.0.0.9")
	balancer.Facts.Balancers = seen([]fact.Balancer{{Backend: "b", Mode: "http", Targets: []fact.Target{
		{Server: "a", Host: "10.0.0.1", Port: 8080, File: "/etc/haproxy/haproxy.cfg", Line: 7}, {Server: "u", File: "/etc/haproxy/haproxy.cfg", Line: 8},
	}}})
	for _, c := range []struct {
		name  string
		hosts []inventory.Host
		draft Draft
		want  []string
	}{
		{"seen and configured", []inventory.Host{
			configures(machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306"), "java", to("mysql", "10.0.1.1", 3306), to("", "10.0.1.1", 3306)),
			machineAt("db1", "10.0.1.1", "3306 mysqld"),
		}, Draft{}, []string{"be1 -> db1:3306 mysql established observed=true configured=true declared=false  [/etc/x:1 /etc/x:2]"}},
		{"configured and silent, and declared", []inventory.Host{
			configures(machineAt("be1", "10.0.0.1"), "java", to("mysql", "10.0.1.1", 3306)), machineAt("db1", "10.0.1.1", "3306 mysqld"),
		}, Draft{Links: []timeline.LinkDraft{{From: "be1", To: "db1"}}}, []string{"be1 -> db1:3306 mysql unused observed=false configured=true declared=true  [/etc/x:1]"}},
		{"a database of which nothing tells the kind, and what is there", []inventory.Host{
			configures(machineAt("be1", "10.0.0.1"), "php-fpm", to("database", "10.0.1.1", 0), to("database", "10.0.1.2", 0), to("database", "10.0.1.3", 0), to("database", "10.0.1.9", 0), to("database", "localhost", 0)),
			machineAt("db1", "10.0.1.1", "3306 mysqld", "33060 mysqld", "8080 java"), machineAt("db2", "10.0.1.2", "3307 mariadbd"), machineAt("db3", "10.0.1.3", "3306 mysqld", "5432 postgres"),
		}, Draft{}, []string{
			"be1 -> 10.0.1.9:0  unused observed=false configured=true declared=false  [/etc/x:4]",
			"be1 -> db1:3306 mysql unused observed=false configured=true declared=false  [/etc/x:1]",
			"be1 -> db2:3307 mariadb unused observed=false configured=true declared=false  [/etc/x:2]",
			"be1 -> db3:0  unused observed=false configured=true declared=false  [/etc/x:3]",
		}},
		{"a database of which nothing tells the kind, and what is called", []inventory.Host{
			configures(machineAt("be1", "10.0.0.1", "php-fpm 10.0.1.3:5432", "php-fpm 10.0.1.9:3306"), "php-fpm", to("database", "10.0.1.3", 0), to("database", "10.0.1.9", 0)),
			machineAt("db3", "10.0.1.3", "3306 mysqld", "5432 postgres"),
		}, Draft{}, []string{
			"be1 -> 10.0.1.9:3306 mysql established observed=true configured=true declared=false  [/etc/x:2]",
			"be1 -> db3:5432 postgresql established observed=true configured=true declared=false  [/etc/x:1]",
		}},
		{"names", []inventory.Host{
			named(configures(machineAt("be1", "10.0.0.1"), "java", to("redis", "cache", 6379), to("mysql", "db1.lan", 3306), to("", "billing.lan", 9001), to("amqp", "mq.example.com", 5672), to("mysql", "localhost", 3306)), "10.0.2.1 cache.lan cache"),
			machineAt("db1", "10.0.1.1"), machineAt("10.0.2.1", "10.0.2.1", "6379 redis-server"), calls(machineAt("old", "10.0.3.1"), "billing"),
			calls(machineAt("x.lan", "10.0.4.1"), "billing.lan"), calls(machineAt("db1.lan", "10.0.5.1"), "db1"),
		}, Draft{}, []string{
			"be1 -> 10.0.2.1:6379 redis unused observed=false configured=true declared=false  [/etc/x:1]",
			"be1 -> be1:3306 mysql unused observed=false configured=true declared=false  [/etc/x:5]",
			"be1 -> db1.lan:3306 mysql unused observed=false configured=true declared=false  [/etc/x:2]",
			"be1 -> mq.example.com:5672 rabbitmq unused observed=false configured=true declared=false  [/etc/x:4]",
			"be1 -> x.lan:9001  unused observed=false configured=true declared=false  [/etc/x:3]",
		}},
		{"the world over HTTP", []inventory.Host{
			configures(machineAt("be1", "10.0.0.1"), "java", to("https", "www.example.com", 443), to("http", "search", 80), to("http", "198.51.100.7", 80), to("http", "10.0.9.9", 80), to("x", "y", 0)),
		}, Draft{}, []string{
			"be1 -> 10.0.9.9:80 http unused observed=false configured=true declared=false  [/etc/x:4]",
			"be1 -> search:80 http unused observed=false configured=true declared=false  [/etc/x:2]",
		}},
		{"the world over HTTP, by a web server", []inventory.Host{
			configures(machineAt("web1", "10.0.0.1"), "apache2", to("https", "www.example.com", 443), to("http", "10.0.0.2", 8080), to("ajp", "10.0.0.2", 8009), to("fastcgi", "10.0.0.2", 9000)), machineAt("be1", "10.0.0.2", "8080 java", "8009 java"),
		}, Draft{}, []string{
			"web1 -> be1:8009 java unused observed=false configured=true declared=false  [/etc/x:3]",
			"web1 -> be1:8080 java unused observed=false configured=true declared=false  [/etc/x:2]",
			"web1 -> be1:9000 php unused observed=false configured=true declared=false  [/etc/x:4]",
			"web1 -> www.example.com:443 http unused observed=false configured=true declared=false  [/etc/x:1]",
		}},
		{
			"a balancer's servers",
			[]inventory.Host{balancer, machineAt("be1", "10.0.0.1", "8080 java")},
			Draft{},
			[]string{"lb1 -> be1:8080 java unused observed=false configured=true declared=false  [/etc/haproxy/haproxy.cfg:7]"},
		},
		{"replication that nobody sees", []inventory.Host{
			machineAt("db1", "10.0.1.1", "3306 mariadbd"), configures(machineAt("db2", "10.0.1.2", "3306 mysqld"), "mysqld", to("mysql", "10.0.1.1", 3306)),
		}, Draft{}, []string{"db2 -> db1:3306 mariadb unused observed=false configured=true declared=false  [/etc/x:1]"}},
		{"replication of one kind", []inventory.Host{
			machineAt("db1", "10.0.1.1", "3306 mysqld"), configures(machineAt("db2", "10.0.1.2", "3306 mysqld"), "mysqld", to("mysql", "10.0.1.1", 3306)),
		}, Draft{}, []string{"db2 -> db1:3306 mysql unused observed=false configured=true declared=false replica [/etc/x:1]"}},
	} {
		m := Join(fleet(c.hosts...), nil, c.draft)
		if diff := cmp.Diff(c.want, kept(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A test that is answered does not make a link used; one that fails says so.
func TestApplyToUnused(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[string]State{"open": Unused, "timeout": Attempted} {
		m := Join(fleet(configures(machineAt("be1", "10.0.0.1"), "java", to("mysql", "10.0.1.1", 3306)), machineAt("db1", "10.0.1.1", "3306 mysqld")), nil, Draft{})
		m.Apply([]Test{{From: "be1", To: "db1", Port: 3306, Outcome: outcome, At: at.Add(1)}})
		if got := m.Links[0]; got.State != want || got.Test != outcome {
			t.Errorf("%s: %+v", outcome, got)
		}
	}
}

// Siblings are not asked for what only one host's file names.
func TestDoorsOfUnused(t *testing.T) {
	t.Parallel()
	m := Join(fleet(
		configures(machineAt("be1", "10.0.0.1", "8080 java"), "java", to("mysql", "10.0.1.1", 3306), to("redis", "cache.lan", 6379)),
		machineAt("be2", "10.0.0.2", "8080 java"), machineAt("db1", "10.0.1.1", "3306 mysqld"),
	), nil, Draft{})
	var got []string
	for _, d := range m.Doors(m.Groups()) {
		got = append(got, fmt.Sprintf("%s -> %s (%s:%d)", d.From, d.To, d.Address, d.Port))
	}
	if diff := cmp.Diff([]string{"be1 -> cache.lan (cache.lan:6379)", "be1 -> db1 (10.0.1.1:3306)"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
