package diagram

import (
	"cmp"
	"math"
	"slices"
)

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
