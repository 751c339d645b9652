package link

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var at = time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)

func seen[T any](value T) fact.Observed[T] {
	return fact.Observed[T]{Value: value, State: fact.OK, Source: "test", At: at}
}

// machineAt is a host with addresses, listeners ("80 nginx", "127.0.0.1:25
// master") and connections ("java 10.0.1.1:3306", "< nginx :80 10.0.0.9",
// "syn java 10.0.1.1:3306").
func machineAt(name, addresses string, sockets ...string) inventory.Host {
	h := inventory.Host{Name: name, Seen: at}
	var eth fact.Interface
	eth.Name = "eth0"
	for a := range strings.FieldsSeq(addresses) {
		if !strings.Contains(a, "/") {
			a += "/16"
		}
		eth.Addresses = append(eth.Addresses, netip.MustParsePrefix(a))
	}
	h.Access.Address = eth.Addresses[0].Addr().String()
	lo := fact.Interface{Name: "lo", Kind: "loopback", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}}
	h.Facts.Interfaces = seen([]fact.Interface{lo, eth})
	h.Facts.Sockets = seen(sock(h.Access.Address, sockets...))
	return h
}

func sock(address string, lines ...string) fact.Sockets {
	var s fact.Sockets
	for _, line := range lines {
		f := strings.Fields(line)
		switch {
		case f[0] == "<":
			local := f[2]
			if strings.HasPrefix(local, ":") {
				local = address + local
			}
			s.Connections = append(s.Connections, fact.Connection{
				State: "established", Inbound: true, Process: strings.Trim(f[1], "-"), Count: 1,
				Local: netip.MustParseAddrPort(local), Remote: netip.AddrPortFrom(netip.MustParseAddr(f[3]), 0),
			})
		case f[0] == "syn":
			s.Connections = append(s.Connections, out("syn-sent", address, f[1], f[2]))
		case strings.Contains(f[1], ":"):
			s.Connections = append(s.Connections, out("established", address, f[0], f[1]))
		default:
			s.Listeners = append(s.Listeners, listener(f[0], f[1]))
		}
	}
	return s
}

func out(state, address, process, to string) fact.Connection {
	return fact.Connection{
		State: state, Process: strings.Trim(process, "-"), Count: 1,
		Local: netip.AddrPortFrom(netip.MustParseAddr(address), 0), Remote: netip.MustParseAddrPort(to),
	}
}

func listener(where, process string) fact.Listener {
	if !strings.Contains(where, ":") {
		where = "0.0.0.0:" + where
	}
	a := netip.MustParseAddrPort(where)
	return fact.Listener{
		Proto: "tcp", Addr: a.Addr(), Port: int(a.Port()), Process: strings.Trim(process, "-"),
		All: a.Addr().IsUnspecified(), Local: a.Addr().IsLoopback(), PID: 1,
	}
}

