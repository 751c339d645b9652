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
	"fmt"
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
