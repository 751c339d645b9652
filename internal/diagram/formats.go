package diagram

import (
	"fmt"
	"strings"
)

// DOT writes the picture for Graphviz. Every name is a quoted string, in which
// only the quote and the backslash mean something.
func DOT(p Picture) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("digraph nightcall {")
	say("  graph [label=%s, labelloc=t, rankdir=LR, compound=true, fontname=\"Sans-Serif\", nodesep=0.5, ranksep=1.2]", dotText(p.Title))
	say("  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Sans-Serif\", fontsize=12]")
	say("  edge [fontname=\"Sans-Serif\", fontsize=10]")
	p.nested(nest{
		open: func(depth int, id, name string, box Box) {
			say("%ssubgraph cluster_%s {", indent(depth), id)
			style, ground := "rounded,filled", box.ground()
			if depth > 0 {
				style, ground = "rounded,filled,dashed", "#ffffff"
			}
			say("%sgraph [label=%s, labeljust=l, style=%q, color=\"#aeb6be\", fillcolor=%q]", indent(depth+1), dotText(name), style, ground)
		},
		node:  func(depth int, n Node) { say("%s%s %s", indent(depth), n.ID, dotNode(n)) },
		close: func(depth int) { say("%s}", indent(depth)) },
	})
	for _, e := range p.Edges {
		say("  %s -> %s [%s]", p.member(e.From), p.member(e.To), dotEdge(e))
	}
	say("}")
	return []byte(b.String())
}

// dotText quotes a text for DOT. An HTML label begins with <, which no quoted
// string does; a backslash would begin an escape.
func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func dotNode(n Node) string {
	color, font := "#aeb6be", "#2d3436"
	switch {
	case n.Mark.Status == "critical":
		color = "#d40000"
	case n.Mark.Status == "warning":
		color = "#e08a00"
	case n.Grey:
		font = "#8d959c"
	}
	lines := []string{dotText(n.Name)}
	if n.Sub != "" {
		lines = append(lines, dotText(n.Sub))
	}
	if n.Mark.Old {
		lines = append(lines, dotText("EOL"))
	}
	if word := changeWords[n.Change]; word != "" {
		lines = append(lines, dotText(word))
		font = changeColors[n.Change]
	}
	label := strings.Join(lines, `+"\n"+`) // DOT joins strings with +
	return fmt.Sprintf(`[label=%s, color="%s", fontcolor="%s"]`, label, color, font)
}

func dotEdge(e Edge) string {
	p := penOf(e)
	style := map[string]string{"": "solid", "6 4": "dashed", "7 4": "dashed", "2 4": "dotted", "2 3": "dotted"}[p.dash]
	text := fmt.Sprintf(`color=%s, style=%s, penwidth=%s`, dotText(p.color), style, px(p.width))
	if e.Label != "" {
		text += ", label=" + dotText(e.Label) + ", fontcolor=" + dotText(p.color)
	}
	if e.From[0] == 'b' {
		text += ", ltail=cluster_" + e.From
	}
	if e.To[0] == 'b' {
		text += ", lhead=cluster_" + e.To
	}
	return text
}

// member is a node that stands for an end: of a box, the one in its middle.
func (p Picture) member(id string) string {
	if id[0] != 'b' {
		return id
	}
	inside := p.inside(id)
	return inside[(len(inside)-1)/2].ID
}

// A nest is what a format writes of boxes, their parts, and the nodes in them.
type nest struct {
	open  func(depth int, id, name string, box Box) // of a part, too, with its box
	node  func(depth int, n Node)
	close func(depth int)
}

// nested visits everything but the edges: what is within a box between its
// beginning and its end.
func (p Picture) nested(n nest) {
	nodes := func(depth int, box, part string) {
		for _, node := range p.Nodes {
			if node.Box == box && node.Part == part {
				n.node(depth, node)
			}
		}
	}
	for _, box := range p.Boxes {
		n.open(0, box.ID, box.Name, box)
		nodes(1, box.ID, "")
		for _, part := range p.Parts {
			if part.Box == box.ID {
				n.open(1, part.ID, part.Name, box)
				nodes(2, box.ID, part.ID)
				n.close(1)
			}
		}
		n.close(0)
	}
	nodes(0, "", "")
}

