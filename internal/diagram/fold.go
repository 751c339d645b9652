package diagram

import (
	"cmp"
	"slices"
	"strings"
)

// alike reports whether nothing sets a node apart from its like.
func (n Node) alike(o Node) bool {
	return n.Box == o.Box && n.Part == o.Part && n.Kind == o.Kind && n.Grey == o.Grey && n.Change == o.Change && n.Mark.Status == o.Mark.Status && n.Mark.Old == o.Mark.Old
}

// fold draws the nodes of a box that are alike, and have the same edges, as one.
func (b *builder) fold() {
	shape := b.shapes()
	var kept []string
	into := map[string]string{}
	for _, id := range b.ids() {
		n := b.nodes[id]
		same := slices.IndexFunc(kept, func(k string) bool {
			return shape[k] == shape[id] && b.nodes[k].alike(*n)
		})
		if n.Box == "" && !n.Grey || same < 0 {
			kept = append(kept, id)
			continue
		}
		first := b.nodes[kept[same]]
		first.Count, first.last = first.Count+n.Count, n.Name
		first.Mark = first.Mark.worse(n.Mark)
		into[id] = kept[same]
		delete(b.nodes, id)
	}
	seen := map[Edge]bool{}
	b.edges = slices.DeleteFunc(b.edges, func(e Edge) bool {
		e = e.moved(into)
		e.Count = 0
		dup := seen[e]
		seen[e] = true
		return dup
	})
	for n := range b.edges {
		b.edges[n] = b.edges[n].moved(into)
	}
}

func (e Edge) moved(into map[string]string) Edge {
	e.From, e.To = cmp.Or(into[e.From], e.From), cmp.Or(into[e.To], e.To)
	return e
}

// shapes tells for each node what its edges look like: two with the same shape
// have the same neighbours, where those in one box count as one.
func (b *builder) shapes() map[string]string {
	near := map[string][]string{}
	name := func(id string) string { return cmp.Or(b.nodes[id].Box, id) }
	for _, e := range b.edges {
		near[e.From] = append(near[e.From], "> "+name(e.To)+e.manner())
		near[e.To] = append(near[e.To], "< "+name(e.From)+e.manner())
	}
	out := map[string]string{}
	for id, list := range near {
		slices.Sort(list)
		out[id] = strings.Join(slices.Compact(list), "\x00")
	}
	return out
}

// bundle draws one edge from or to a box where all of its nodes have the same.
func (b *builder) bundle() {
	size := map[string]int{}
	for _, n := range b.nodes {
		size[n.Box]++
	}
	b.edges = b.bundled(size, func(e *Edge) *string { return &e.From }, func(e *Edge) *string { return &e.To })
	b.edges = b.bundled(size, func(e *Edge) *string { return &e.To }, func(e *Edge) *string { return &e.From })
}

func (b *builder) bundled(size map[string]int, near, far func(*Edge) *string) []Edge {
	alike := map[string][]int{} // edges by box and all but the near end
	keyOf := func(e Edge) string {
		n := b.nodes[*near(&e)]
		if n == nil || n.Box == "" || size[n.Box] < 2 {
			return ""
		}
		if other := b.nodes[*far(&e)]; other != nil && other.Box == n.Box {
			return ""
		}
		return n.Box + "\x00" + *far(&e) + "\x00" + e.manner()
	}
	for n, e := range b.edges {
		if k := keyOf(e); k != "" {
			alike[k] = append(alike[k], n)
		}
	}
	var out []Edge
	done := map[string]bool{}
	for n, e := range b.edges {
		k := keyOf(e)
		if k == "" || len(alike[k]) < size[b.nodes[*near(&e)].Box] {
			out = append(out, e)
			continue
		}
		if done[k] {
			continue
		}
		done[k] = true
		for _, other := range alike[k] {
			if other != n {
				e.Count += b.edges[other].Count
			}
		}
		*near(&e) = "box " + b.nodes[*near(&e)].Box
		out = append(out, e)
	}
	return out
}

// gather draws the edges that run from one box to another as one, in a picture
// that would be a tangle otherwise. What fails stays with its hosts.
func (b *builder) gather() {
	around := func(id string) string {
		if n := b.nodes[id]; n != nil {
			return n.Box
		}
		return strings.TrimPrefix(id, "box ")
	}
	at := map[Edge]int{}
	var out []Edge
	for _, e := range b.edges {
		from, to := around(e.From), around(e.To)
		if from == "" || to == "" || from == to || e.Look == Fails {
			out = append(out, e)
			continue
		}
		whole := e
		whole.From, whole.To, whole.Count = "box "+from, "box "+to, 0
		n, have := at[whole]
		if !have {
			at[whole] = len(out)
			out = append(out, e)
			continue
		}
		out[n].From, out[n].To = whole.From, whole.To
		out[n].Count += e.Count
	}
	b.edges = out
}
