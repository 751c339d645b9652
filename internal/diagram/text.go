package diagram

import (
	"fmt"
	"strings"
)

// Text writes the picture for a terminal: each box and each lone node with what
// leads away from it. The strings in it are one line each.
func Text(p Picture) []byte {
	var b strings.Builder
	names := map[string]string{}
	for _, box := range p.Boxes {
		names[box.ID] = fmt.Sprintf("[%s]", box.Name)
	}
	for _, n := range p.Nodes {
		names[n.ID] = n.Name
	}
	nodes := p.placed()
	if p.Title != "" {
		b.WriteString(p.Title + "\n\n")
	}
	for n, id := range p.heads() {
		if n > 0 {
			b.WriteByte('\n')
		}
		if node, ok := nodes[id]; ok {
			b.WriteString(nodeText(node) + "\n")
			p.leaves(&b, id, "    ", names)
			continue
		}
		b.WriteString(names[id] + "\n")
		p.leaves(&b, id, "    ", names)
		for _, member := range p.inside(id) {
			b.WriteString("    " + nodeText(nodes[member.ID]) + "\n")
			p.leaves(&b, member.ID, "        ", names)
		}
	}
	return []byte(b.String())
}

// heads are the ids of what begins a paragraph: the internet, the boxes, and the
// nodes that are in none.
func (p Picture) heads() []string {
	var heads []string
	for _, box := range p.Boxes {
		heads = append(heads, box.ID)
	}
	for _, n := range p.Nodes {
		if n.Box == "" && n.Kind == "internet" {
			heads = append([]string{n.ID}, heads...)
		} else if n.Box == "" {
			heads = append(heads, n.ID)
		}
	}
	return heads
}

// placed are the nodes by id, each with the part of its box in its second line.
func (p Picture) placed() map[string]Node {
	parts := map[string]string{}
	for _, part := range p.Parts {
		parts[part.ID] = part.Name
	}
	nodes := map[string]Node{}
	for _, n := range p.Nodes {
		if n.Part != "" {
			n.Sub = strings.TrimSpace(n.Sub + "  in " + parts[n.Part])
		}
		nodes[n.ID] = n
	}
	return nodes
}

// nodeText is a node with what is to be known of it.
func nodeText(n Node) string {
	text := n.Name
	if n.Sub != "" {
		text += "  " + n.Sub
	}
	if n.Grey && n.Sub != "not visited" {
		text += "  not visited"
	}
	if word := changeWords[n.Change]; word != "" {
		text += "  " + word
	}
	if n.Mark.Old {
		text += "  EOL"
	}
	if n.Mark.Status != "" {
		text += fmt.Sprintf("  !! %s, the worst %s", findings(n.Mark.Count), n.Mark.Status)
	}
	return text
}

func findings(n int) string {
	if n == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", n)
}

// leaves writes the edges that leave an end.
func (p Picture) leaves(b *strings.Builder, id, indent string, names map[string]string) {
	for _, e := range p.Edges {
		if e.From != id {
			continue
		}
		arrow := map[Look]string{Works: "──▶", Copies: "╌╌▶", Silent: "··▶", Fails: "╌╌✗", Unclear: "─?▶", Idle: "··▶"}[e.Look]
		line := indent + arrow + " " + names[e.To]
		if e.Label != "" {
			line += "  " + e.Label
		}
		switch e.Look {
		case Silent:
			line += "  (declared, never seen)"
		case Idle:
			line += "  (configured, never seen)"
		case Works, Copies, Fails, Unclear:
		}
		if word := changeWords[e.Change]; word != "" {
			line += "  (" + word + ")"
		}
		b.WriteString(line + "\n")
	}
}
