// Package diagram draws who talks to whom.
//
// # Picture
//
// A [Picture] is what is drawn, without saying how: nodes, boxes around them,
// edges. [Of] makes one of a map; it folds what is equal, bundles edges that
// run alike, and marks what was found wrong. Every format is written from a
// Picture, and equal pictures give equal bytes.
//
// # Names are strangers'
//
// A name in a picture may hold anything. Each format quotes it in its own way,
// and what identifies a node in a file is never its name.
package diagram

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A Picture is nodes in boxes, and edges between them.
type Picture struct {
	Title    string
	Compared bool // it shows what changed since an earlier moment
	Nodes    []Node
	Boxes    []Box
	Parts    []Part
	Edges    []Edge
}

// A Node is one host, or several that are drawn as one.
type Node struct {
	ID     string // n1, n2, …
	Name   string
	Sub    string // a second line: its address, its role
	Kind   string // of service: haproxy, mysql …; internet; host
	Tier   link.Tier
	Box    string // id of the box around it; empty for none
	Part   string // id of the part of that box; empty for none
	Count  int    // of hosts; more than 1 when folded
	Grey   bool   // nobody has looked at it
	Mark   Mark
	Change link.Change // since an earlier moment, in a picture of two

	last string // the name of the last host that was folded into it
}

// A Box holds nodes that belong together.
type Box struct {
	ID   string // b1, b2, …
	Name string
	Tier link.Tier
}

// A Part is what of a box stands or falls together: a rack, a site.
type Part struct {
	ID   string // p1, p2, …
	Name string
	Box  string // its id
}

// An Edge joins two nodes or boxes by their ids.
type Edge struct {
	From, To string
	Label    string
	Look     Look
	Style    string // as declared: solid, dashed, dotted; empty for the look's own
	Color    string // likewise
	Count    int    // of links
	Change   link.Change
}

// A Look is what an edge says.
type Look int

// The looks.
const (
	Works   Look = iota
	Copies       // a replica follows its main
	Silent       // declared, and never seen
	Fails        // attempted, and never answered
	Unclear      // seen, and perhaps something else
	Idle         // a configuration names it, and it was never seen
)

// A Mark is what was found wrong with a host.
type Mark struct {
	Status string // critical, warning or empty
	Count  int    // of findings
	Old    bool   // its operating system is no longer maintained
}

// worse adds another host's mark to that of a folded node.
func (m Mark) worse(o Mark) Mark {
	if o.Status == "critical" || m.Status == "" {
		m.Status = o.Status
	}
	return Mark{m.Status, m.Count + o.Count, m.Old || o.Old}
}

// Options are what of a map is drawn.
type Options struct {
	Title     string
	Marks     map[string]Mark        // by host
	FoldAbove int                    // nodes, from which on equal ones are drawn as one
	Anonymise bool                   // keep the shape, and no name or address
	Hosts     map[string]link.Change // what became of hosts, in a picture of two moments
	Links     []link.Change          // and of links, as the map's
}

// maxName bounds a name in a picture, in runes.
const maxName = 40

// Of draws a map.
func Of(m link.Map, groups []link.Group, o Options) Picture {
	b := builder{options: o, nodes: map[string]*Node{}, boxes: map[string]*Box{}}
	b.hosts(m, groups)
	b.links(m)
	if len(b.nodes) > o.FoldAbove {
		b.fold()
	}
	b.bundle()
	if len(b.nodes) > o.FoldAbove || len(b.edges) > 2*o.FoldAbove {
		b.gather()
	}
	return b.picture()
}

// A builder collects a picture. Until it is done, nodes and boxes are known by
// their full names.
type builder struct {
	options Options
	nodes   map[string]*Node
	boxes   map[string]*Box
	edges   []Edge
}

// hosts makes a node of each host, and a box of each group.
func (b *builder) hosts(m link.Map, groups []link.Group) {
	box := map[string]string{}
	for _, g := range groups {
		for _, h := range g.Hosts {
			box[h] = g.Name
		}
	}
	visited := slices.ContainsFunc(m.Hosts, func(h link.Node) bool { return h.Visited }) // else it is a draft, and nothing to look past
	for _, h := range m.Hosts {
		kind := cmp.Or(h.Runs, "host")
		n := &Node{Name: h.Name, Sub: b.sub(m, h), Kind: kind, Tier: link.TierOf(kind), Count: 1, Grey: visited && !h.Visited, Mark: b.options.Marks[h.Name], Change: b.options.Hosts[h.Name]}
		if h.Runs == "" {
			n.Tier = link.Support
		}
		n.Box = cmp.Or(h.Group, box[h.Name])
		b.nodes["h "+h.Name] = n
		if n.Box != "" {
			b.box(n)
			n.Part = h.Domain
		}
	}
}

