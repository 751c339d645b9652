package diagram

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

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
