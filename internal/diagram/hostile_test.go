package diagram

import (
	"encoding/xml"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// hostile are names that mean something in one format or another.
var hostile = []string{
	`"];pwned[label="x`, `<<TABLE><TR><TD HREF="javascript:alert(1)">x</TD></TR></TABLE>>`, `</text><script>alert(1)</script>`,
	`a\`, `\N\G`, `node`, `10.0.0.1`, "end\nclick n1 href \"javascript:alert(1)\"", "%%{init: {}}%%", `")` + "\nimport os; os.system(\"x\")#",
	"`$(id)`", "${x}", "x\x1b[2J", "\u202eevil", "--> b", `'; DROP`, strings.Repeat("long", 100), "", " ", "日本語",
}

// hostileMap is a platform of nothing but such names.
func hostileMap() link.Map {
	var m link.Map
	for n, name := range hostile {
		m.Hosts = append(m.Hosts, link.Node{Name: name, Runs: "x" + name, Group: name, Domain: name, Address: name, Visited: true})
		m.Links = append(m.Links, link.Link{
			From: link.End{Host: name}, To: link.End{Host: hostile[(n+1)%len(hostile)]}, Label: name, State: link.Established, Port: 1,
		})
	}
	return m
}

// A name is text in every format, and never anything else.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	p := drawn(hostileMap(), Options{Title: strings.Join(hostile, " "), FoldAbove: 1000})
	elements(t, SVG(p))
	declarations(t, Go(p))
	pythonCalls(t, Python(p))
	graphviz(t, DOT(p), len(p.Nodes), len(p.Edges))
	mermaidLines(t, Mermaid(p))
	for format, write := range formats {
		if strings.ContainsAny(string(write(p)), "\x1b\u202e") {
			t.Errorf("%s holds what a terminal obeys", format)
		}
	}
}

// elements reads an SVG and refuses what is not drawn by us.
func elements(t *testing.T, svg []byte) {
	t.Helper()
	allowed := []string{"svg", "title", "defs", "image", "marker", "path", "rect", "text", "use"}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("svg: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(allowed, start.Name.Local) {
			t.Errorf("svg: an element %s", start.Name.Local)
		}
		for _, a := range start.Attr {
			leads := a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#i-") && !strings.HasPrefix(a.Value, "data:image/png;base64,")
			if leads || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("svg: %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}

// declarations reads the Go program and refuses what is not of the library.
func declarations(t *testing.T, program []byte) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "arch.go", program, 0)
	if err != nil {
		t.Fatalf("go: %v", err)
	}
	for _, s := range file.Imports {
		if !strings.HasPrefix(s.Path.Value, `"github.com/blushft/go-diagrams/`) && s.Path.Value != `"log"` {
			t.Errorf("go: imports %s", s.Path.Value)
		}
	}
	allowed := []string{"New", "Filename", "Label", "Direction", "Fatal", "Add", "NodeLabel", "Server", "Group", "NewGroup", "Connect", "Render", "edge"}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if !slices.Contains(allowed, name) {
			t.Errorf("go: calls %s", name)
		}
		return true
	})
}

// pythonCalls has Python itself read the program, and name what it calls.
func pythonCalls(t *testing.T, program []byte) {
	t.Helper()
	cmd := exec.Command("python3", "-c", `import ast,sys
calls=[n.func for n in ast.walk(ast.parse(sys.stdin.read())) if isinstance(n,ast.Call)]
print(" ".join(sorted({f.id if isinstance(f,ast.Name) else "?" for f in calls})))`)
	cmd.Stdin = strings.NewReader(string(program))
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "Cluster Diagram Edge Server" {
		t.Errorf("python: calls %q, %v", got, err)
	}
}

// graphviz has dot read the program, and counts what it drew.
func graphviz(t *testing.T, program []byte, nodes, edges int) {
	t.Helper()
	cmd := exec.Command("dot", "-Tsvg")
	cmd.Stdin = strings.NewReader(string(program))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dot: %v\n%s", err, program)
	}
	svg := string(out)
	if n, e := strings.Count(svg, `class="node"`), strings.Count(svg, `class="edge"`); n != nodes || e != edges || strings.Contains(svg, "<a ") {
		t.Errorf("dot: %d nodes and %d edges, want %d and %d", n, e, nodes, edges)
	}
}

var mermaidLine = regexp.MustCompile(`^(flowchart LR| +(subgraph [bp]\d+\["T"\]|n\d+\["T"\]|end|[nb]\d+ (-->|-\.->)(\|"T"\|)? [nb]\d+|linkStyle \d+ stroke:[#a-z0-9]+|style n\d+ [a-z0-9:,#-]+))$`)

// mermaidLines holds each line against what we write; texts are between quotes
// and hold nothing but letters, digits, a few signs and numbered characters.
func mermaidLines(t *testing.T, chart []byte) {
	t.Helper()
	text := regexp.MustCompile(`"([a-zA-Z0-9 .:_-]|#\d+;|<br/>)*"`)
	for line := range strings.Lines(string(chart)) {
		line = strings.TrimSuffix(line, "\n")
		if !mermaidLine.MatchString(text.ReplaceAllString(line, `"T"`)) {
			t.Errorf("mermaid: %q", line)
		}
	}
}
