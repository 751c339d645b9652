package diagram

import (
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sizes of text, in pixels.
const (
	nameSize  = 12.5
	subSize   = 10.5
	labelSize = 11.0
	titleSize = 17.0
)

// textWidth is how wide a text is at most, in the sans-serif fonts there are.
func textWidth(text string, size float64) float64 {
	w := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune("iljtf.,:;|!' ()[]", r):
			w += 0.34
		case r > 0x2e80: // as wide as high
			w += 1.05
		case r >= 'A' && r <= 'Z' || strings.ContainsRune("mwMW@%…", r):
			w += 0.78
		default:
			w += 0.6
		}
	}
	return w * size
}

// fit cuts a text to a width.
func fit(text string, size, width float64) string {
	if textWidth(text, size) <= width {
		return text
	}
	for text != "" && textWidth(text+"…", size) > width {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text + "…"
}

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
	return p
}

// tierColors are the grounds of boxes, in mingrammer's pale tones.
var tierColors = []string{"#e5f5fd", "#ebf3e7", "#ece8f6", "#fdf7e3", "#fdeee8", "#e8f0f6", "#f0f0ea", "#f4f4f4"}

// SVG writes the picture as a document of its own: icons are within it, and
// nothing is loaded.
func SVG(p Picture) []byte {
	w := svgWriter{picture: p, layout: lay(p)}
	return w.document()
}

type svgWriter struct {
	b       strings.Builder
	picture Picture
	layout  layout
}

func (w *svgWriter) say(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

// px is a number of pixels in few digits.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func (w *svgWriter) document() []byte {
	size := w.layout.size
	title := w.picture.Title
	size.x = max(size.x, textWidth(title, titleSize)+2*margin)
	w.say(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" font-family="DejaVu Sans,Verdana,Helvetica,Arial,sans-serif">`+"\n",
		px(size.x), px(size.y), px(size.x), px(size.y))
	w.say("<title>%s</title>\n", html.EscapeString(title))
	w.defs()
	w.say(`<rect width="100%%" height="100%%" fill="#ffffff"/>` + "\n")
	w.text(title, margin, margin+titleSize-2, titleSize, "start", "#222222", "600")
	for _, b := range w.picture.Boxes {
		w.box(b)
	}
	for n, e := range w.picture.Edges {
		w.edge(e, w.layout.edges[n])
	}
	for _, n := range w.picture.Nodes {
		w.node(n)
	}
	for n, e := range w.picture.Edges {
		w.label(e, w.layout.edges[n])
	}
	w.say("</svg>\n")
	return []byte(w.b.String())
}

// defs holds each icon once, and an arrow's head for each colour.
func (w *svgWriter) defs() {
	var icons, colors []string
	for _, n := range w.picture.Nodes {
		icons = append(icons, iconOf(n.Kind))
	}
	for _, e := range w.picture.Edges {
		colors = append(colors, penOf(e).color)
	}
	slices.Sort(icons)
	slices.Sort(colors)
	w.say("<defs>\n")
	for _, name := range slices.Compact(icons) {
		w.say(`<image id="i-%s" width="%s" height="%s" href="data:image/png;base64,%s"/>`+"\n",
			name, px(iconSize), px(iconSize), base64.StdEncoding.EncodeToString(iconData(name)))
	}
	for n, color := range slices.Compact(colors) {
		w.say(`<marker id="a%d" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z" fill="%s"/></marker>`+"\n",
			n, html.EscapeString(color))
	}
	w.say("</defs>\n")
}

// head is the arrow's head of a colour.
func (w *svgWriter) head(color string) int {
	var colors []string
	for _, e := range w.picture.Edges {
		colors = append(colors, penOf(e).color)
	}
	slices.Sort(colors)
	return slices.Index(slices.Compact(colors), color)
}

func (w *svgWriter) text(text string, x, y, size float64, anchor, color, weight string) {
	if text == "" {
		return
	}
	w.say(`<text x="%s" y="%s" font-size="%s" text-anchor="%s" fill="%s" font-weight="%s">%s</text>`+"\n",
		px(x), px(y), px(size), anchor, color, weight, html.EscapeString(text))
}