func fleet(hosts ...inventory.Host) inventory.Fleet {
	slices.SortFunc(hosts, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	return inventory.Fleet{Hosts: hosts}
}

// lines writes links so that a person can compare them.
func lines(m Map) []string {
	all := []string{}
	for _, l := range m.Links {
		line := fmt.Sprintf("%s[%s] -> %s:%d %s %s", l.From.Name(), l.From.Process, l.To.Name(), l.Port, l.Kind, l.State)
		for _, word := range []struct {
			text string
			is   bool
		}{{"client", l.ByClient}, {"server", l.ByServer}, {"declared", l.Declared}, {"within", l.Within}, {l.Role, l.Role != ""}, {"doubt", l.Doubt != ""}} {
			if word.is {
				line += " " + word.text
			}
		}
		all = append(all, line)
	}
	return all
}

func TestJoin(t *testing.T) {
	t.Parallel()
	keepalived := func(h inventory.Host) inventory.Host {
		h.Facts.Processes = seen([]fact.Process{{Name: "keepalived"}})
		return h
	}
	sameMachine := func(h inventory.Host) inventory.Host {
		h.Facts.MachineID = seen("cafe")
		return h
	}
	for _, c := range []struct {
		name  string
		hosts []inventory.Host
		want  []string
	}{
		{"both ends", []inventory.Host{
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306"),
			machineAt("db1", "10.0.1.1", "3306 mysqld", "< mysqld :3306 10.0.0.1"),
		}, []string{"be1[java] -> db1:3306 mysql established client server"}},
		{"only the listener was visited", []inventory.Host{
			machineAt("db1", "10.0.1.1", "3306 mysqld", "< mysqld :3306 10.0.0.1"),
		}, []string{"10.0.0.1[] -> db1:3306 mysql established server"}},
		{"only the client was visited", []inventory.Host{
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306", "java 198.51.100.7:443"),
		}, []string{"be1[java] -> 10.0.1.1:3306 mysql established client", "be1[java] -> 198.51.100.7:443 http established client"}},
		{"both ports are ephemeral", []inventory.Host{
			machineAt("a", "10.0.0.1", "worker 10.0.1.1:45001"),
			machineAt("b", "10.0.1.1", "45001 rpcd", "< rpcd :45001 10.0.0.1"),
		}, []string{"a[worker] -> b:45001 rpcd established client server"}},
		{"the listener has closed, its connections live on", []inventory.Host{
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:45001"),
			machineAt("b", "10.0.1.1", "rpcd 10.0.0.1:51001"), // which is how its end looks now
		}, []string{"be1[java] -> b:45001  established client doubt"}},
		{"a client in vain", []inventory.Host{
			machineAt("be2", "10.0.0.2", "syn java 10.0.1.1:3306"),
			machineAt("db1", "10.0.1.1", "3306 mysqld"),
		}, []string{"be2[java] -> db1:3306 mysql attempted client"}},
		{"within a host: loopback and its own address", []inventory.Host{
			machineAt("a", "10.0.0.1", "80 nginx", "127.0.0.1:9000 php-fpm7.4", "nginx 127.0.0.1:9000", "curl 10.0.0.1:80", "< php-fpm7.4 127.0.0.1:9000 127.0.0.1"),
		}, []string{"a[curl] -> a:80 nginx established client within", "a[nginx] -> a:9000 php established client server within"}},
		{"every host has the address of its own Docker", []inventory.Host{
			machineAt("a", "10.0.0.1 172.17.0.1", "9090 node", "curl 172.17.0.1:9090"),
			machineAt("b", "10.0.0.2 172.17.0.1", "9090 node"),
			machineAt("c", "10.0.0.3", "curl 172.17.0.1:9090"), // nobody can tell whose
		}, []string{"a[curl] -> a:9090 node established client within", "c[curl] -> 172.17.0.1:9090  established client"}},
		{"one machine under two names", []inventory.Host{
			sameMachine(machineAt("db1", "10.0.1.1", "3306 mysqld")), sameMachine(machineAt("db1.corp", "10.0.1.1", "3306 mysqld")),
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306"),
		}, []string{"be1[java] -> db1:3306 mysql established client"}},
		{"a virtual address", []inventory.Host{
			keepalived(machineAt("lb1", "10.0.0.1 10.0.0.100/32", "80 haproxy")), keepalived(machineAt("lb2", "10.0.0.2", "80 haproxy")),
			machineAt("be1", "10.0.1.1", "java 10.0.0.100:80"),
		}, []string{"be1[java] -> lb1:80 haproxy established client"}},
		{"strangers are one", []inventory.Host{
			machineAt("lb1", "10.0.0.1", "443 haproxy", "< haproxy :443 203.0.113.7", "< haproxy :443 198.51.100.9"),
		}, []string{"internet[] -> lb1:443 haproxy established server"}},
		{"a replica calls its main", []inventory.Host{
			machineAt("redis1", "10.0.0.1", "6379 redis-server"), machineAt("redis2", "10.0.0.2", "6379 redis-server", "redis-server 10.0.0.1:6379"),
		}, []string{"redis2[redis-server] -> redis1:6379 redis established client replica"}},
		{"closing connections have no process", []inventory.Host{
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306", "- 10.0.1.1:3306", "php 10.0.1.1:3306"),
			machineAt("db1", "10.0.1.1", "3306 mysqld", "< - :3306 10.0.0.1"),
		}, []string{"be1[java] -> db1:3306 mysql established client server", "be1[php] -> db1:3306 mysql established client"}},
		{"behind a redirection", []inventory.Host{
			machineAt("be1", "10.0.0.1", "java 10.0.1.1:8080"), machineAt("web", "10.0.1.1", "80 nginx"),
		}, []string{"be1[java] -> web:8080  established client doubt"}},
		{"a process that nobody may see", []inventory.Host{
			machineAt("a", "10.0.0.1", "- 10.0.1.1:6379"), machineAt("b", "10.0.1.1", "6379 -"),
		}, []string{"a[] -> b:6379 redis established client"}},
	} {
		m := Join(fleet(c.hosts...), nil, Draft{})
		if diff := cmp.Diff(c.want, lines(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Several visits together show what one does not: a link that was idle, an
// address that has moved since, a listener that ended.
func TestJoinSamples(t *testing.T) {
	t.Parallel()
	earlier := Sample{Host: "be1", At: at.Add(-time.Hour), Sockets: sock("10.0.0.1", "java 10.0.2.1:6379", "java 10.0.1.1:3306", "java 10.0.0.100:80")}
	moved := Sample{
		Host: "lb2", At: at.Add(-time.Hour), Sockets: sock("10.0.3.2", "80 haproxy"),
		Interfaces: []fact.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.100/32")}}},
	}
	f := fleet(
		machineAt("be1", "10.0.0.1", "syn java 10.0.1.1:3306"),
		machineAt("db1", "10.0.1.1", "3306 mysqld"),
		machineAt("redis1", "10.0.2.1", "6379 redis-server"),
		machineAt("lb1", "10.0.3.1 10.0.0.100/32", "80 haproxy"), machineAt("lb2", "10.0.3.2", "80 haproxy"),
	)
	m := Join(f, []Sample{earlier, moved, {Host: "nobody knows me"}}, Draft{})
	want := []string{
		"be1[java] -> db1:3306 mysql established client",
		"be1[java] -> lb1:80 haproxy established client",
		"be1[java] -> redis1:6379 redis established client",
	}
	if diff := cmp.Diff(want, lines(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l := m.Links[0]; !l.First.Equal(at.Add(-time.Hour)) || !l.Last.Equal(at) {
		t.Errorf("seen from %v to %v", l.First, l.Last)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	pair := func(second string) Map {
		lb1, lb2 := machineAt("lb1", "10.0.0.1 10.0.0.100/32", "80 haproxy", "22 sshd"), machineAt("lb2", second, "80 haproxy", "22 sshd")
		lb1.Facts.Processes, lb2.Facts.Processes = seen([]fact.Process{{Name: "keepalived"}}), seen([]fact.Process{{Name: "keepalived"}})
		return Join(fleet(lb1, lb2), nil, Draft{})
	}
	role := func(m Map, host string, port int) string {
		s, ok := m.Find(host, port)
		if !ok {
			t.Fatalf("no service on %s:%d", host, port)
		}
		return s.Role
	}
	m := pair("10.0.0.2")
	if a, b, ssh := role(m, "lb1", 80), role(m, "lb2", 80), role(m, "lb1", 22); a != Active || b != Standby || ssh != "" {
		t.Errorf("lb1 is %q, lb2 %q, its sshd %q", a, b, ssh)
	}
	if n, _ := m.Node("lb1"); !slices.Equal(n.Virtual, []string{"10.0.0.100"}) {
		t.Errorf("virtual addresses: %v", n.Virtual)
	}
	m = pair("10.0.0.2 10.0.0.101/32") // each has one: both work
	if a, b := role(m, "lb1", 80), role(m, "lb2", 80); a != Active || b != Active {
		t.Errorf("lb1 is %q, lb2 %q", a, b)
	}
	// What keepalived is told counts, not what an address looks like.
	told := func(name, addresses string) inventory.Host {
		h := machineAt(name, addresses, "80 haproxy")
		h.Facts.Processes = seen([]fact.Process{{Name: "keepalived"}})
		h.Facts.VirtualRouters = seen([]fact.VirtualRouter{{Name: "VI_1", Addresses: []string{"10.0.0.100"}}})
		return h
	}
	m = Join(fleet(told("lb1", "10.0.0.1 10.0.0.9/32"), told("lb2", "10.0.0.2 10.0.0.100/24")), nil, Draft{})
	if a, b := role(m, "lb1", 80), role(m, "lb2", 80); a != Standby || b != Active {
		t.Errorf("as configured, lb1 is %q, lb2 %q", a, b)
	}
	m = Join(fleet(machineAt("db1", "10.0.0.1", "3306 mysqld"), machineAt("db2", "10.0.0.2", "3306 mysqld", "mysqld 10.0.0.1:3306")), nil, Draft{})
	if a, b := role(m, "db1", 3306), role(m, "db2", 3306); a != Main || b != Replica {
		t.Errorf("db1 is %q, db2 %q", a, b)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	packages := []fact.Package{
		{Name: "haproxy", Version: "1.4.25-1~bpo7+1"},
		{Name: "jenkins", Version: "2.60.3"},
		{Name: "mariadb-server-10.11", Version: "1:10.11.6-0+deb12u1"},
		{Name: "nginx-common", Version: "9"},
		{Name: "nginx", Version: "1.14.0-0ubuntu1.11"},
		{Name: "redis-server", Version: "5:7.0.15-1~deb12u1"},
	}
	for _, c := range []struct {
		process, command string
		port             int
		want             string
	}{
		{"haproxy", "/usr/sbin/haproxy -D", 80, "HAProxy 1.4.25-1~bpo7+1 sure"},
		{"nginx", "nginx: master process", 80, "nginx 1.14.0-0ubuntu1.11 sure"},
		{"redis-server", "", 7000, "Redis 7.0.15-1~deb12u1 sure"},
		{"mysqld", "", 3306, "MariaDB 10.11.6-0+deb12u1 sure"},
		{"java", "java -jar /usr/share/jenkins/jenkins.war", 8080, "Jenkins 2.60.3 sure"},
		{"java", "java -Dspring.profiles.active=prod -jar x.jar", 8080, "Spring  sure"},
		{"java", "java kafka.Kafka server.properties", 9092, "Kafka  sure"},
		{"springd", "/opt/spring/springd", 8080, "springd  "},
		{"php-fpm8.2", "", 9000, "PHP-FPM  sure"},
		{"billing", "", 9001, "billing  "},
		{"", "", 6379, "Redis 7.0.15-1~deb12u1 "},
		{"", "", 9001, "unknown  "},
	} {
		s := recognise("h", fact.Listener{Proto: "tcp", Port: c.port, Process: c.process, Command: c.command}, packages)
		got := s.Title + " " + s.Version + " "
		if s.Sure {
			got += "sure"
		}
		if got != c.want {
			t.Errorf("%s %q port %d: %q, want %q", c.process, c.command, c.port, got, c.want)
		}
	}
}

func TestDraft(t *testing.T) {
	t.Parallel()
	declare := func(kind timeline.Kind, data any) timeline.Entry {
		e, err := timeline.New("i", "me", kind, at, data)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	draft := DraftOf([]timeline.Entry{
		declare(timeline.HostDeclared, timeline.HostDraft{Name: "db1", Runs: "redis"}),
		declare(timeline.HostDeclared, timeline.HostDraft{Name: "db1", Runs: "mysql", Group: "Database HA"}),
		declare(timeline.HostDeclared, timeline.HostDraft{Name: "gone"}),
		declare(timeline.HostRetracted, timeline.HostDraft{Name: "gone"}),
		declare(timeline.HostDeclared, timeline.HostDraft{Name: "the database", Address: "10.0.1.1", Group: "Data"}),
		declare(timeline.LinkDeclared, timeline.LinkDraft{From: "be1", To: "10.0.1.1", Label: "reads"}),
		declare(timeline.LinkDeclared, timeline.LinkDraft{From: "be1", To: "redis9", Port: 6379, Style: "dashed"}),
		declare(timeline.LinkDeclared, timeline.LinkDraft{From: "a", To: "b"}),
		declare(timeline.LinkRetracted, timeline.LinkDraft{From: "a", To: "b"}),
		declare(timeline.LinkDeclared, "of another shape"),
	})
	if len(draft.Hosts) != 2 || draft.Hosts[0].Runs != "mysql" || len(draft.Links) != 2 {
		t.Fatalf("the draft is %+v", draft)
	}
	before := Join(inventory.Fleet{}, nil, draft)
	if diff := cmp.Diff([]string{"be1[] -> 10.0.1.1:0  silent declared", "be1[] -> redis9:6379 redis silent declared"}, lines(before)); diff != "" {
		t.Errorf("before any visit (-want +got):\n%s", diff)
	}
	f := fleet(machineAt("be1", "10.0.0.1", "java 10.0.1.1:3306"), machineAt("mysql1", "10.0.1.1", "3306 mysqld"))
	after := Join(f, nil, draft)
	want := []string{"be1[java] -> mysql1:3306 mysql established client declared", "be1[] -> redis9:6379 redis silent declared"}
	if diff := cmp.Diff(want, lines(after)); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	if l := after.Links[0]; l.Label != "reads" {
		t.Errorf("the seen link is labelled %q", l.Label)
	}
	if n, _ := after.Node("mysql1"); !n.Declared || n.Group != "Data" || n.Runs != "mysql" {
		t.Errorf("the declared database is %+v", n)
	}
	if n, ok := after.Node("db1"); !ok || n.Visited || n.Runs != "mysql" {
		t.Errorf("the host nobody visited is %+v", n)
	}
}

// crowd is n hosts that all talk to others.
func crowd(n, sockets int) inventory.Fleet {
	rnd := rand.New(rand.NewPCG(1, 2))
	hosts := make([]inventory.Host, n)
	address := func(n int) string { return fmt.Sprintf("10.%d.%d.%d", n/60000, n/250%240, n%250+1) }
	for i := range hosts {
		lines := []string{"22 sshd", "8080 java", "45001 rpcd"}
		for len(lines) < sockets {
			other := address(rnd.IntN(n))
			lines = append(lines, fmt.Sprintf("java %s:%d", other, []int{8080, 45001}[rnd.IntN(2)]), "< java :8080 "+other)
		}
		hosts[i] = machineAt(fmt.Sprintf("h%04d", i), address(i), lines...)
	}
	return inventory.Fleet{Hosts: hosts}
}

// Equal input gives an equal map, in whatever order maps are walked.
func TestJoinIsDeterministic(t *testing.T) {
	t.Parallel()
	f := crowd(40, 30)
	first := Join(f, nil, Draft{})
	for range 5 {
		if again := Join(f, nil, Draft{}); !reflect.DeepEqual(first, again) {
			t.Fatal("the same fleet gave another map")
		}
	}
}

// A thousand hosts with two hundred sockets each are a second's work: cpu-s is
// what the processor was busy, the collector of garbage included.
func BenchmarkJoin(b *testing.B) {
	f := crowd(1000, 200)
	runtime.GC()
	busy := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := busy()
	for b.Loop() {
		m := Join(f, nil, Draft{})
		runtime.KeepAlive(m)
	}
	b.ReportMetric((busy()-before)/float64(b.N), "cpu-s")
}
