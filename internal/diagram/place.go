package diagram

import (
	"math"
)

// place turns rows and columns into pixels.
func (l *layouter) place() layout {
	out := layout{nodes: map[string]rect{}, boxes: map[string]rect{}, parts: map[string]rect{}}
	top := math.Inf(1)
	for _, column := range l.columns {
		for _, u := range column {
			top = min(top, u.pos-u.h/2)
		}
	}
	x := margin
	bottom := margin + titleSpace
	var columns []rect // left and width of each
	for _, column := range l.columns {
		w := 0.0
		for _, u := range column {
			w = max(w, l.width(u))
		}
		for _, u := range column {
			u.pos += margin + titleSpace - top
			bottom = max(bottom, u.pos+u.h/2)
			l.put(&out, u, x+(w-l.width(u))/2, u.pos-u.h/2)
		}
		columns = append(columns, rect{x: x, w: w})
		x += w + l.gap(len(columns)-1)
	}
	right := x
	if len(columns) > 0 {
		right = columns[len(columns)-1].right() + margin
	}
	right, bottom = l.putLoose(&out, right, bottom)
	out.size = point{right, bottom + margin}
	l.routes(&out, columns)
	return out
}

// width is a unit's; a lane is as wide as its column. A label on an edge between
// two nodes of a box stands within the box.
func (l *layouter) width(u *unit) float64 {
	switch {
	case u.lane:
		return 0
	case !l.boxed(u):
		return nodeWidth
	}
	return max(nodeWidth, l.inner[u]+8) + 2*boxPad + sideRoom
}

// sideRoom is where edges run that join two nodes of a box past others.
const sideRoom = 26

// measure finds how wide the widest label on the inner edges of each box is.
func (l *layouter) measure() {
	l.inner = map[*unit]float64{}
	for n, e := range l.picture.Edges {
		if l.chains[n] == nil && e.Label != "" {
			u := l.of[e.From]
			l.inner[u] = max(l.inner[u], labelWidth(e.Label))
		}
	}
}

// labelWidth is the room for a label.
func labelWidth(text string) float64 { return textWidth(text, labelSize) + 8 }

// gap is the room behind a column: more where many edges cross it, or a label
// stands in it.
func (l *layouter) gap(column int) float64 {
	edges, label := 0, 0.0
	for n, chain := range l.chains {
		for _, u := range chain[:max(0, len(chain)-1)] {
			if u.rank == column {
				edges++
			}
		}
		if len(chain) > 0 && chain[0].rank == column && l.picture.Edges[n].Label != "" {
			label = max(label, labelWidth(l.picture.Edges[n].Label)+40)
		}
	}
	return max(label, min(mostGap, gapWidth+3*float64(edges)))
}

func (l *layouter) put(out *layout, u *unit, x, y float64) {
	if u.lane {
		return
	}
	if !l.boxed(u) {
		out.nodes[u.id] = rect{x, y, nodeWidth, nodeHeight}
		return
	}
	out.boxes[u.id] = rect{x, y, l.width(u), u.h}
	w := l.width(u) - sideRoom
	for _, s := range u.slots {
		out.nodes[s.id] = rect{x + (w-nodeWidth)/2, y + s.y, nodeWidth, nodeHeight}
	}
	for _, s := range u.parts {
		out.parts[s.id] = rect{x + partPad, y + s.from, w - 2*partPad + sideRoom, s.to - s.from}
	}
}

// putLoose puts units without edges below the others, in rows.
func (l *layouter) putLoose(out *layout, right, bottom float64) (float64, float64) {
	x, y, row := margin, bottom, 0.0
	if len(l.columns) > 0 {
		y += unitGap
	}
	limit := max(right, 1000)
	for _, u := range l.loose {
		if x > margin && x+l.width(u) > limit {
			x, y, row = margin, y+row+unitGap, 0
		}
		l.put(out, u, x, y)
		row = max(row, u.h)
		x += l.width(u) + unitGap
		right = max(right, x-unitGap+margin)
	}
	if len(l.loose) == 0 {
		return right, bottom
	}
	return right, y + row
}
