package link

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

func TestSetUp(t *testing.T) {
	t.Parallel()
	sibling := func(n int, change func(f *fact.Set, own string)) inventory.Host {
		own := fmt.Sprintf("10.0.0.%d", n)
		h := machineAt(fmt.Sprintf("be%d", n), own, "8080 java")
		h.Facts.Firewall = seen(fact.Firewall{Kind: "iptables", Text: []string{"-A INPUT -s 10.0.0.0/24 -j ACCEPT", "-A INPUT -d " + own + " -j ACCEPT"}})
		h.Facts.Dependencies = seen([]fact.Dependency{to("mysql", "db1", 3306), {Host: own, Port: 9000, File: "/etc/x", Line: n}})
		h.Facts.Clock = seen(fact.Clock{Offset: time.Duration(n) * time.Millisecond, Error: time.Millisecond})
		h.Facts.Balancers = seen([]fact.Balancer{{Backend: "b", Mode: "tcp", Method: "connect", Targets: []fact.Target{{Server: "s", Host: "10.9.9.9", Port: 1}}}})
		if change != nil {
			change(&h.Facts, own)
		}
		return h
	}
	files := func(all ...fact.Configuration) func(*fact.Set, string) {
		return func(f *fact.Set, _ string) { f.Configurations = seen(slices.Clone(all)) }
	}
	conf := func(file, sum string) fact.Configuration {
		return fact.Configuration{File: file, Process: "nginx", Checksum: sum, Size: 9}
	}
	names := func(line string) func(*fact.Set, string) {
		return func(f *fact.Set, own string) {
			f.DNS = seen(fact.DNS{Hosts: []string{own + " itself", "127.0.1.1 " + own, line}})
			f.Changes = seen([]fact.Change{{At: at, Kind: "file", What: "/etc/hosts"}})
		}
	}
	system := func(f *fact.Set, own string) {
		f.DNS = seen(fact.DNS{Servers: []string{"10.0.0.53"}, Search: []string{"corp.example"}})
		f.Clock.Value.Zone = "+0000"
		f.CPU, f.Memory = seen(fact.CPU{Count: 4}), seen(fact.Memory{Total: 8<<30 - int64(len(own))<<20})
		f.Routes = seen([]fact.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.251")}, {To: netip.MustParsePrefix("10.0.0.0/24"), Device: own}})
	}
	calls := func(f *fact.Set, own string) {
		f.Sockets.Value.Connections = append(f.Sockets.Value.Connections, sock(own, "java 10.7.7.7:6379").Connections...)
	}
	usual := files(conf("/etc/nginx/a", "1"), conf("/etc/nginx/b", "1"))
	odd := func(hosts ...inventory.Host) []string {
		f := fleet(hosts...)
		m := Join(f, nil, Draft{})
		out := []string{}
		for _, o := range m.Odd(f, m.Groups()) {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s: %s, not %s like %v %s", o.Host, o.Key(), o.Has, o.Usual, o.Siblings, o.Since)))
		}
		return out
	}
	drops := func(f *fact.Set, own string) {
		f.Firewall.Value.Text = []string{"-A INPUT -s 10.0.0.0/24 -j ACCEPT", "-A INPUT -d " + own + " -j ACCEPT", "-A OUTPUT -p tcp --dport 3306 -j DROP"}
		f.Changes = seen([]fact.Change{
			{At: at.Add(-time.Hour), Kind: "file", What: "/etc/iptables/rules.v4"},
			{At: at.Add(-2 * time.Hour), Kind: "file", What: "/etc/iptables/rules.v6"},
			{At: at, Kind: "file", What: "/etc/motd"},
		})
	}
	for _, c := range []struct {
		name  string
		hosts []inventory.Host
		want  []string
	}{
		{"equal", []inventory.Host{sibling(1, nil), sibling(2, nil), sibling(3, nil)}, []string{}},
		{"a packet filter", []inventory.Host{sibling(1, nil), sibling(2, drops), sibling(3, nil)}, []string{
			"be2 firewall: -A OUTPUT -p tcp --dport 3306 -j DROP, not nothing of that like [be1 be3] since 2026-03-01 03:30 UTC perhaps: /etc/iptables/rules.v4 was changed then",
		}},
		{"of a pair nobody is odd", []inventory.Host{sibling(1, nil), sibling(2, drops)}, []string{}},
		{"each has its own", []inventory.Host{sibling(1, nil), sibling(2, drops), sibling(3, func(f *fact.Set, _ string) { f.Firewall.Value.Text = nil })}, []string{}},
		{"a filter that nobody could read", []inventory.Host{sibling(1, nil), sibling(2, func(f *fact.Set, _ string) {
			f.Firewall = fact.Observed[fact.Firewall]{State: fact.Partial, Value: fact.Firewall{Kind: "none"}}
		}), sibling(3, nil)}, []string{}},
		{"another database", []inventory.Host{sibling(1, nil), sibling(2, func(f *fact.Set, own string) {
			f.Dependencies.Value = []fact.Dependency{to("mysql", "db2", 3306), {Host: own, Port: 9000}}
		}), sibling(3, nil)}, []string{"be2 configuration of what it calls: mysql db2:3306, not mysql db1:3306 like [be1 be3] since when is not recorded"}},
		{
			"another balancer",
			[]inventory.Host{sibling(1, nil), sibling(2, nil), sibling(3, func(f *fact.Set, _ string) { f.Balancers.Value[0].Unchecked = []string{"s"} })},
			[]string{"be3 configuration of HAProxy: b: server s without a check, not nothing of that like [be1 be2] since when is not recorded"},
		},
		{
			"a clock",
			[]inventory.Host{sibling(1, nil), sibling(2, nil), sibling(3, func(f *fact.Set, _ string) { f.Clock.Value.Offset = 4 * time.Minute })},
			[]string{"be3 clock: 4m0s ahead, not right like [be1 be2] since when is not recorded"},
		},
		{
			"a file",
			[]inventory.Host{sibling(1, usual), sibling(2, usual), sibling(3, func(f *fact.Set, _ string) {
				f.Configurations = seen([]fact.Configuration{conf("/etc/nginx/a", "1"), conf("/etc/nginx/b", "2")})
				f.Changes = seen([]fact.Change{{At: at, Kind: "file", What: "/etc/nginx/b"}, {At: at.Add(time.Hour), Kind: "file", What: "/etc/nginx/a"}})
			})},
			[]string{"be3 file /etc/nginx/b: checksum 2, 9 bytes, not checksum 1, 9 bytes like [be1 be2] since 2026-03-01 04:30 UTC perhaps: /etc/nginx/b was changed then"},
		},
		{
			"one more file",
			[]inventory.Host{sibling(1, usual), sibling(2, files(conf("/etc/nginx/a", "1"), conf("/etc/nginx/b", "1"), conf("/etc/nginx/c", "1"))), sibling(3, usual)},
			[]string{"be2 file names of nginx: /etc/nginx/c, not nothing of that like [be1 be3] since when is not recorded"},
		},
		{"a file of its own for each", []inventory.Host{
			sibling(1, files(conf("/a", "1"), conf("/1", "1"))), sibling(2, files(conf("/a", "2"), conf("/2", "2"))), sibling(3, files(conf("/a", "3"), conf("/3", "3"))),
		}, []string{}},
		{"files of which not all are known", []inventory.Host{sibling(1, usual), sibling(2, usual), sibling(3, func(f *fact.Set, _ string) {
			f.Configurations = fact.Observed[[]fact.Configuration]{State: fact.Partial, Value: []fact.Configuration{conf("/etc/nginx/a", "7")}}
		})}, []string{}},
		{"two files of one name", []inventory.Host{sibling(1, usual), sibling(2, usual), sibling(3, files(conf("/etc/nginx/a", "1"), conf("/etc/nginx/b", "1"), conf("/etc/nginx/b", "2")))}, []string{}},
		{"a file that is told of already", []inventory.Host{sibling(1, usual), sibling(2, usual), sibling(3, func(f *fact.Set, own string) {
			usual(f, own)
			f.Dependencies.Value = []fact.Dependency{{Scheme: "mysql", Host: "db2", Port: 3306, File: "/etc/nginx/b"}, {Host: own, Port: 9000}}
			f.Configurations.Value[1].Checksum = "3"
		})}, []string{"be3 configuration of what it calls: mysql db2:3306, not mysql db1:3306 like [be1 be2] since when is not recorded"}},
		{
			"a line in /etc/hosts",
			[]inventory.Host{sibling(1, names("10.0.1.1 db1")), sibling(2, names("10.0.1.9 db1")), sibling(3, names("10.0.1.1  db1"))},
			[]string{"be2 names in /etc/hosts: 10.0.1.9 db1, not 10.0.1.1 db1 like [be1 be3] since 2026-03-01 04:30 UTC perhaps: /etc/hosts was changed then"},
		},
		{"a resolver, a zone, a size and a way", []inventory.Host{sibling(1, system), sibling(2, system), sibling(3, func(f *fact.Set, own string) {
			system(f, own)
			f.DNS.Value.Servers, f.Clock.Value.Zone, f.CPU.Value.Count = []string{"10.0.0.54"}, "+0400", 2
			f.Routes.Value[0].Via = netip.MustParseAddr("10.0.0.254")
		})}, []string{
			"be3 resolver: nameserver 10.0.0.54, not nameserver 10.0.0.53 like [be1 be2] since when is not recorded",
			"be3 zone: +0400, not +0000 like [be1 be2] since when is not recorded",
			"be3 size: 2 CPUs, not 4 CPUs like [be1 be2] since when is not recorded",
			"be3 route: 0.0.0.0/0 through 10.0.0.254, not 0.0.0.0/0 through 10.0.0.251 like [be1 be2] since when is not recorded",
		}},
		{"a sibling that was not seen to call", []inventory.Host{sibling(1, calls), sibling(2, nil), sibling(3, calls)}, []string{
			"be2 link to Redis on 10.7.7.7:6379: was not seen to call it, not call it like [be1 be3]",
		}},
		{"clocks that all are off", []inventory.Host{
			sibling(1, func(f *fact.Set, _ string) { f.Clock.Value.Offset = 2490 * time.Millisecond }),
			sibling(2, func(f *fact.Set, _ string) { f.Clock.Value.Offset = 2510 * time.Millisecond }),
			sibling(3, func(f *fact.Set, _ string) { f.Clock.Value.Offset = 6 * time.Second }),
		}, []string{}},
		{
			"a clock that is behind",
			[]inventory.Host{sibling(1, func(f *fact.Set, _ string) { f.Clock.Value.Offset = -time.Hour }), sibling(2, nil), sibling(3, nil)},
			[]string{"be1 clock: 1h0m0s behind, not right like [be2 be3] since when is not recorded"},
		},
		{"a clock that was measured badly", []inventory.Host{sibling(1, nil), sibling(2, nil), sibling(3, func(f *fact.Set, _ string) {
			f.Clock.Value = fact.Clock{Offset: time.Minute, Error: 10 * time.Second}
		})}, []string{}},
	} {
		if diff := cmp.Diff(c.want, odd(c.hosts...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if got := replaceWord("10.0.0.1 10.0.0.11 210.0.0.1 10.0.0.1/32", "10.0.0.1", "X"); got != "X 10.0.0.11 210.0.0.1 X/32" {
		t.Error(got)
	}
}