// box puts a node into its box; the box stands where its foremost node does.
func (b *builder) box(n *Node) {
	have := b.boxes[n.Box]
	if have == nil {
		have = &Box{Name: n.Box, Tier: n.Tier}
		b.boxes[n.Box] = have
	}
	have.Tier = min(have.Tier, n.Tier)
}

// sub is the second line under a host: what it runs and its role, or where it is.
func (b *builder) sub(m link.Map, h link.Node) string {
	for _, s := range m.On(h.Name) {
		if s.Kind != h.Runs || h.Runs == "" {
			continue
		}
		version, _, _ := strings.Cut(s.Version, "-")
		return strings.TrimSpace(strings.Join([]string{s.Title, version, s.Role}, " "))
	}
	if h.Runs != "" {
		return strings.TrimSpace(link.TitleOf(h.Runs) + " " + h.Address)
	}
	return h.Address
}

// end finds the node of a link's end, or makes one for what is none of our hosts.
func (b *builder) end(e link.End, kind string) string {
	id := "h " + e.Host
	if e.Host == "" {
		id = "a " + e.Address
	}
	if b.nodes[id] != nil {
		return id
	}
	n := &Node{Name: e.Name(), Kind: cmp.Or(kind, "host"), Tier: link.TierOf(kind), Count: 1, Grey: true, Sub: "not visited"}
	if e.Address == link.Internet {
		n = &Node{Name: "internet", Kind: "internet", Tier: link.Entry - 1, Count: 1}
	}
	b.nodes[id] = n
	return id
}

// links makes an edge of each link that leaves a host; logins are left out.
func (b *builder) links(m link.Map) {
	edges := map[[3]string]*Edge{}
	var order [][3]string
	for n, l := range m.Links {
		if l.Login || l.Within {
			continue
		}
		e := edgeOf(l)
		if n < len(b.options.Links) {
			e.Change = b.options.Links[n]
		}
		e.From, e.To = b.end(l.From, ""), b.end(l.To, l.Kind)
		k := [3]string{e.From, e.To, e.manner()}
		if have := edges[k]; have != nil {
			have.Count++
			continue
		}
		edges[k], order = &e, append(order, k)
	}
	for _, k := range order {
		b.edges = append(b.edges, *edges[k])
	}
	b.strangers()
}

// strangers come and go with their links.
func (b *builder) strangers() {
	changes := map[string][]link.Change{}
	for _, e := range b.edges {
		for _, id := range []string{e.From, e.To} {
			if strings.HasPrefix(id, "a ") && !slices.Contains(changes[id], e.Change) {
				changes[id] = append(changes[id], e.Change)
			}
		}
	}
	for id, of := range changes {
		if len(of) == 1 && of[0] != link.Changed {
			b.nodes[id].Change = of[0]
		}
	}
}

// manner is all that is seen of an edge but its ends.
func (e Edge) manner() string { return fmt.Sprint(e.Look, e.Change, e.Label, e.Style, e.Color) }

func edgeOf(l link.Link) Edge {
	e := Edge{Label: l.Label, Style: l.Style, Color: l.Color, Count: 1}
	switch {
	case l.State == link.Attempted:
		e.Look = Fails
		e.Label = cmp.Or(e.Label, fmt.Sprintf("no answer :%d", l.Port))
	case l.State == link.Silent:
		e.Look = Silent
	case l.State == link.Unused:
		e.Look = Idle
	case l.Role == link.Replica:
		e.Look = Copies
		e.Label = cmp.Or(e.Label, "replica")
	case l.Doubt != "":
		e.Look = Unclear
	}
	return e
}

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

// ids are the nodes in order: by box, then by name.
func (b *builder) ids() []string {
	ids := make([]string, 0, len(b.nodes))
	for id := range b.nodes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y string) int {
		return cmp.Or(natural(b.nodes[x].Name, b.nodes[y].Name), strings.Compare(x, y))
	})
	return ids
}

