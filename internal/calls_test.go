package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A ban is a call, or a mention, that only its owners may write.
type ban struct {
	what   string   // "package path.Name"; a trailing * is any ending
	owners []string // packages
	tests  bool     // whether tests may
	why    string
}

// clocks are the packages that read the clock: the composition root, the
// surfaces beside it, and adapters that set deadlines on foreign things.
var clocks = []string{
	"internal/board", "internal/cli", "internal/demo", "internal/home", "internal/sqlite", "internal/export",
	"internal/host/ssh", "internal/host/openssh", "internal/host/local", "internal/host/shell", "internal/host/hosttest", "internal/host/waytest",
}

// bans keeps the clock, the exit and the terminal where they belong.
var bans = []ban{
	{"time.Now", clocks, true, "clocks are injected"},
	{"time.Since", clocks, true, "clocks are injected"},
	{"time.Until", clocks, true, "clocks are injected"},
	{"os.Exit", []string{"cmd/nightcall"}, true, "only the command ends the process"},
	{"log.*", nil, false, "errors are returned"},
	{"fmt.Print*", nil, true, "what is said goes to the streams that were handed in"},
	{"os.Stdout", []string{"internal/stdio", "internal/cli"}, true, "what is said goes to the streams that were handed in"},
	{"os.Stderr", []string{"internal/stdio", "internal/cli"}, true, "what is said goes to the streams that were handed in"},
	{"os.Stdin", []string{"internal/stdio", "internal/cli"}, true, "what is read comes from the streams that were handed in"},
}

func TestBannedCalls(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, found := range mentions(s.file) {
			for _, b := range bans {
				if b.forbids(s.pkg, found.name, s.test) {
					t.Errorf("%s: %s: %s", s.at(found.node), found.name, b.why)
				}
			}
		}
	}
}

func (b ban) forbids(pkg, name string, test bool) bool {
	prefix, any := strings.CutSuffix(b.what, "*")
	if name != b.what && (!any || !strings.HasPrefix(name, prefix)) {
		return false
	}
	return !(test && b.tests) && !slices.Contains(b.owners, pkg)
}

// A mention is a qualified name in a file, by the package's import path.
type mention struct {
	name string
	node ast.Node
}

// mentions finds each "package.Name" in the file, whatever the import is called.
func mentions(file *ast.File) []mention {
	packages := map[string]string{} // local name -> import path
	for _, i := range file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		local := p[strings.LastIndex(p, "/")+1:]
		if i.Name != nil {
			local = i.Name.Name
		}
		packages[local] = p
	}
	var found []mention
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && packages[x.Name] != "" {
			found = append(found, mention{packages[x.Name] + "." + sel.Sel.Name, sel})
		}
		return true
	})
	return found
}

// Tests do not skip: what they need is installed, and a missing server fails.
// Short mode and benchmarks of another machine are no excuse either.
func TestNoTestSkips(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, call := range skips(s.file) {
			t.Errorf("%s: a test that skips proves nothing", s.at(call))
		}
	}
}

// skips finds the calls of testing's Skip, Skipf and SkipNow.
func skips(file *ast.File) []ast.Node {
	var found []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "tb", "b", "f"}, x.Name) {
			found = append(found, call)
		}
		return true
	})
	return found
}

// inits are a cost every command pays, and order nobody reads.
func TestNoInitFunctions(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test { // no command pays for a test's
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: build it where it is asked for", s.at(f))
			}
		}
	}
}

// The bans must be able to say no.
func TestBansRefuse(t *testing.T) {
	t.Parallel()
	const text = `package x
import ("fmt"; "log"; "os"; clock "time")
func f(t T) { fmt.Println(); log.Fatal(); os.Exit(1); clock.Now(); clock.Since(x); t.Skip("no server") }`
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, found := range mentions(file) {
		for _, b := range bans {
			if b.forbids("internal/fact", found.name, false) {
				refused = append(refused, found.name)
			}
		}
	}
	want := []string{"fmt.Println", "log.Fatal", "os.Exit", "time.Now", "time.Since"}
	if !slices.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}
	if len(skips(file)) != 1 {
		t.Error("a skip went unseen")
	}
	for _, b := range bans {
		if b.forbids("cmd/nightcall", "os.Exit", false) {
			t.Error("the command may not end the process")
		}
	}
}
