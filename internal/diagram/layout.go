package diagram

import (
	"cmp"
	"math"
	"slices"
)

// Sizes, in pixels.
const (
	nodeWidth  = 132.0
	nodeHeight = 92.0 // an icon and two lines of text
	iconSize   = 48.0
	nodeGap    = 30.0 // between nodes of a box
	boxPad     = 14.0
	boxHead    = 24.0
	unitGap    = 30.0 // between boxes of a column
	partPad    = 8.0
	partHead   = 17.0
	laneHeight = 12.0 // for an edge that passes a column
	gapWidth   = 110.0
	mostGap    = 210.0 // without what a label needs
	margin     = 24.0
	titleSpace = 34.0
)

// A point is a place in the picture.
type point struct{ x, y float64 }

// A rect is a part of the picture.
type rect struct{ x, y, w, h float64 }

func (r rect) right() float64  { return r.x + r.w }
func (r rect) bottom() float64 { return r.y + r.h }
func (r rect) middle() float64 { return r.y + r.h/2 }

func (r rect) overlaps(o rect) bool {
	return r.x < o.right() && o.x < r.right() && r.y < o.bottom() && o.y < r.bottom()
}

// A layout is where everything is.
type layout struct {
	size  point
	nodes map[string]rect
	boxes map[string]rect
	parts map[string]rect
	edges []route // as the picture's
}

// A route is the way of an edge: points it goes through from left to right, the
// way a drawer of smooth lines needs them, and whether it is walked backwards.
type route struct {
	points   []point
	backward bool // its arrow points to the left
	straight bool // it stays in its column
	label    rect
}

// A unit is what is placed as a whole: a box with its nodes, or a bare node. A
// lane is a unit of no more than an edge that passes through.
type unit struct {
	id    string
	tier  int
	slots []slot
	parts []span // where they begin and end, from the unit's top
	lane  bool
	rank  int
	pos   float64 // of its middle, from the top
	h     float64
}

// A slot is where a node stands, from its unit's top.
type slot struct {
	id string
	y  float64
}

// A span is where a part of a box is.
type span struct {
	id       string
	from, to float64
}

// lay places a picture: columns of boxes from left to right, in which every edge
// between two of them leads to the right; rows within columns so that edges
// cross little; lanes for edges that pass a column. Edges run in the gaps between
// columns and in lanes, and so never through a node.
func lay(p Picture) layout {
	l := layouter{picture: p, units: map[string]*unit{}, of: map[string]*unit{}}
	l.makeUnits()
	l.rank()
	l.makeColumns()
	l.measure()
	l.order()
	l.settle()
	return l.place()
}

type layouter struct {
	picture Picture
	units   map[string]*unit
	all     []*unit          // in order
	of      map[string]*unit // by id of node or box
	chains  [][]*unit        // by edge: the units it passes, from left to right; nil where it stays in one
	columns [][]*unit
	loose   []*unit           // without any edge
	inner   map[*unit]float64 // width of the widest label within it
}

func (l *layouter) makeUnits() {
	for _, b := range l.picture.Boxes {
		u := &unit{id: b.ID, tier: int(b.Tier)}
		l.units[b.ID], l.of[b.ID] = u, u
		l.all = append(l.all, u)
	}
	for _, n := range l.picture.Nodes {
		u := l.units[n.Box]
		if u == nil {
			u = &unit{id: n.ID, tier: int(n.Tier)}
			l.units[n.ID] = u
			l.all = append(l.all, u)
		}
		l.of[n.ID] = u
		if !l.boxed(u) {
			u.slots, u.h = []slot{{n.ID, 0}}, nodeHeight
		}
	}
	for _, b := range l.picture.Boxes {
		l.fill(l.units[b.ID])
	}
	slices.SortStableFunc(l.all, func(a, b *unit) int { return cmp.Or(cmp.Compare(a.tier, b.tier), natural(a.id, b.id)) })
}

// fill stacks the nodes of a box: those of no part, then each part with its own.
func (l *layouter) fill(u *unit) {
	y := boxHead
	stack := func(part string) {
		for _, n := range l.picture.Nodes {
			if n.Box == u.id && n.Part == part {
				u.slots = append(u.slots, slot{n.ID, y})
				y += nodeHeight + nodeGap
			}
		}
	}
	stack("")
	for _, p := range l.picture.Parts {
		if p.Box != u.id {
			continue
		}
		from := y
		y += partHead
		stack(p.ID)
		y += partPad - nodeGap
		u.parts = append(u.parts, span{p.ID, from, y})
		y += nodeGap
	}
	u.h = y - nodeGap + boxPad
}

func (l *layouter) boxed(u *unit) bool { return u.id[0] == 'b' }

// ends are the units at the left and the right of an edge.
func (l *layouter) ends(e Edge) (left, right *unit, backward bool) {
	left, right = l.of[e.From], l.of[e.To]
	if left == right {
		return left, right, false
	}
	if slices.Index(l.all, left) > slices.Index(l.all, right) {
		return right, left, true
	}
	return left, right, false
}

