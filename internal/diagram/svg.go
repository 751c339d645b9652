package diagram

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
)

// SVG writes the picture as a document of its own: icons are within it, and
// nothing is loaded.
func SVG(p Picture) []byte {
	w := svgWriter{heads: map[string]int{}}
	l := lay(p)
	w.open(p, l.sizeWith(p))
	l.paint(&w, p)
	w.say("</svg>\n")
	return w.b.Bytes()
}

// An svgWriter is a canvas that writes each thing as an element.
type svgWriter struct {
	b     bytes.Buffer
	heads map[string]int // of arrows, by colour
}

func (w *svgWriter) say(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

// px is a number of pixels in few digits.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// open begins the document: its size, each icon once, an arrow's head for each
// colour, and a white ground.
func (w *svgWriter) open(p Picture, size point) {
	w.say(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" font-family="Arial,Helvetica,Liberation Sans,DejaVu Sans,sans-serif">`+"\n",
		px(size.x), px(size.y), px(size.x), px(size.y))
	w.say("<title>%s</title>\n", html.EscapeString(p.Title))
	var icons, colors []string
	for _, n := range p.Nodes {
		icons = append(icons, iconOf(n.Kind))
	}
	for _, e := range p.Edges {
		colors = append(colors, penOf(e).color)
	}
	for _, pen := range p.legendPens() {
		colors = append(colors, pen.color)
	}
	slices.Sort(icons)
	slices.Sort(colors)
	w.say("<defs>\n")
	for _, name := range slices.Compact(icons) {
		w.say(`<image id="i-%s" width="%s" height="%s" href="data:image/png;base64,%s"/>`+"\n",
			name, px(iconSize), px(iconSize), base64.StdEncoding.EncodeToString(iconData(name)))
	}
	for n, color := range slices.Compact(colors) {
		w.heads[color] = n
		w.say(`<marker id="a%d" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z" fill="%s"/></marker>`+"\n",
			n, html.EscapeString(color))
	}
	w.say("</defs>\n")
	w.say(`<rect width="100%%" height="100%%" fill="#ffffff"/>` + "\n")
}

func (w *svgWriter) text(text string, at point, f font) {
	w.say(`<text x="%s" y="%s" font-size="%s" text-anchor="%s" fill="%s" font-weight="%s">%s</text>`+"\n",
		px(at.x), px(at.y), px(f.size), f.anchor, html.EscapeString(f.color), f.weight, html.EscapeString(text))
}

func (w *svgWriter) rect(r rect, s surface) {
	w.say(`<rect x="%s" y="%s" width="%s" height="%s" rx="%s" fill="%s"`, px(r.x), px(r.y), px(r.w), px(r.h), px(s.radius), cmp.Or(s.fill, "none"))
	if s.fill != "" && s.opacity != 1 {
		w.say(` fill-opacity="%s"`, px(s.opacity))
	}
	if s.stroke != "" {
		w.say(` stroke="%s"`, s.stroke)
	}
	if s.stroke != "" && s.width != 1 {
		w.say(` stroke-width="%s"`, px(s.width))
	}
	if s.dash != "" {
		w.say(` stroke-dasharray="%s"`, s.dash)
	}
	w.say("/>\n")
}

func (w *svgWriter) icon(name string, at point, faint bool) {
	opacity := ""
	if faint {
		opacity = fmt.Sprintf(` opacity="%g"`, faintness)
	}
	w.say(`<use href="#i-%s" x="%s" y="%s"%s/>`+"\n", name, px(at.x), px(at.y), opacity)
}

// line draws a smooth line through the gaps and straight ones through lanes.
func (w *svgWriter) line(points []point, p pen, backward bool) {
	w.say(`<path d="M%s %s`, px(points[0].x), px(points[0].y))
	for _, s := range pieces(points) {
		if s.straight {
			w.say(" L%s %s", px(s.b.x), px(s.b.y))
			continue
		}
		c, d := s.bends()
		w.say(" C%s %s %s %s %s %s", px(c.x), px(c.y), px(d.x), px(d.y), px(s.b.x), px(s.b.y))
	}
	end, dash := "marker-end", ""
	if backward {
		end = "marker-start"
	}
	if p.dash != "" {
		dash = ` stroke-dasharray="` + p.dash + `"`
	}
	w.say(`" fill="none" stroke="%s" stroke-width="%s"%s %s="url(#a%d)"/>`+"\n", html.EscapeString(p.color), px(p.width), dash, end, w.heads[p.color])
}
