package link

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	seen := func(from, to string, state State) Link {
		return Link{From: End{Host: from}, To: End{Host: to}, Port: 80, State: state, Observed: state != Silent, ByClient: state != Silent}
	}
	before := Map{
		Hosts: []Node{{Name: "a", Visited: true, Runs: "nginx"}, {Name: "b", Visited: true, Runs: "java"}, {Name: "c", Visited: true, Runs: "redis"}, {Name: "old", Declared: true}},
		Links: []Link{
			seen("a", "b", Established), seen("a", "c", Established), seen("b", "c", Established), seen("c", "a", Established),
			seen("c", "b", Established), seen("a", "old", Silent),
		},
		Services: []Service{{Host: "c", Port: 6379, Kind: "redis"}},
	}
	after := Map{
		Hosts: []Node{{Name: "a", Visited: true, Runs: "nginx"}, {Name: "b", Visited: true, Runs: "node"}, {Name: "c"}, {Name: "new", Visited: true, Runs: "mysql"}},
		Links: []Link{seen("a", "b", Established), seen("b", "c", Attempted), seen("b", "new", Established), seen("c", "b", Silent)},
	}
	d := Compare(before, after, func(host string) bool { return host != "c" })
	var got []string
	for n, l := range d.Map.Links {
		got = append(got, fmt.Sprintf("%s %s %s: %s", l.From.Host, l.To.Host, l.State, d.Links[n]))
	}
	slices.Sort(got)
	want := []string{
		"a b established: ",
		"a c established: gone",  // a was looked at, and no longer shows it
		"a old silent: gone",     // taken back
		"b c attempted: changed", // answered once
		"b new established: added",
		"c a established: ", // nobody has looked at c again
		"c b established: ", // declared, too, and nobody has looked
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]Change{"b": Changed, "new": Added, "old": Gone}, d.Hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if c, _ := d.Map.Node("c"); c.Runs != "redis" || !c.Visited || len(d.Map.On("c")) != 1 {
		t.Errorf("c is forgotten: %+v", c)
	}
}

// A map compared with itself has not changed.
func TestCompareWithItself(t *testing.T) {
	t.Parallel()
	m := Map{
		Hosts: []Node{{Name: "a", Visited: true}, {Name: "b", Declared: true}},
		Links: []Link{{From: End{Host: "a"}, To: End{Host: "b"}, Port: 1, State: Attempted, Observed: true}, {From: End{Host: "b"}, To: End{Address: "10.0.0.9"}, State: Silent}},
	}
	for _, looked := range []bool{true, false} {
		d := Compare(m, m, func(string) bool { return looked })
		if diff := cmp.Diff(m, d.Map); diff != "" || len(d.Hosts) > 0 || slices.ContainsFunc(d.Links, func(c Change) bool { return c != Same }) {
			t.Errorf("changed: %v %v\n%s", d.Hosts, d.Links, diff)
		}
	}
}
