package diagram

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// wild is a platform of n hosts that could be anybody's: groups of any size,
// some of them spread over domains, lone hosts, addresses of strangers, the
// internet, links in both directions with and without labels, failing and silent.
func wild(seed uint64, n int) link.Map {
	rnd := rand.New(rand.NewPCG(seed, uint64(n)))
	kinds := append(link.KindNames(), "", "their-own")
	var m link.Map
	group, runs, left := "", "", 0
	for i := range n {
		if left == 0 {
			left, runs = 1+rnd.IntN(12), kinds[rnd.IntN(len(kinds))]
			group = fmt.Sprintf("group %d %s", i, strings.Repeat("of many letters ", rnd.IntN(3)))
			if left == 1 {
				group = ""
			}
		}
		left--
		h := link.Node{Name: fmt.Sprintf("host%d%s", i, strings.Repeat("-long", rnd.IntN(4))), Runs: runs, Group: group, Visited: rnd.IntN(9) > 0, Address: fmt.Sprintf("10.1.%d.%d", i/250, i%250)}
		if i/20%2 == 0 {
			h.Domain = []string{"", "rack 1", "rack 2"}[rnd.IntN(3)]
		}
		m.Hosts = append(m.Hosts, h)
	}
	end := func() link.End {
		switch rnd.IntN(25) {
		case 0:
			return link.End{Address: fmt.Sprintf("192.0.2.%d", rnd.IntN(5))}
		case 1:
			return link.End{Address: link.Internet}
		}
		return link.End{Host: m.Hosts[rnd.IntN(n)].Name}
	}
	states := []link.State{link.Established, link.Established, link.Established, link.Attempted, link.Silent}
	for range n + rnd.IntN(n+1) {
		l := link.Link{From: end(), To: end(), Port: 1 + rnd.IntN(9999), State: states[rnd.IntN(len(states))]}
		if l.From.Name() == l.To.Name() {
			continue
		}
		switch rnd.IntN(6) { // a few have more to say
		case 0:
			l.Label = strings.Repeat("label ", 1+rnd.IntN(9))
		case 1:
			l.Role = link.Replica
		}
		m.Links = append(m.Links, l)
	}
	return m
}

// Whatever the platform: nothing lies on anything else, no edge runs through a
// host or its name that it does not belong to, and no label hides anything.
func TestLayoutIsClear(t *testing.T) {
	t.Parallel()
	for _, of := range []struct{ hosts, platforms int }{{1, 10}, {2, 20}, {12, 100}, {80, 8}, {500, 1}} {
		t.Run(fmt.Sprint(of.hosts), func(t *testing.T) {
			t.Parallel()
			for seed := range of.platforms {
				m := wild(uint64(seed), of.hosts)
				for _, fold := range []int{40, 10000} {
					clear(t, fmt.Sprintf("platform %d, folded above %d", seed, fold), drawn(m, Options{Title: "wild", FoldAbove: fold}))
					if t.Failed() {
						return
					}
				}
			}
		})
	}
	for name, p := range map[string]Picture{"draft": drawn(example(), Options{FoldAbove: 40}), "observed": observed(), "dense": drawn(cloud(200, 400), Options{FoldAbove: 1000})} {
		clear(t, name, p)
	}
}

func FuzzLayoutIsClear(f *testing.F) {
	f.Add(uint64(1), uint16(12), true)
	f.Add(uint64(2), uint16(80), false)
	f.Fuzz(func(t *testing.T, seed uint64, hosts uint16, fold bool) {
		o := Options{FoldAbove: 10000}
		if fold {
			o.FoldAbove = 10
		}
		clear(t, "platform", drawn(wild(seed, 1+int(hosts)%120), o))
	})
}

