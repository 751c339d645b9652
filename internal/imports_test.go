// Package internal_test holds the house together: which package may import
// which, who owns each library, what no package may do, and how big and slow
// the binary may get.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/nightcall-sh/nightcall"

// rooms says which packages of ours each package may import, outside its tests.
// Arrows point one way: a command to the surfaces, surfaces to engines and
// adapters, everything to the vocabulary. "*" is the composition root's right to
// wire everything.
var rooms = map[string]string{
	"cmd/nightcall": "internal/cli internal/stdio",
	"checks":        "",
	"templates":     "",
	"internal":      "", // these tests

	// Small parts, which know nothing of the rest.
	"internal/credential": "",
	"internal/money":      "",
	"internal/plain":      "",
	"internal/pseudonym":  "",
	"internal/redact":     "",
	"internal/stdio":      "",
	"internal/word":       "",

	// Vocabulary: values and rules, no I/O.
	"internal/host":      "",
	"internal/fact":      "internal/redact",
	"internal/inventory": "internal/host internal/fact",
	"internal/check":     "internal/host internal/fact internal/inventory internal/link internal/timeline internal/plain",
	"internal/timeline":  "internal/plain internal/money",
	"internal/incident":  "internal/host internal/timeline internal/money",
	"internal/link":      "internal/fact internal/inventory internal/timeline",

	// Engines.
	"internal/scan":    "internal/host internal/host/shell internal/fact internal/inventory",
	"internal/report":  "internal/host internal/inventory internal/check internal/timeline internal/incident internal/money internal/plain internal/redact",
	"internal/knock":   "internal/host internal/plain",
	"internal/look":    "internal/fact internal/plain internal/redact",
	"internal/diagram": "internal/link internal/plain",
	"internal/catalog": "internal/fact internal/inventory internal/link internal/check internal/plain checks",

	// Adapters: each speaks to one foreign thing, and none knows another. The
	// shell conversation is what the wires have in common.
	"internal/host/shell":   "internal/host",
	"internal/host/local":   "internal/host internal/host/shell",
	"internal/host/ssh":     "internal/credential internal/host internal/host/shell internal/inventory internal/plain internal/word",
	"internal/host/openssh": "internal/credential internal/host internal/host/shell internal/host/ssh internal/inventory internal/word",
	"internal/sqlite":       "internal/host internal/fact internal/inventory internal/timeline",
	"internal/export":       "internal/host internal/fact internal/inventory internal/plain internal/word",
	"internal/bundle":       "internal/inventory internal/timeline",
	"internal/evidence":     "internal/timeline",
	"internal/home":         "",
	"internal/netbox":       "internal/fact internal/inventory",

	// Surfaces.
	"internal/cli":   "*",
	"internal/board": "internal/report internal/incident",
	"internal/tui":   "internal/inventory internal/link internal/check internal/timeline internal/incident internal/money internal/plain",
	"internal/demo":  "internal/host internal/host/shell internal/fact internal/inventory internal/timeline",

	// For tests only.
	"internal/host/hosttest":     "internal/host",
	"internal/host/waytest":      "internal/credential internal/host internal/host/hosttest internal/host/shell internal/host/ssh internal/inventory",
	"internal/netbox/netboxtest": "",
}

// owners says who may import each library that is not Go's own, outside tests.
// A library missing here is a library nobody decided on. "tests" alone means
// that it must never reach the binary.
var owners = map[string]string{
	"filippo.io/age":                   "internal/bundle",
	"charm.land/bubbletea/v2":          "internal/tui",
	"github.com/clipperhouse/uax29/v2": "internal/tui",
	"github.com/expr-lang/expr":        "internal/check internal/catalog",
	"github.com/goccy/go-yaml":         "internal/catalog internal/export internal/cli",
	"github.com/google/go-cmp":         "tests",
	"github.com/kevinburke/ssh_config": "internal/host/ssh",
	"github.com/mattn/go-isatty":       "internal/stdio",
	"github.com/mattn/go-runewidth":    "internal/cli internal/tui",
	"github.com/netbox-community":      "internal/netbox",
	"github.com/oklog/ulid/v2":         "internal/timeline internal/sqlite internal/cli",
	"github.com/rogpeppe/go-internal":  "tests",
	"github.com/skeema/knownhosts":     "internal/host/ssh",
	"github.com/spf13/cobra":           "internal/cli",
	"github.com/spf13/pflag":           "internal/cli",
	"golang.org/x/crypto":              "internal/host/ssh internal/demo internal/host/hosttest internal/host/waytest",
	"golang.org/x/image":               "internal/diagram",
	"golang.org/x/sync":                "internal/scan internal/export internal/cli internal/demo internal/host/ssh",
	"golang.org/x/sys":                 "internal/host/local internal/stdio internal/home internal/sqlite internal/cli",
	"golang.org/x/term":                "internal/stdio internal/cli",
	"golang.org/x/tools/txtar":         "tests",
	"modernc.org/sqlite":               "internal/sqlite",
	"golang.org/x/tools":               "tests",
	"mvdan.cc/sh/v3":                   "internal/host/hosttest",

	// Heavy parts of the standard library have owners too.
	"database/sql":  "internal/sqlite",
	"net/http":      "internal/board internal/netbox internal/netbox/netboxtest",
	"os/exec":       "internal/host/local internal/host/ssh internal/host/openssh internal/host/hosttest internal/host/waytest internal/export internal/cli",
	"plugin":        "",
	"text/template": "",
	"html/template": "",
	"unsafe":        "",
}

