package link

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func groupsOf(m Map) []string {
	out := []string{}
	for _, g := range m.Groups() {
		out = append(out, g.Name+": "+strings.Join(g.Hosts, " "))
	}
	return out
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		hosts []inventory.Host
		draft Draft
		want  []string
	}{
		{"names that differ in their numbers, and a service", []inventory.Host{
			machineAt("be1", "10.0.0.1", "8080 java"), machineAt("be2.corp.example", "10.0.0.2", "8080 java"), machineAt("be-03", "10.0.0.3", "8080 java"),
			machineAt("db1", "10.0.1.1", "3306 mysqld"),
		}, Draft{}, []string{"be: be-03 be1 be2.corp.example"}},
		{"the same name for different jobs", []inventory.Host{
			machineAt("srv1", "10.0.0.1", "8080 java"), machineAt("srv2", "10.0.0.2", "3306 mysqld"), machineAt("srv3", "10.0.0.3", "9000 java"),
		}, Draft{}, []string{}},
		{"one whose service is down", []inventory.Host{
			machineAt("be1", "10.0.0.1", "8080 java"), machineAt("be2", "10.0.0.2", "22 sshd"), machineAt("be3", "10.0.0.3", "8080 java"),
		}, Draft{}, []string{"be: be1 be2 be3"}},
		{"addresses are no names", []inventory.Host{
			machineAt("10.0.0.1", "10.0.0.1", "8080 java"), machineAt("10.0.0.2", "10.0.0.2", "8080 java"),
		}, Draft{}, []string{}},
		{"the same balancer calls both", []inventory.Host{
			machineAt("anna", "10.0.0.1", "8080 java"), machineAt("berta", "10.0.0.2", "8080 java"), machineAt("carla", "10.0.0.3", "3306 mysqld"),
			machineAt("lb", "10.0.0.9", "80 haproxy", "haproxy 10.0.0.1:8080", "haproxy 10.0.0.2:8080", "haproxy 10.0.0.3:3306"),
		}, Draft{}, []string{"anna…berta: anna berta"}},
		{"a replica", []inventory.Host{
			machineAt("oak", "10.0.0.1", "3306 mysqld"), machineAt("elm", "10.0.0.2", "3306 mysqld", "mysqld 10.0.0.1:3306"),
		}, Draft{}, []string{"elm…oak: elm oak"}},
		{"a person says so", []inventory.Host{
			machineAt("oak", "10.0.0.1", "3306 mysqld"), machineAt("elm", "10.0.0.2", "3306 mysqld"), machineAt("ash", "10.0.0.3", "6379 redis-server"),
		}, Draft{Hosts: []timeline.HostDraft{{Name: "oak", Group: "Data"}, {Name: "elm", Group: "Data"}, {Name: "ash", Group: "Data"}}}, []string{"elm…oak: elm oak"}},
		{"agents are furniture", []inventory.Host{
			machineAt("srv1", "10.0.0.1", "8080 java", "5666 nrpe"), machineAt("srv2", "10.0.0.2", "3306 mysqld", "5666 nrpe"),
			machineAt("srv3", "10.0.0.3", "6379 redis-server", "5666 nrpe"), machineAt("srv4", "10.0.0.4", "80 nginx", "5666 nrpe"),
			machineAt("srv5", "10.0.0.5", "80 nginx", "5666 nrpe"),
		}, Draft{}, []string{"srv: srv4 srv5"}},
	} {
		m := Join(fleet(c.hosts...), nil, c.draft)
		if diff := cmp.Diff(c.want, groupsOf(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestOdd(t *testing.T) {
	t.Parallel()
	sibling := func(n int, os, kernel, redis string, sockets ...string) inventory.Host {
		h := machineAt(fmt.Sprintf("r%d", n), fmt.Sprintf("10.0.0.%d", n), sockets...)
		h.Facts.OS = seen(fact.OS{Name: os})
		h.Facts.Kernel = seen(fact.Kernel{Name: "Linux", Release: kernel})
		h.Facts.Packages = seen([]fact.Package{{Name: "redis-server", Version: redis}})
		h.Facts.Changes = seen([]fact.Change{{At: at, Kind: "package", What: "upgrade redis-server 6 7"}})
		return h
	}
	odd := func(hosts ...inventory.Host) []string {
		f := fleet(hosts...)
		m := Join(f, nil, Draft{})
		out := []string{}
		for _, o := range m.Odd(f, m.Groups()) {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s: %s, not %s like %v %s", o.Host, o.Key(), o.Has, o.Usual, o.Siblings, o.Since)))
		}
		slices.Sort(out)
		return out
	}
	const redis = "6379 redis-server"
	if got := odd(sibling(1, "A", "5", "6", redis), sibling(2, "A", "5", "6", redis), sibling(3, "A", "5", "6", redis)); len(got) != 0 {
		t.Errorf("equal siblings: %v", got)
	}
	want := []string{
		"r3 kernel: Linux 6, not Linux 5 like [r1 r2]",
		"r3 os: B, not A like [r1 r2]",
		"r3 version Redis: 7, not 6 like [r1 r2] since 2026-03-01 04:30 UTC: upgrade redis-server 6 7",
	}
	if diff := cmp.Diff(want, odd(sibling(1, "A", "5", "6", redis), sibling(2, "A", "5", "6", redis), sibling(3, "B", "6", "7", redis))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{"r2 service Redis on port 6379: nothing listens, not listens like [r1 r3]"}
	if diff := cmp.Diff(want, odd(sibling(1, "A", "5", "6", redis), sibling(2, "A", "5", "6"), sibling(3, "A", "5", "6", redis))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unseen := sibling(2, "", "", "")
	unseen.Facts = fact.Set{} // nobody could look: that is no difference
	if got := odd(sibling(1, "A", "5", "6", redis), unseen, sibling(3, "A", "5", "6", redis)); len(got) != 0 {
		t.Errorf("an unvisited sibling: %v", got)
	}
}
