package diagram

import (
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// What a picture shows without words is explained once, and nothing else is.
func TestLegend(t *testing.T) {
	t.Parallel()
	edge := func(look Look) Edge { return Edge{From: "n1", To: "n2", Look: look} }
	for _, c := range []struct {
		name string
		p    Picture
		want string
	}{
		{"nothing to explain", Picture{Nodes: []Node{{ID: "n1"}}, Edges: []Edge{edge(Works), edge(Copies)}}, ""},
		{"a draft", Picture{Edges: []Edge{edge(Silent), edge(Silent)}}, ""},
		{"declared beside what was seen", Picture{Edges: []Edge{edge(Silent), edge(Works)}}, "declared, never seen"},
		{"configured", Picture{Edges: []Edge{edge(Idle), edge(Idle)}}, "configured, never seen"},
		{"both", Picture{Edges: []Edge{edge(Silent), edge(Idle)}}, "configured or declared, never seen"},
		{"failing", Picture{Edges: []Edge{edge(Fails), edge(Unclear)}}, "called, and no answer; seen, perhaps something else"},
		{"what is gone has its colour explained elsewhere", Picture{Edges: []Edge{{Look: Fails, Change: link.Gone}}}, ""},
		{
			"hosts",
			Picture{Nodes: []Node{{Mark: Mark{Status: "critical", Count: 2, Old: true}}, {Mark: Mark{Status: "warning", Count: 1}}, {Grey: true}}},
			"findings, the worst critical; findings, the worst warning; system no longer maintained; nobody has visited it",
		},
	} {
		var got []string
		for _, s := range c.p.legend() {
			got = append(got, s.says)
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

// The legend lies below all else and within the picture, in as many rows as it
// needs; each of its edges has an arrow's head of its colour.
func TestLegendHasRoom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		m := wild(seed, 3+int(seed)*4)
		marks := map[string]Mark{m.Hosts[0].Name: {Status: "critical", Count: 3, Old: true}, m.Hosts[1].Name: {Status: "warning", Count: 1}}
		p := drawn(m, Options{Title: "x", FoldAbove: 40, Marks: marks})
		l := lay(p)
		whole, rows := l.sizeWith(p), legendRows(p.legend(), l.sizeOf(p).x-2*margin)
		if got := slices.Concat(rows...); len(got) != len(p.legend()) || len(got) < 3 {
			t.Fatalf("seed %d: %d of %d signs", seed, len(got), len(p.legend()))
		}
		top := whole.y - margin - float64(len(rows)-1)*legendRow
		for _, r := range l.nodes {
			if r.bottom() > top-8 {
				t.Errorf("seed %d: a node reaches to %g, the legend begins at %g", seed, r.bottom(), top)
			}
		}
		for _, row := range rows {
			w := -legendGap
			for _, s := range row {
				w += s.width() + legendGap
			}
			if w > whole.x-2*margin+0.01 {
				t.Errorf("seed %d: a row of %g in a picture of %g", seed, w, whole.x)
			}
		}
		svg := string(SVG(p))
		for _, pen := range p.legendPens() {
			if !strings.Contains(svg, `fill="`+pen.color+`"/></marker>`) {
				t.Errorf("seed %d: no arrow's head of %s", seed, pen.color)
			}
		}
	}
}
