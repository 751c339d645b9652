//go:build originals

package diagram

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// diagramsVersion is the release of mingrammer's library that programs run with.
const diagramsVersion = "0.25.1"

// pictures are what the original libraries have to draw.
func pictures() map[string]Picture {
	return map[string]Picture{
		"draft": drawn(example(), Options{Title: "Example for blog", FoldAbove: 40}), "observed": observed(), "changed": changed(),
		"parts": drawn(wild(7, 12), Options{Title: "parts", FoldAbove: 40}), "hostile": drawn(hostileMap(), Options{Title: strings.Join(hostile, " "), FoldAbove: 1000}),
		"every kind": drawn(everyKind(), Options{FoldAbove: 1000}),
	}
}

// everyKind has one host for each kind of service, so that each name of a class
// or function is one that the library has.
func everyKind() link.Map {
	var m link.Map
	for _, kind := range append(link.KindNames(), "", "their-own") {
		m.Hosts = append(m.Hosts, link.Node{Name: "the " + kind, Runs: kind, Visited: true})
	}
	m.Links = append(m.Links, link.Link{From: link.End{Address: link.Internet}, To: link.End{Host: "the nginx"}, State: link.Established})
	return m
}

// must runs a program in a directory.
func must(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out
}

// python is an interpreter that has mingrammer's library. It is kept from run to
// run.
func python(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "nightcall-originals", "diagrams-"+diagramsVersion)
	interpreter := filepath.Join(dir, "bin", "python")
	if err := exec.CommandContext(t.Context(), interpreter, "-c", "import diagrams").Run(); err == nil {
		return interpreter
	}
	must(t, "", "python3", "-m", "venv", "--clear", dir)
	must(t, "", interpreter, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "diagrams=="+diagramsVersion)
	return interpreter
}

// pairs counts the edges that a program draws: an edge of a box is one of each of
// its nodes.
func pairs(p Picture) int {
	n := 0
	p.eachPair(func(_, _ Node, _ Edge) { n++ })
	return n
}

// The Python program runs with the library it is for, and draws every node and
// every edge, and nothing else.
func TestOriginalsPython(t *testing.T) {
	interpreter := python(t)
	for name, p := range pictures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program := bytes.Replace(Python(p), []byte(`filename="arch", `), []byte(`filename="arch", outformat=["png", "svg"], `), 1)
			write(t, filepath.Join(dir, "arch.py"), program)
			must(t, dir, interpreter, "arch.py")
			picture, err := os.ReadFile(filepath.Join(dir, "arch.png"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
			svg, err := os.ReadFile(filepath.Join(dir, "arch.svg"))
			if err != nil {
				t.Fatal(err)
			}
			holds(t, svg, len(p.Nodes), pairs(p))
			files(t, dir, "arch.png", "arch.py", "arch.svg")
		})
	}
}

// The Go program compiles against the library it is for, and draws the same.
func TestOriginalsGo(t *testing.T) {
	tools, err := filepath.Abs(filepath.Join("..", "..", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range pictures() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "arch.go"), Go(p))
			must(t, tools, "go", "build", "-o", filepath.Join(dir, "arch"), filepath.Join(dir, "arch.go"))
			must(t, dir, filepath.Join(dir, "arch"))
			files(t, dir, "arch", "arch.go", "go-diagrams")
			files(t, filepath.Join(dir, "go-diagrams"), "arch.dot", "assets")
			svg := must(t, filepath.Join(dir, "go-diagrams"), "dot", "-Tsvg", "arch.dot")
			holds(t, svg, len(p.Nodes), pairs(p))
		})
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// holds counts what Graphviz drew.
func holds(t *testing.T, svg []byte, nodes, edges int) {
	t.Helper()
	text := string(svg)
	if n, e := strings.Count(text, `class="node"`), strings.Count(text, `class="edge"`); n != nodes || e != edges {
		t.Errorf("%d nodes and %d edges, want %d and %d", n, e, nodes, edges)
	}
	for _, bad := range []string{"<a ", "<script", "javascript:alert(1)\"", "pwned</"} {
		if strings.Contains(text, bad) {
			t.Errorf("a name became %q", bad)
		}
	}
}

// files refuses any file that the program was not to write.
func files(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", filepath.Base(dir), got, want)
	}
}
