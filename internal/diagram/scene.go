package diagram

import (
	"fmt"
	"math"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// A canvas is what a picture is painted on. Every drawn format paints the same
// scene, so that they cannot differ in what they show.
type canvas interface {
	rect(r rect, s surface)
	line(points []point, p pen, backward bool)
	text(text string, at point, f font)
	icon(name string, at point, faint bool)
}

// A surface is how a rectangle looks. No colour is no paint.
type surface struct {
	radius       float64
	fill, stroke string
	opacity      float64 // of the fill
	width        float64 // of the stroke
	dash         string
}

// A font is how a text looks, and where it stands at its point.
type font struct {
	size   float64
	anchor string // start, middle
	color  string
	weight string // 400, 600, 700
}

// bold tells the fonts that are painted with heavy strokes.
func (f font) bold() bool { return f.weight != "400" }

// A pen is how an edge is drawn.
type pen struct {
	color, dash string
	width       float64
}

// penOf is what an edge's look is drawn with; what a person declared goes first.
func penOf(e Edge) pen {
	p := pen{"#5b6b7b", "", 1.4}
	switch e.Look {
	case Copies:
		p = pen{"#8a5a00", "6 4", 1.4}
	case Silent, Idle:
		p = pen{"#a8b0b8", "2 4", 1.4}
	case Fails:
		p = pen{"#d40000", "7 4", 2.2}
	case Unclear:
		p = pen{"#5b6b7b", "2 3", 1.2}
	case Works:
	}
	switch e.Style {
	case "solid":
		p.dash = ""
	case "dashed":
		p.dash = "6 4"
	case "dotted":
		p.dash = "2 4"
	}
	if e.Color != "" && e.Look != Fails {
		p.color = e.Color
	}
	switch e.Change {
	case link.Added:
		p.color, p.width = changeColors[e.Change], 2.2
	case link.Gone:
		p = pen{changeColors[e.Change], "6 4", 1.4}
	case link.Changed:
		p.width = 2.2
		if e.Look != Fails {
			p.color = changeColors[e.Change]
		}
	case link.Same:
	}
	return p
}

// tierColors are the grounds of boxes, in mingrammer's pale tones.
var tierColors = []string{"#e5f5fd", "#ebf3e7", "#ece8f6", "#fdf7e3", "#fdeee8", "#e8f0f6", "#f0f0ea", "#f4f4f4"}

// ground is the colour of a box.
func (b Box) ground() string { return tierColors[min(max(int(b.Tier), 0), len(tierColors)-1)] }

// changeColors are those of what became something else between two moments.
var changeColors = map[link.Change]string{link.Added: "#1a7f37", link.Gone: "#9aa2aa", link.Changed: "#b45309"}

// changeWords are written on a host, and explain the colours.
var changeWords = map[link.Change]string{link.Added: "new", link.Gone: "gone", link.Changed: "changed"}

// statusColors are those of the frames around hosts with findings.
var statusColors = map[string]string{"critical": "#d40000", "warning": "#e08a00"}

// paint puts the picture on a canvas: what lies below first.
func (l layout) paint(c canvas, p Picture) {
	if p.Title != "" {
		c.text(p.Title, point{margin, margin + titleSize - 2}, font{titleSize, "start", "#222222", "600"})
	}
	if p.Compared {
		paintKey(c, margin+textWidth(p.Title, titleSize)+14)
	}
	for _, b := range p.Boxes {
		l.paintBox(c, b)
	}
	for _, q := range p.Parts {
		l.paintPart(c, q)
	}
	for n, e := range p.Edges {
		c.line(l.edges[n].points, penOf(e), l.edges[n].backward)
	}
	for _, n := range p.Nodes {
		l.paintNode(c, n)
	}
	for n, e := range p.Edges {
		l.paintLabel(c, e, l.edges[n].label)
	}
	size := l.sizeOf(p)
	paintLegend(c, legendRows(p.legend(), size.x-2*margin), size.y-margin+legendRow)
}

// keyWidth is the room for what the colours of changes mean.
const keyWidth = 250

// paintKey says what the colours of changes mean.
func paintKey(c canvas, x float64) {
	for _, change := range []link.Change{link.Added, link.Gone, link.Changed} {
		text := changeWords[change]
		w := textWidth(text, subSize) + 14
		badge(c, text, point{x + w/2, margin + titleSize/2 + 1}, changeColors[change])
		x += w + 8
	}
}

func (l layout) paintBox(c canvas, b Box) {
	r := l.boxes[b.ID]
	c.rect(r, surface{radius: 8, fill: b.ground(), opacity: 1, stroke: "#aeb6be", width: 1})
	f := font{nameSize, "start", "#2d3436", "600"}
	c.text(fit(b.Name, f.size, r.w-2*boxPad), point{r.x + boxPad, r.y + 16}, f)
}

// paintPart draws a frame of dashes: what is within stands or falls together.
func (l layout) paintPart(c canvas, q Part) {
	r := l.parts[q.ID]
	c.rect(r, surface{radius: 6, fill: "#ffffff", opacity: 0.5, stroke: "#8d959c", width: 1, dash: "4 3"})
	c.text(fit(q.Name, subSize, r.w-2*partPad), point{r.x + partPad, r.y + 13}, font{subSize, "start", "#57606a", "600"})
}

func (l layout) paintNode(c canvas, n Node) {
	r := l.nodes[n.ID]
	center := r.x + r.w/2
	if color := statusColors[n.Mark.Status]; color != "" {
		c.rect(rect{center - iconSize/2 - 6, r.y, iconSize + 12, iconSize + 10}, surface{radius: 7, fill: "#ffffff", opacity: 0.6, stroke: color, width: 2})
		badge(c, fmt.Sprint(n.Mark.Count), point{center + iconSize/2 + 6, r.y + 2}, color)
	}
	c.icon(iconOf(n.Kind), point{center - iconSize/2, r.y + 5}, n.Grey || n.Change == link.Gone)
	if word := changeWords[n.Change]; word != "" {
		badge(c, word, point{center, r.y + iconSize}, changeColors[n.Change])
	}
	if n.Mark.Old {
		badge(c, "EOL", point{center - iconSize/2 - 6, r.y + 2}, oldColor)
	}
	name := font{nameSize, "middle", "#2d3436", "600"}
	if n.Grey || n.Change == link.Gone {
		name.color = greyColor
	}
	c.text(fit(n.Name, nameSize, r.w), point{center, r.y + iconSize + 24}, name)
	if n.Sub != "" {
		c.text(fit(n.Sub, subSize, r.w), point{center, r.y + iconSize + 38}, font{subSize, "middle", "#6b747c", "400"})
	}
}

// oldColor is that of a system that is no longer maintained, and greyColor is for
// what nobody visited.
const (
	oldColor  = "#6b2fa0"
	greyColor = "#8d959c"
)

func badgeWidth(text string) float64 { return max(17, textWidth(text, 9.5)+8) }

// badge is a few letters on a ground of their own, around a point.
func badge(c canvas, text string, at point, color string) {
	w := badgeWidth(text)
	c.rect(rect{at.x - w/2, at.y - 7, w, 16}, surface{radius: 8, fill: color, opacity: 1})
	c.text(text, point{at.x, at.y + 4.5}, font{9.5, "middle", "#ffffff", "700"})
}

func (l layout) paintLabel(c canvas, e Edge, r rect) {
	if e.Label == "" {
		return
	}
	c.rect(r, surface{radius: 3, fill: "#ffffff", opacity: 0.9})
	c.text(e.Label, point{r.x + r.w/2, r.y + labelSize}, font{labelSize, "middle", penOf(e).color, "400"})
}

// sizeOf is how large the picture is with its title, and without its legend.
func (l layout) sizeOf(p Picture) point {
	w := textWidth(p.Title, titleSize) + 2*margin
	if p.Compared {
		w += keyWidth
	}
	return point{max(l.size.x, w, p.legendWidth()+2*margin), l.size.y}
}

// sizeWith is how large the whole is.
func (l layout) sizeWith(p Picture) point {
	size := l.sizeOf(p)
	if rows := legendRows(p.legend(), size.x-2*margin); len(rows) > 0 {
		size.y += float64(len(rows)) * legendRow
	}
	return size
}

// A piece is a part of a line: straight where no more is needed, else a smooth
// step from one height to another.
type piece struct {
	a, b     point
	straight bool
}

// bends are the two points that draw a smooth piece towards them.
func (p piece) bends() (point, point) {
	mid := (p.a.x + p.b.x) / 2
	return point{mid, p.a.y}, point{mid, p.b.y}
}

// at is a place on the piece; t runs from 0 to 1.
func (p piece) at(t float64) point {
	if p.straight {
		return point{p.a.x + (p.b.x-p.a.x)*t, p.a.y + (p.b.y-p.a.y)*t}
	}
	u := 1 - t
	c, d := p.bends()
	x := u*u*u*p.a.x + 3*u*u*t*c.x + 3*u*t*t*d.x + t*t*t*p.b.x
	y := u*u*u*p.a.y + 3*u*u*t*c.y + 3*u*t*t*d.y + t*t*t*p.b.y
	return point{x, y}
}

// pieces are the parts of a line through points.
func pieces(points []point) []piece {
	var out []piece
	for n := 1; n < len(points); n++ {
		a, b := points[n-1], points[n]
		out = append(out, piece{a, b, a.x == b.x || a.y == b.y})
	}
	return out
}

// flat is a line through points as short straight steps.
func flat(points []point) []point {
	if len(points) == 0 {
		return nil
	}
	out := []point{points[0]}
	for _, p := range pieces(points) {
		steps := 1
		if !p.straight {
			steps = max(8, int(math.Hypot(p.b.x-p.a.x, p.b.y-p.a.y)/6))
		}
		for n := 1; n <= steps; n++ {
			out = append(out, p.at(float64(n)/float64(steps)))
		}
	}
	return out
}
