package check

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// A link that only a file names, and whose test failed, accuses with that line;
// one to what nobody knows accuses only where a sibling gets an answer.
func TestFailingOfConfigured(t *testing.T) {
	t.Parallel()
	failed := func(to link.End) link.Link {
		return link.Link{
			From: link.End{Host: "be1", Process: "java"}, To: to, Port: 3306, Kind: "mysql", State: link.Attempted, Configured: true, Test: "refused",
			Sources: []link.Source{{Host: "be1", File: "/etc/shop.properties", Line: 3}},
		}
	}
	for _, c := range []struct {
		name  string
		link  link.Link
		tests []link.Test
		want  []string
	}{
		{"a host of ours", failed(link.End{Host: "db1"}), nil, []string{"db1:3306 possible /etc/shop.properties:3 names it; a test from there ends with: refused"}},
		{"a name that nobody knows", failed(link.End{Address: "10.0.9.9"}), nil, []string{}},
		{
			"one that answers a sibling", failed(link.End{Address: "10.0.9.9"}),
			[]link.Test{{From: "be2", To: "10.0.9.9", Port: 3306, Outcome: "open"}},
			[]string{"10.0.9.9:3306 probable /etc/shop.properties:3 names it; a test from there ends with: refused"},
		},
	} {
		m := link.Map{Links: []link.Link{c.link}, Tests: c.tests, Hosts: []link.Node{{Name: "be1", Group: "be", Runs: "java"}, {Name: "be2", Group: "be", Runs: "java"}}}
		got := []string{}
		for _, a := range NewSite(inventory.Fleet{}, m).attempts["be1"] {
			got = append(got, fmt.Sprintf("%s %s %s", a.Key(), a.Sure, a.How))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What is about a link goes with it, and nothing else does.
func TestOnLinks(t *testing.T) {
	t.Parallel()
	m := link.Map{
		Services: []link.Service{{Host: "db1", Port: 3306, Title: "MySQL"}, {Host: "db2", Port: 3306, Title: "MySQL"}},
		Links: []link.Link{
			{From: link.End{Host: "be1"}, To: link.End{Host: "db1"}, Port: 3306},
			{From: link.End{Host: "be2"}, To: link.End{Address: "10.0.9.9"}, Port: 6379},
		},
	}
	all := []Finding{
		{ID: "cut", Host: "be1", Key: "db1:3306"},
		{ID: "disk", Host: "db1", Key: "/var"},
		{ID: "alone", Host: "db1", Key: "MySQL on port 3306"},
		{ID: "other", Host: "db2", Key: "MySQL on port 3306"},
		{ID: "unvisited", Host: "be2", Key: "10.0.9.9"},
		{ID: "host", Host: "db1"},
	}
	var got []string
	for _, f := range OnLinks(all, m) {
		got = append(got, f.ID)
	}
	if diff := cmp.Diff([]string{"cut", "alone", "unvisited"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
