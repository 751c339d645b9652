package diagram

import (
	"cmp"
	"slices"
)

// routes finds the way of each edge, and a place for its label.
func (l *layouter) routes(out *layout, columns []rect) {
	ports := l.ports(out)
	taken := l.solid(out)
	for n, e := range l.picture.Edges {
		chain := l.chains[n]
		var r route
		if chain == nil {
			r = within(out, e, n)
		} else {
			left, right := e.From, e.To
			if _, _, r.backward = l.ends(e); r.backward {
				left, right = right, left
			}
			r.points = l.through(out, columns, chain, left, right, ports[n])
		}
		if e.Label != "" {
			r.label = labelPlace(r, l.room(out, columns, n, r), labelWidth(e.Label), taken)
			taken = append(taken, r.label)
		}
		out.edges = append(out.edges, r)
	}
}

// room is where the label of an edge may stand: in the gap behind its first
// column, or between the two nodes of a box.
func (l *layouter) room(out *layout, columns []rect, edge int, r route) rect {
	if chain := l.chains[edge]; chain != nil {
		c := columns[chain[0].rank]
		return rect{x: c.right(), w: l.gap(chain[0].rank)}
	}
	box, ok := out.boxes[l.of[l.picture.Edges[edge].From].id]
	if !ok { // a node's edge to itself
		box = out.rect(l.picture.Edges[edge].From)
	}
	return rect{x: box.x, w: box.w}
}

// ports spreads the ends of edges over the sides of what they lead to, in the
// order of their other ends: lines that meet do not cross there.
func (l *layouter) ports(out *layout) [][2]float64 {
	type side struct {
		id   string
		left bool // edges arrive there
	}
	ends := map[side][]int{}
	for n, e := range l.picture.Edges {
		if l.chains[n] == nil {
			continue
		}
		left, right := e.From, e.To
		if _, _, backward := l.ends(e); backward {
			left, right = right, left
		}
		ends[side{left, false}] = append(ends[side{left, false}], n)
		ends[side{right, true}] = append(ends[side{right, true}], n)
	}
	at := make([][2]float64, len(l.picture.Edges))
	for s, edges := range ends {
		far := func(n int) float64 {
			chain := l.chains[n]
			if s.left {
				return chain[len(chain)-2].pos
			}
			return chain[1].pos
		}
		slices.SortStableFunc(edges, func(a, b int) int { return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(a, b)) })
		r := out.rect(s.id)
		step := min(14, (r.h-24)/float64(len(edges)))
		for i, n := range edges {
			y := r.middle() - 8 + (float64(i)-float64(len(edges)-1)/2)*step
			if s.left {
				at[n][1] = y
			} else {
				at[n][0] = y
			}
		}
	}
	return at
}

// through leads an edge from the right side of its left end, through lanes, to
// the left side of its right end.
func (l *layouter) through(out *layout, columns []rect, chain []*unit, left, right string, port [2]float64) []point {
	from, to := out.rect(left), out.rect(right)
	fromX := from.right()
	if _, node := out.nodes[left]; node {
		fromX -= (nodeWidth-iconSize)/2 - 8
	}
	toX := to.x
	if _, node := out.nodes[right]; node {
		toX += (nodeWidth-iconSize)/2 - 8
	}
	points := []point{{fromX, port[0]}, {columns[chain[0].rank].right() + 4, port[0]}}
	for _, lane := range chain[1 : len(chain)-1] {
		c := columns[lane.rank]
		points = append(points, point{c.x - 4, lane.pos}, point{c.right() + 4, lane.pos})
	}
	return append(points, point{columns[chain[len(chain)-1].rank].x - 4, port[1]}, point{toX, port[1]})
}

// within joins two nodes of one box: straight where one is below the other, and
// along the side where others lie between, each edge at its own place there.
func within(out *layout, e Edge, n int) route {
	a, b := out.rect(e.From), out.rect(e.To)
	down := a.y < b.y
	upper, lower := a, b
	if !down {
		upper, lower = b, a
	}
	r := route{straight: true, backward: !down}
	if lower.y-upper.bottom() <= nodeGap+partHead+partPad+1 {
		x := upper.x + upper.w/2
		r.points = []point{{x, upper.bottom()}, {x, lower.y}}
		return r
	}
	in := upper.right() - 34
	x := upper.right() + 16 - 4*float64(n%4)
	r.points = []point{{in, upper.middle() - 8}, {x, upper.middle() - 8}, {x, lower.middle() - 8}, {in, lower.middle() - 8}}
	return r
}

// solid is what no label may hide: the nodes, with their names, and the heads of
// boxes and parts.
func (l *layouter) solid(out *layout) []rect {
	var all []rect
	for _, n := range l.picture.Nodes {
		all = append(all, out.nodes[n.ID])
	}
	for _, b := range l.picture.Boxes {
		r := out.boxes[b.ID]
		all = append(all, rect{r.x, r.y, r.w, boxHead})
	}
	for _, p := range l.picture.Parts {
		r := out.parts[p.ID]
		all = append(all, rect{r.x, r.y, r.w, partHead})
	}
	return all
}

// labelPlace finds room for a label near the middle of its edge: on it, or as
// close above or below as nothing else is.
func labelPlace(r route, room rect, w float64, taken []rect) rect {
	const h, step = labelSize + 5, 4
	a, b := r.points[0], r.points[1]
	if !r.straight || len(r.points) == 4 {
		a, b = r.points[1], r.points[2]
	}
	free := func(t, below float64) (rect, bool) {
		x := a.x + (b.x-a.x)*t - w/2
		x = min(max(x, room.x+2), room.x+room.w-w-2)
		place := rect{x, a.y + (b.y-a.y)*smooth(t) - h/2 + below, w, h}
		return place, !slices.ContainsFunc(taken, place.overlaps)
	}
	if beside := (rect{a.x + 5, (a.y+b.y)/2 - h/2, w, h}); a.x == b.x && beside.right() < room.x+room.w && !slices.ContainsFunc(taken, beside.overlaps) {
		return beside // a short line would be all label
	}
	for _, t := range []float64{0.5, 0.4, 0.6, 0.3, 0.7} {
		if place, ok := free(t, 0); ok {
			return place
		}
	}
	for off := 1.0; ; off++ { // there is room above or below all that is taken
		for _, below := range []float64{off * step, -off * step} {
			if place, ok := free(0.5, below); ok {
				return place
			}
		}
	}
}

// smooth is how far down a curve is at a part of its way.
func smooth(t float64) float64 { return t * t * (3 - 2*t) }