// natural compares names so that be2 comes before be10.
func natural(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leading(a), leading(b)
		if digitsA != "" && digitsB != "" {
			numberA, numberB := strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
			if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
				return c
			}
			a, b = a[len(digitsA):], b[len(digitsB):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leading(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }

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

// picture gives everything its id and its order.
func (b *builder) picture() Picture {
	p := Picture{Title: plain.Clip(b.options.Title, 100), Compared: b.options.Links != nil}
	id := map[string]string{}
	boxes := make([]*Box, 0, len(b.boxes))
	for _, box := range b.boxes {
		boxes = append(boxes, box)
	}
	slices.SortFunc(boxes, func(x, y *Box) int { return cmp.Or(cmp.Compare(x.Tier, y.Tier), natural(x.Name, y.Name)) })
	for n, box := range boxes {
		box.ID = fmt.Sprintf("b%d", n+1)
		id["box "+box.Name] = box.ID
	}
	for n, key := range b.ids() {
		node := *b.nodes[key]
		node.ID = fmt.Sprintf("n%d", n+1)
		id[key] = node.ID
		if node.Box != "" {
			node.Box = id["box "+node.Box]
		}
		p.Nodes = append(p.Nodes, node)
	}
	p.partition()
	for _, box := range boxes {
		p.Boxes = append(p.Boxes, *box)
	}
	for _, e := range b.edges {
		e.From, e.To = id[e.From], id[e.To]
		p.Edges = append(p.Edges, e)
	}
	if b.options.Anonymise {
		p.anonymise()
	}
	p.tidy()
	slices.SortStableFunc(p.Edges, func(x, y Edge) int {
		return cmp.Or(natural(x.From, y.From), natural(x.To, y.To), cmp.Compare(x.Look, y.Look), strings.Compare(x.Label, y.Label))
	})
	return p
}

// partition makes the parts of the nodes, which are known by their names until
// then.
func (p *Picture) partition() {
	slices.SortStableFunc(p.Nodes, func(x, y Node) int { return cmp.Or(natural(x.Box, y.Box), natural(x.Part, y.Part)) })
	for n := range p.Nodes {
		node := &p.Nodes[n]
		if node.Part == "" {
			continue
		}
		last := len(p.Parts) - 1
		if last < 0 || p.Parts[last].Box != node.Box || p.Parts[last].Name != node.Part {
			p.Parts = append(p.Parts, Part{fmt.Sprintf("p%d", last+2), node.Part, node.Box})
			last++
		}
		node.Part = p.Parts[last].ID
	}
	slices.SortStableFunc(p.Nodes, func(x, y Node) int { return natural(x.ID, y.ID) })
}

// anonymise names nodes by what they run, and leaves out whatever a person or a
// host could have written.
func (p *Picture) anonymise() {
	count := map[string]int{}
	p.Title = ""
	for n := range p.Nodes {
		node := &p.Nodes[n]
		count[node.Kind]++
		title := node.Kind
		if _, known := iconFiles[node.Kind]; !known {
			title, node.Kind = "service", "host"
		}
		node.Name, node.Sub, node.last = fmt.Sprintf("%s %d", title, count[node.Kind]), "", ""
	}
	for n := range p.Boxes {
		p.Boxes[n].Name = fmt.Sprintf("group %d", n+1)
	}
	for n := range p.Parts {
		p.Parts[n].Name = fmt.Sprintf("part %d", n+1)
	}
	for n := range p.Edges {
		p.Edges[n].Label = ""
		if p.Edges[n].Look == Copies {
			p.Edges[n].Label = "replica"
		}
	}
}

// maxPair is how long the names of two hosts may be to stand beside each other.
const maxPair = 22

// folded is the name of several hosts that are drawn as one: of two, both, so that
// nobody takes a third that is drawn beside them for one of these.
func (n Node) folded() string {
	if both := n.Name + ", " + n.last; n.Count == 2 && n.last != "" && utf8.RuneCountInString(both) <= maxPair {
		return plain.Clip(both, maxName)
	}
	return fmt.Sprintf("%s … ×%d", n.Name, n.Count)
}

// tidy makes every text one line of bounded length.
func (p *Picture) tidy() {
	for n := range p.Nodes {
		node := &p.Nodes[n]
		node.Name, node.Sub = plain.Clip(node.Name, maxName), plain.Clip(node.Sub, maxName)
		if node.Count > 1 {
			node.Name = node.folded()
		}
	}
	for n := range p.Boxes {
		p.Boxes[n].Name = plain.Clip(p.Boxes[n].Name, maxName)
	}
	for n := range p.Parts {
		p.Parts[n].Name = plain.Clip(p.Parts[n].Name, maxName)
	}
	for n := range p.Edges {
		p.Edges[n].Label = plain.Clip(p.Edges[n].Label, maxName)
	}
}