// rank gives each unit its column: behind everything that leads to it. The order
// of tiers decides which end of an edge is the left one, so there is no circle.
func (l *layouter) rank() {
	after, before := map[*unit][]*unit{}, map[*unit][]*unit{}
	for _, e := range l.picture.Edges {
		if left, right, _ := l.ends(e); left != right {
			after[left], before[right] = append(after[left], right), append(before[right], left)
		}
	}
	for _, u := range l.all {
		for _, v := range after[u] {
			v.rank = max(v.rank, u.rank+1)
		}
	}
	for n := len(l.all) - 1; n >= 0; n-- {
		u := l.all[n]
		if len(before[u]) > 0 || len(after[u]) == 0 {
			continue
		}
		near := math.MaxInt
		for _, v := range after[u] {
			near = min(near, v.rank)
		}
		u.rank = near - 1
	}
	for _, u := range l.all {
		if len(after[u])+len(before[u]) == 0 {
			l.loose = append(l.loose, u)
		}
	}
}

// makeColumns sorts the units into columns, with lanes for edges that pass.
func (l *layouter) makeColumns() {
	last := -1
	for _, u := range l.all {
		if !slices.Contains(l.loose, u) {
			last = max(last, u.rank)
		}
	}
	l.columns = make([][]*unit, last+1)
	for _, u := range l.all {
		if !slices.Contains(l.loose, u) {
			l.columns[u.rank] = append(l.columns[u.rank], u)
		}
	}
	for _, e := range l.picture.Edges {
		left, right, _ := l.ends(e)
		if left == right {
			l.chains = append(l.chains, nil)
			continue
		}
		chain := []*unit{left}
		for r := left.rank + 1; r < right.rank; r++ {
			lane := &unit{id: "lane", lane: true, rank: r, h: laneHeight}
			l.columns[r] = append(l.columns[r], lane)
			chain = append(chain, lane)
		}
		l.chains = append(l.chains, append(chain, right))
	}
}

// neighbours lists the units next to each, in the column before or after.
func (l *layouter) neighbours() (before, after map[*unit][]*unit) {
	before, after = map[*unit][]*unit{}, map[*unit][]*unit{}
	for _, chain := range l.chains {
		for n := 1; n < len(chain); n++ {
			before[chain[n]] = append(before[chain[n]], chain[n-1])
			after[chain[n-1]] = append(after[chain[n-1]], chain[n])
		}
	}
	return before, after
}

// sweeps is how often rows are ordered by their neighbours, there and back.
const sweeps = 4

// order puts units of a column near those that they have edges with.
func (l *layouter) order() {
	before, after := l.neighbours()
	l.stack()
	for range sweeps {
		for n := range l.columns {
			l.sortBy(n, before)
		}
		for n := len(l.columns) - 1; n >= 0; n-- {
			l.sortBy(n, after)
		}
	}
}

func (l *layouter) sortBy(column int, near map[*unit][]*unit) {
	want := map[*unit]float64{}
	for _, u := range l.columns[column] {
		want[u] = wanted(u, near[u])
	}
	slices.SortStableFunc(l.columns[column], func(a, b *unit) int { return cmp.Compare(want[a], want[b]) })
	l.stackColumn(l.columns[column])
}

// wanted is the mean of the neighbours' places, or the own one.
func wanted(u *unit, near []*unit) float64 {
	if len(near) == 0 {
		return u.pos
	}
	sum := 0.0
	for _, v := range near {
		sum += v.pos
	}
	return sum / float64(len(near))
}

func (l *layouter) stack() {
	for _, column := range l.columns {
		l.stackColumn(column)
	}
}

// stackColumn packs a column around the middle line.
func (l *layouter) stackColumn(column []*unit) {
	total := 0.0
	for n, u := range column {
		total += u.h + above(column, n)
	}
	y := -total / 2
	for n, u := range column {
		y += above(column, n)
		u.pos = y + u.h/2
		y += u.h
	}
}

// above is the room over a unit; lanes lie close together.
func above(column []*unit, n int) float64 {
	switch {
	case n == 0:
		return 0
	case column[n].lane && column[n-1].lane:
		return 0
	}
	return unitGap
}

// settle moves units towards their neighbours as far as those above and below
// leave room.
func (l *layouter) settle() {
	before, after := l.neighbours()
	for range 2 * sweeps {
		for _, column := range l.columns {
			for n, u := range column {
				low, high := math.Inf(-1), math.Inf(1)
				if n > 0 {
					low = column[n-1].pos + column[n-1].h/2 + above(column, n) + u.h/2
				}
				if n+1 < len(column) {
					high = column[n+1].pos - column[n+1].h/2 - above(column, n+1) - u.h/2
				}
				want := wanted(u, slices.Concat(before[u], after[u]))
				u.pos = math.Round(min(max(want, low), high))
			}
		}
	}
}

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

// place of a node or a box.
func (l *layout) rect(id string) rect {
	if r, ok := l.nodes[id]; ok {
		return r
	}
	return l.boxes[id]
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
