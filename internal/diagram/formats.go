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
	for _, box := range p.Boxes {
		say("  subgraph cluster_%s {", box.ID)
		say("    graph [label=%s, labeljust=l, style=\"rounded,filled\", color=\"#aeb6be\", fillcolor=\"%s\"]", dotText(box.Name), tierColors[min(max(int(box.Tier), 0), len(tierColors)-1)])
		for _, n := range p.Nodes {
			if n.Box == box.ID {
				say("    %s %s", n.ID, dotNode(n))
			}
		}
		say("  }")
	}
	for _, n := range p.Nodes {
		if n.Box == "" {
			say("  %s %s", n.ID, dotNode(n))
		}
	}
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
	node := func(indent string, n Node) {
		text := mermaidText(n.Name)
		if n.Sub != "" {
			text += "<br/>" + mermaidText(n.Sub)
		}
		if n.Mark.Old {
			text += "<br/>EOL"
		}
		say(`%s%s["%s"]`, indent, n.ID, text)
	}
	for _, box := range p.Boxes {
		say(`  subgraph %s["%s"]`, box.ID, mermaidText(box.Name))
		for _, n := range p.inside(box.ID) {
			node("    ", n)
		}
		say("  end")
	}
	for _, n := range p.Nodes {
		if n.Box == "" {
			node("  ", n)
		}
	}
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
	path := map[string]string{}
	say("direction: right")
	node := func(indent string, n Node) {
		label := n.Name
		if n.Sub != "" {
			label += " · " + n.Sub
		}
		say("%s%s: %s", indent, n.ID, d2Text(label))
		if n.Mark.Status == "critical" {
			say("%s%s.style.stroke: \"#d40000\"", indent, n.ID)
		}
	}
	for _, box := range p.Boxes {
		path[box.ID] = box.ID
		say("%s: %s {", box.ID, d2Text(box.Name))
		for _, n := range p.inside(box.ID) {
			path[n.ID] = box.ID + "." + n.ID
			node("  ", n)
		}
		say("}")
	}
	for _, n := range p.Nodes {
		if n.Box == "" {
			path[n.ID] = n.ID
			node("", n)
		}
	}
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