// vocabulary is what must stay without I/O, and what that means in imports.
var (
	vocabulary = []string{
		"internal/host", "internal/fact", "internal/inventory",
		"internal/check", "internal/timeline", "internal/incident", "internal/link", "internal/redact", "internal/plain", "internal/money",
	}
	noIO = []string{"os", "os/exec", "os/signal", "os/user", "io/ioutil", "net", "net/http", "database/sql", "syscall", "log", "log/slog"}
)

// A source is one Go file of the module.
type source struct {
	pkg  string // its directory, relative to the module
	name string // its path, relative to the module
	test bool
	file *ast.File
	fset *token.FileSet
}

// at is where in the source a node stands, for messages.
func (s source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports returns the import paths of the file.
func (s source) imports() []string {
	var paths []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

// sources parses every Go file of the module, for every operating system: build
// constraints do not hide a wrong arrow from these tests.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	root := ".."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator)))
		if d.IsDir() {
			if rel != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "tools" || rel == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{
			pkg: path.Dir(rel), name: rel, test: strings.HasSuffix(rel, "_test.go"), file: file, fset: fset,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found only %d Go files: the walk is broken", len(all))
	}
	return all
}

func TestEveryPackageHasARoom(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if _, known := rooms[s.pkg]; !known {
			t.Errorf("%s: package %s is not in the table: say what it may import", s.name, s.pkg)
		}
	}
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if !strings.HasPrefix(imported, module+"/") {
				continue
			}
			if reason := forbiddenArrow(s.pkg, strings.TrimPrefix(imported, module+"/"), s.test); reason != "" {
				t.Errorf("%s: imports %s: %s", s.name, imported, reason)
			}
		}
	}
}

// forbiddenArrow says why pkg may not import target, or nothing.
func forbiddenArrow(pkg, target string, test bool) string {
	switch {
	case pkg == target:
		return "" // an external test of the package itself
	case target == "internal/cli" && pkg != "cmd/nightcall":
		return "nothing but the command imports the command line"
	case test:
		return ""
	case strings.HasSuffix(target, "test") && !strings.HasSuffix(pkg, "test"):
		return "only tests import it"
	case rooms[pkg] == "*", slices.Contains(strings.Fields(rooms[pkg]), target):
		return ""
	default:
		return "the table of rooms does not allow it"
	}
}

func TestOwners(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if reason := forbiddenLibrary(s.pkg, imported, s.test); reason != "" {
				t.Errorf("%s: imports %s: %s", s.name, imported, reason)
			}
		}
	}
}

// forbiddenLibrary says why pkg may not import a package that is not ours, or
// nothing.
func forbiddenLibrary(pkg, imported string, test bool) string {
	if strings.HasPrefix(imported, module) {
		return ""
	}
	owner, known := libraryOwner(imported)
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case !known && standard:
		return ""
	case !known:
		return "the library has no owner in the table"
	case test, slices.Contains(strings.Fields(owner), pkg):
		return ""
	default:
		return "it belongs to " + strconv.Quote(owner)
	}
}

// libraryOwner finds the row that covers an import path.
func libraryOwner(imported string) (owner string, known bool) {
	for p := imported; p != "."; p = path.Dir(p) {
		if owner, known = owners[p]; known {
			return owner, true
		}
	}
	return "", false
}

func TestVocabularyHasNoIO(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || !slices.Contains(vocabulary, s.pkg) {
			continue
		}
		for _, imported := range s.imports() {
			if slices.Contains(noIO, imported) {
				t.Errorf("%s: imports %s: the vocabulary has no I/O", s.name, imported)
			}
		}
	}
}

// The rules must be able to say no: each row is an import that is wrong.
func TestTableRefuses(t *testing.T) {
	t.Parallel()
	for _, arrow := range []struct {
		pkg, target string
		test        bool
	}{
		{"internal/fact", "internal/sqlite", false},
		{"internal/sqlite", "internal/export", false},
		{"internal/scan", "internal/cli", false},
		{"internal/scan", "internal/cli", true},
		{"internal/cli", "internal/host/hosttest", false},
		{"internal/unheard-of", "internal/host", false},
	} {
		if forbiddenArrow(arrow.pkg, arrow.target, arrow.test) == "" {
			t.Errorf("%s may import %s", arrow.pkg, arrow.target)
		}
	}
	for _, lib := range []struct {
		pkg, imported string
		test          bool
	}{
		{"internal/scan", "github.com/spf13/cobra", false},
		{"internal/cli", "database/sql", false},
		{"internal/cli", "golang.org/x/crypto/ssh", false},
		{"internal/cli", "mvdan.cc/sh/v3/syntax", false},
		{"internal/cli", "example.org/nobody/decided", false},
		{"internal/cli", "example.org/nobody/decided", true},
	} {
		if forbiddenLibrary(lib.pkg, lib.imported, lib.test) == "" {
			t.Errorf("%s may import %s", lib.pkg, lib.imported)
		}
	}
}