// clear holds a picture's layout against what makes it readable.
func clear(t *testing.T, name string, p Picture) {
	t.Helper()
	l := lay(p)
	apart(t, name+": nodes", l.nodes)
	apart(t, name+": boxes", l.boxes)
	apart(t, name+": parts", l.parts)
	whole := rect{0, 0, l.size.x, l.size.y}
	solid := map[string]rect{}
	for _, n := range p.Nodes {
		r := l.nodes[n.ID]
		solid[n.Name] = r
		inside(t, name, n.Name, r, whole)
		if n.Box != "" {
			inside(t, name, n.Name, r, l.boxes[n.Box])
		}
		if n.Part != "" {
			inside(t, name, n.Name, r, l.parts[n.Part])
		}
		for _, q := range p.Parts {
			if q.ID != n.Part && l.parts[q.ID].overlaps(r) {
				t.Errorf("%s: %s is not of %s, and stands there", name, n.Name, q.Name)
			}
		}
	}
	for _, q := range p.Parts {
		inside(t, name, q.Name, l.parts[q.ID], l.boxes[q.Box])
	}
	labels := map[string]rect{}
	for i, e := range p.Edges {
		for _, n := range p.Nodes {
			if n.ID != e.From && n.ID != e.To && crosses(l.edges[i], l.nodes[n.ID]) {
				t.Errorf("%s: the edge from %s to %s runs through %s", name, e.From, e.To, n.Name)
			}
		}
		for _, b := range p.Boxes {
			if !p.touches(e, b.ID) && crosses(l.edges[i], l.boxes[b.ID]) {
				t.Errorf("%s: the edge from %s to %s runs through the box %s", name, e.From, e.To, b.Name)
			}
		}
		if e.Label == "" {
			continue
		}
		label := l.edges[i].label
		labels[fmt.Sprintf("%d %s", i, e.Label)] = label
		inside(t, name, e.Label, label, whole)
		for what, r := range solid {
			if r.overlaps(label) {
				t.Errorf("%s: the label %q of %s to %s lies on %s", name, e.Label, e.From, e.To, what)
			}
		}
	}
	apart(t, name+": labels", labels)
}

// touches reports whether an edge begins or ends in a box, or at it.
func (p Picture) touches(e Edge, box string) bool {
	for _, id := range []string{e.From, e.To} {
		for _, n := range p.members(id) {
			if n.Box == box {
				return true
			}
		}
	}
	return false
}

func inside(t *testing.T, name, what string, r, outer rect) {
	t.Helper()
	if r.x < outer.x || r.y < outer.y || r.right() > outer.right() || r.bottom() > outer.bottom() {
		t.Errorf("%s: %s at %v is not within %v", name, what, r, outer)
	}
}

// apart refuses rectangles that lie on one another.
func apart(t *testing.T, what string, rects map[string]rect) {
	t.Helper()
	for a, r := range rects {
		for b, o := range rects {
			if a < b && r.overlaps(o) {
				t.Errorf("%s: %s lies on %s", what, a, b)
			}
		}
	}
}

// crosses walks an edge as it is drawn.
func crosses(r route, over rect) bool {
	for _, p := range pieces(r.points) {
		if low := min(p.a.x, p.b.x); low > over.right() || max(p.a.x, p.b.x) < over.x {
			continue
		}
		for step := range 41 {
			at := p.at(float64(step) / 40)
			if over.overlaps(rect{at.x, at.y, 0.1, 0.1}) {
				return true
			}
		}
	}
	return false
}

// Each thing that an edge says is drawn in its own way; what a person declared
// never hides that a link fails, or that it is new or gone.
func TestPens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		edge Edge
		want pen
	}{
		{Edge{Look: Works}, pen{"#5b6b7b", "", 1.4}},
		{Edge{Look: Fails}, pen{"#d40000", "7 4", 2.2}},
		{Edge{Look: Fails, Color: "green"}, pen{"#d40000", "7 4", 2.2}},
		{Edge{Look: Silent}, pen{"#a8b0b8", "2 4", 1.4}},
		{Edge{Look: Silent, Style: "dashed", Color: "red"}, pen{"red", "6 4", 1.4}},
		{Edge{Look: Copies}, pen{"#8a5a00", "6 4", 1.4}},
		{Edge{Look: Works, Color: "brown", Change: link.Added}, pen{"#1a7f37", "", 2.2}},
		{Edge{Look: Fails, Change: link.Gone}, pen{"#9aa2aa", "6 4", 1.4}},
		{Edge{Look: Fails, Change: link.Changed}, pen{"#d40000", "7 4", 2.2}},
		{Edge{Look: Works, Change: link.Changed}, pen{"#b45309", "", 2.2}},
	} {
		if got := penOf(c.edge); got != c.want {
			t.Errorf("%+v is drawn %v, want %v", c.edge, got, c.want)
		}
	}
}
