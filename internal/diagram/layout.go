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

// rect is the place of a node or a box.
func (l *layout) rect(id string) rect {
	if r, ok := l.nodes[id]; ok {
		return r
	}
	return l.boxes[id]
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
