package report

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strings"
)

// HTML writes the report as one self-contained page: no script, no reference to
// anything else, and a policy that lets a browser fetch nothing.
func HTML(w io.Writer, d Data) error {
	h := &htmlWriter{w: bufio.NewWriter(w)}
	doc := newDocument(d)
	h.printf(htmlHead, text(doc.title), style)
	h.printf("<header><h1>%s</h1></header>\n", text(doc.title))
	for _, p := range doc.parts {
		h.printf("<section>\n")
		h.part(p)
	}
	h.printf("</body>\n</html>\n")
	return h.w.Flush()
}

const htmlHead = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>%s</style>
</head>
<body>
`

const style = `
body { font: 16px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; padding: 1rem; max-width: 72rem; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #1a1a1a; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; break-after: avoid; }
p, li, dd { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dt { color: #555; } dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #ccc; overflow-wrap: break-word; }
th { border-bottom: 2px solid #888; }
td { min-width: 4rem; } .at { white-space: nowrap; }
thead { display: table-header-group; }
tr, dl > *, figure, pre { break-inside: avoid; }
pre { background: #f3f3f3; border-left: 3px solid #888; padding: .5rem; margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; font: .82rem/1.35 "DejaVu Sans Mono", monospace; }
figure { margin: .8rem 0; } figcaption { color: #555; font-size: .85rem; }
svg { width: 100%; height: auto; max-height: 14rem; } .arch img { max-width: 100%; max-height: 95vh; }
@media screen and (max-width: 40rem) {
body { font-size: 15px; padding: .6rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; }
table, thead, tbody, tr { display: block; } tr { border-bottom: 1px solid #ccc; padding: .35rem 0; }
th, td, .at { display: inline; border: 0; padding: 0; overflow-wrap: anywhere; white-space: normal; } th { color: #555; font-weight: normal; }
th ~ th::before, td:not(:empty) ~ td:not(:empty)::before { content: " \B7  "; color: #888; } }
@media print {
@page { size: A4; margin: 14mm; } body { font-size: 10pt; line-height: 1.35; padding: 0; max-width: none; }
section:nth-of-type(2), section:last-of-type { break-before: page; } h2 { margin-top: 1rem; break-after: avoid; } h3 { margin: .6rem 0 .2rem; } p, ul, figure { margin: .3rem 0; }
svg { max-height: 6rem; } .wide { overflow: visible; } table { font-size: 8pt; } th, td { padding: .13rem .4rem; } td { min-width: 4.5em; overflow-wrap: anywhere; } }
`

// An htmlWriter writes blocks. An error of its writer shows when it is flushed.
type htmlWriter struct {
	w      *bufio.Writer
	linked bool // pictures stand beside the page
}

func (h *htmlWriter) printf(format string, args ...any) { fmt.Fprintf(h.w, format, args...) }

// text is a text for a place between two tags, or between quotation marks.
func text(s string) string { return html.EscapeString(line(s)) }

// part writes a part whose section was begun.
func (h *htmlWriter) part(p part) {
	h.printf("<h2>%s</h2>\n", text(p.title))
	for _, b := range p.blocks {
		h.block(b)
	}
	h.printf("</section>\n")
}

func (h *htmlWriter) block(b block) {
	switch b := b.(type) {
	case heading:
		h.printf("<h3>%s</h3>\n", text(b.text))
	case para:
		h.printf("<p>%s</p>\n", text(b.text))
	case code:
		h.printf("<pre>%s</pre>\n", html.EscapeString(lines(b.text)))
	case list:
		h.printf("<ul>\n")
		for _, item := range b.items {
			h.printf("<li>%s</li>\n", text(item))
		}
		h.printf("</ul>\n")
	case pairs:
		h.printf("<dl>\n")
		for _, r := range b.rows {
			h.printf("<dt>%s</dt><dd>%s</dd>\n", text(r[0]), text(r[1]))
		}
		h.printf("</dl>\n")
	case table:
		h.table(b)
	case picture:
		h.picture(b)
	case chart:
		h.chart(b)
	}
}

// picture shows it as an image: so it can run nothing and load nothing, whatever
// is in it.
func (h *htmlWriter) picture(p picture) {
	source := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(p.SVG)
	if h.linked {
		source = pictureLink(p.Picture)
	}
	h.printf("<figure class=\"arch\"><img alt=\"%s\" src=\"%s\"></figure>\n", html.EscapeString(lines(p.Text)), source)
}

func (h *htmlWriter) table(t table) {
	h.printf("<div class=\"wide\"><table>\n<thead><tr>")
	opens := make([]string, len(t.head))
	for n, cell := range t.head {
		h.printf("<th>%s</th>", text(cell))
		opens[n] = "<td>"
		if unbroken[cell] {
			opens[n] = `<td class="at">`
		}
	}
	h.printf("</tr></thead>\n<tbody>\n")
	for row := range t.rows {
		h.w.WriteString("<tr>")
		for n, cell := range row {
			h.w.WriteString(opens[n])
			h.w.WriteString(text(cell))
			h.w.WriteString("</td>")
		}
		h.w.WriteString("</tr>\n")
	}
	h.printf("</tbody></table></div>\n")
}

// The chart's place in its picture, in units of the picture.
const (
	chartWidth, chartHeight = 800, 160
	chartLeft, chartTop     = 2, 6
	chartRight, chartBottom = 798, 156
)

// chart draws the curve. What stands at its axes is told below, in letters that
// do not shrink with the picture.
func (h *htmlWriter) chart(c chart) {
	var path strings.Builder
	for n, p := range c.points {
		word := "L"
		if n == 0 {
			word = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f ", word, chartLeft+p.x*(chartRight-chartLeft), chartBottom-p.y*(chartBottom-chartTop))
	}
	h.printf("<figure>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", chartWidth, chartHeight, text(c.title))
	h.printf("<path d=\"M%d %dH%d\" stroke=\"#888\" fill=\"none\"/>\n", chartLeft, chartBottom, chartRight)
	h.printf("<path d=\"%s\" stroke=\"#b00020\" stroke-width=\"2.5\" fill=\"none\"/>\n", strings.TrimSpace(path.String()))
	h.printf("</svg>\n<figcaption>%s, from %s to %s: %s</figcaption>\n</figure>\n", text(c.title), text(c.from), text(c.to), text(c.top))
}
