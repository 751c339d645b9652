package diagram

import (
	"slices"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// A sign is one thing in a picture that needs a word, and what it means.
type sign struct {
	look  Look // of an edge like this, where no badge is
	badge string
	color string // of the badge
	says  string
}

// Sizes of the legend, in pixels.
const (
	legendRow  = 22.0
	legendLine = 34.0 // the piece of an edge
	legendGap  = 22.0 // between two signs
)

// legend explains what is in the picture and nowhere written out; a draft, of
// which nothing was seen, needs none. It names no host.
func (p Picture) legend() []sign {
	var out []sign
	if p.hasEdge(Fails) {
		out = append(out, sign{look: Fails, says: "called, and no answer"})
	}
	silent := p.hasEdge(Silent) && slices.ContainsFunc(p.Edges, func(e Edge) bool { return e.Look != Silent })
	switch idle := p.hasEdge(Idle); {
	case idle && silent:
		out = append(out, sign{look: Idle, says: "configured or declared, never seen"})
	case idle:
		out = append(out, sign{look: Idle, says: "configured, never seen"})
	case silent:
		out = append(out, sign{look: Silent, says: "declared, never seen"})
	}
	if p.hasEdge(Unclear) {
		out = append(out, sign{look: Unclear, says: "seen, perhaps something else"})
	}
	for _, status := range []string{"critical", "warning"} {
		if p.hasNode(func(n Node) bool { return n.Mark.Status == status }) {
			out = append(out, sign{badge: "n", color: statusColors[status], says: "findings, the worst " + status})
		}
	}
	if p.hasNode(func(n Node) bool { return n.Mark.Old }) {
		out = append(out, sign{badge: "EOL", color: oldColor, says: "system no longer maintained"})
	}
	if p.hasNode(func(n Node) bool { return n.Grey }) {
		out = append(out, sign{badge: "grey", color: greyColor, says: "nobody has visited it"})
	}
	return out
}

// hasEdge reports whether an edge has a look, and its own colour: what changed
// has another, which is explained beside the title.
func (p Picture) hasEdge(look Look) bool {
	return slices.ContainsFunc(p.Edges, func(e Edge) bool { return e.Look == look && e.Change == link.Same })
}

func (p Picture) hasNode(is func(Node) bool) bool { return slices.ContainsFunc(p.Nodes, is) }

// legendPens are those that the legend draws with.
func (p Picture) legendPens() []pen {
	var out []pen
	for _, s := range p.legend() {
		if s.badge == "" {
			out = append(out, penOf(Edge{Look: s.look}))
		}
	}
	return out
}

// mark is how wide what is explained is.
func (s sign) mark() float64 {
	if s.badge == "" {
		return legendLine
	}
	return badgeWidth(s.badge)
}

func (s sign) width() float64 { return s.mark() + 6 + textWidth(s.says, subSize) }

// legendRows puts signs into rows of at most a width.
func legendRows(signs []sign, width float64) [][]sign {
	var rows [][]sign
	left := 0.0
	for _, s := range signs {
		if left -= s.width() + legendGap; len(rows) == 0 || left < 0 {
			rows = append(rows, nil)
			left = width - s.width()
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], s)
	}
	return rows
}

// legendWidth is the least that a picture must have for its legend.
func (p Picture) legendWidth() float64 {
	w := 0.0
	for _, s := range p.legend() {
		w = max(w, s.width())
	}
	return w
}

// paintLegend writes the rows below the picture, whose size is without them.
func paintLegend(c canvas, rows [][]sign, top float64) {
	for n, row := range rows {
		x, y := margin, top+float64(n)*legendRow
		for _, s := range row {
			if s.badge == "" {
				c.line([]point{{x, y}, {x + legendLine, y}}, penOf(Edge{Look: s.look}), false)
			} else {
				badge(c, s.badge, point{x + s.mark()/2, y - 1}, s.color)
			}
			c.text(s.says, point{x + s.mark() + 6, y + 4}, font{subSize, "start", "#6b747c", "400"})
			x += s.width() + legendGap
		}
	}
}