func (w *svgWriter) box(b Box) {
	r := w.layout.boxes[b.ID]
	fill := tierColors[min(max(int(b.Tier), 0), len(tierColors)-1)]
	w.say(`<rect x="%s" y="%s" width="%s" height="%s" rx="8" fill="%s" stroke="#aeb6be"/>`+"\n", px(r.x), px(r.y), px(r.w), px(r.h), fill)
	w.text(fit(b.Name, nameSize, r.w-2*boxPad), r.x+boxPad, r.y+16, nameSize, "start", "#2d3436", "600")
}

func (w *svgWriter) node(n Node) {
	r := w.layout.nodes[n.ID]
	center := r.x + r.w/2
	opacity := ""
	if n.Grey {
		opacity = ` opacity="0.35"`
	}
	if n.Mark.Status != "" {
		color := map[string]string{"critical": "#d40000", "warning": "#e08a00"}[n.Mark.Status]
		w.say(`<rect x="%s" y="%s" width="%s" height="%s" rx="7" fill="#ffffff" fill-opacity="0.6" stroke="%s" stroke-width="2"/>`+"\n",
			px(center-iconSize/2-6), px(r.y), px(iconSize+12), px(iconSize+10), color)
		w.badge(fmt.Sprint(n.Mark.Count), center+iconSize/2+6, r.y+2, color)
	}
	w.say(`<use href="#i-%s" x="%s" y="%s"%s/>`+"\n", iconOf(n.Kind), px(center-iconSize/2), px(r.y+5), opacity)
	if n.Mark.Old {
		w.badge("EOL", center-iconSize/2-6, r.y+2, "#6b2fa0")
	}
	color := "#2d3436"
	if n.Grey {
		color = "#8d959c"
	}
	w.text(fit(n.Name, nameSize, r.w), center, r.y+iconSize+24, nameSize, "middle", color, "600")
	w.text(fit(n.Sub, subSize, r.w), center, r.y+iconSize+38, subSize, "middle", "#6b747c", "400")
}

// badge is a few letters on a ground of their own, around a point.
func (w *svgWriter) badge(text string, x, y float64, color string) {
	width := max(17, textWidth(text, 9.5)+8)
	w.say(`<rect x="%s" y="%s" width="%s" height="16" rx="8" fill="%s"/>`+"\n", px(x-width/2), px(y-7), px(width), color)
	w.text(text, x, y+4.5, 9.5, "middle", "#ffffff", "700")
}

// edge draws a smooth line through the gaps and straight ones through lanes.
func (w *svgWriter) edge(e Edge, r route) {
	p := penOf(e)
	var d strings.Builder
	fmt.Fprintf(&d, "M%s %s", px(r.points[0].x), px(r.points[0].y))
	for n := 1; n < len(r.points); n++ {
		a, b := r.points[n-1], r.points[n]
		if a.y == b.y || a.x == b.x {
			fmt.Fprintf(&d, " L%s %s", px(b.x), px(b.y))
			continue
		}
		mid := (a.x + b.x) / 2
		fmt.Fprintf(&d, " C%s %s %s %s %s %s", px(mid), px(a.y), px(mid), px(b.y), px(b.x), px(b.y))
	}
	end := "marker-end"
	if r.backward {
		end = "marker-start"
	}
	dash := ""
	if p.dash != "" {
		dash = ` stroke-dasharray="` + p.dash + `"`
	}
	w.say(`<path d="%s" fill="none" stroke="%s" stroke-width="%s"%s %s="url(#a%d)"/>`+"\n",
		d.String(), html.EscapeString(p.color), px(p.width), dash, end, w.head(p.color))
}

func (w *svgWriter) label(e Edge, r route) {
	if e.Label == "" {
		return
	}
	w.say(`<rect x="%s" y="%s" width="%s" height="%s" rx="3" fill="#ffffff" fill-opacity="0.9"/>`+"\n", px(r.label.x), px(r.label.y), px(r.label.w), px(r.label.h))
	w.text(e.Label, r.label.x+r.label.w/2, r.label.y+labelSize, labelSize, "middle", html.EscapeString(penOf(e).color), "400")
}