// indent is the beginning of a line in what is nested.
func indent(depth int) string { return strings.Repeat("  ", depth+1) }

// inside are the nodes of a box.
func (p Picture) inside(box string) []Node {
	var nodes []Node
	for _, n := range p.Nodes {
		if n.Box == box {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// members are the nodes that an end stands for.
func (p Picture) members(id string) []Node {
	if id[0] == 'b' {
		return p.inside(id)
	}
	for _, n := range p.Nodes {
		if n.ID == id {
			return []Node{n}
		}
	}
	return nil
}

// Mermaid writes the picture as a flowchart, as wikis and code forges draw it.
func Mermaid(p Picture) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("flowchart LR")
	p.nested(nest{
		open: func(depth int, id, name string, _ Box) {
			say(`%ssubgraph %s["%s"]`, indent(depth), id, mermaidText(name))
		},
		node: func(depth int, n Node) {
			text := mermaidText(n.Name)
			if n.Sub != "" {
				text += "<br/>" + mermaidText(n.Sub)
			}
			if n.Mark.Old {
				text += "<br/>EOL"
			}
			if word := changeWords[n.Change]; word != "" {
				text += "<br/>" + word
			}
			say(`%s%s["%s"]`, indent(depth), n.ID, text)
		},
		close: func(depth int) { say("%send", indent(depth)) },
	})
	for _, e := range p.Edges {
		arrow := "-->"
		if penOf(e).dash != "" {
			arrow = "-.->"
		}
		if e.Label != "" {
			arrow += `|"` + mermaidText(e.Label) + `"|`
		}
		say("  %s %s %s", e.From, arrow, e.To)
	}
	for n, e := range p.Edges {
		say("  linkStyle %d stroke:%s", n, penOf(e).color)
	}
	for _, n := range p.Nodes {
		switch {
		case n.Mark.Status == "critical":
			say("  style %s stroke:#d40000,stroke-width:3px", n.ID)
		case n.Mark.Status == "warning":
			say("  style %s stroke:#e08a00,stroke-width:2px", n.ID)
		case n.Grey:
			say("  style %s color:#8d959c,stroke-dasharray:3", n.ID)
		}
	}
	return []byte(b.String())
}

// mermaidText writes everything but letters, digits and a few harmless signs by
// its number, so that no name is taken for markup, a directive or HTML.
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" .-_:", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// D2 writes the picture in D2's language.
func D2(p Picture) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("direction: right")
	path, within := map[string]string{}, []string{}
	name := func(id string) { path[id] = strings.Join(append(within, id), ".") }
	p.nested(nest{
		open: func(depth int, id, text string, _ Box) {
			name(id)
			within = append(within, id)
			say("%s%s: %s {", indent(depth)[2:], id, d2Text(text))
		},
		node: func(depth int, n Node) {
			name(n.ID)
			label := n.Name
			if n.Sub != "" {
				label += " · " + n.Sub
			}
			if word := changeWords[n.Change]; word != "" {
				label += " · " + word
			}
			say("%s%s: %s", indent(depth)[2:], n.ID, d2Text(label))
			if n.Mark.Status == "critical" {
				say("%s%s.style.stroke: \"#d40000\"", indent(depth)[2:], n.ID)
			}
		},
		close: func(depth int) {
			within = within[:depth]
			say("%s}", indent(depth)[2:])
		},
	})
	for _, e := range p.Edges {
		pen := penOf(e)
		dash := ""
		if pen.dash != "" {
			dash = "; style.stroke-dash: 4"
		}
		say("%s -> %s: %s {style.stroke: %s%s}", path[e.From], path[e.To], d2Text(e.Label), d2Text(pen.color), dash)
	}
	return []byte(b.String())
}

// d2Text quotes a text for D2, in which a dollar begins a variable.
func d2Text(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(text) + `"`
}
