package catalog

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/check"
)

var update = flag.Bool("update", false, "write the reference in docs/catalogue.md anew")

const (
	docsFile = "../../docs/catalogue.md"
	mark     = "<!-- reference -->\n"
)

// The list of facts in the reference is the one that conditions are held
// against.
func TestReferenceListsEveryFact(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	written, listed, found := strings.Cut(string(data), mark)
	if !found {
		t.Fatalf("%s has lost its mark %s", docsFile, mark)
	}
	if *update {
		if err := os.WriteFile(docsFile, []byte(written+mark+reference()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(reference(), listed); diff != "" {
		t.Errorf("docs/catalogue.md is stale; run: go test ./internal/catalog -run Reference -update\n%s", diff)
	}
}

// reference renders every input with its fields.
func reference() string {
	var b strings.Builder
	for _, derived := range []bool{false, true} {
		heading := "Facts"
		if derived {
			heading = "Derived facts"
		}
		fmt.Fprintf(&b, "\n### %s\n\n| name | needs | fields |\n|---|---|---|\n", heading)
		for _, in := range check.Inputs() {
			if in.Derived == derived {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", referenceName(in), strings.Join(in.Needs, ", "), referenceFields(in))
			}
		}
	}
	return b.String()
}

func referenceName(in check.Input) string {
	name := "`" + in.Name + "`"
	if in.List {
		name += " (list)"
	}
	if in.Title != "" {
		name += ": " + in.Title
	}
	return name
}

func referenceFields(in check.Input) string {
	if len(in.Fields) == 0 {
		return "one text"
	}
	var fields []string
	for _, f := range in.Fields {
		fields = append(fields, "`"+f.Name+"` "+f.Type)
	}
	return strings.Join(fields, ", ")
}

// The example works when it is typed in.
func TestReferenceExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	file, fixture := fenced(t, string(data), "yaml"), fenced(t, string(data), "json")
	good := strings.Replace(strings.Replace(fixture, "91.5", "12", 1), `{"/srv/spool": "critical"}`, "null", 1)
	e, err := LoadFile(fstest.MapFS{
		"spool-full.yaml":               {Data: []byte(file)},
		"testdata/spool-full/bad.json":  {Data: []byte(fixture)},
		"testdata/spool-full/good.json": {Data: []byte(good)},
	}, "spool-full.yaml", "spool-full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := Test(e, check.EOL{})
	if err != nil || len(outcomes) != 2 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	for _, o := range outcomes {
		if !o.Passed {
			t.Errorf("%s: %s", o.Fixture, o.Problem)
		}
	}
}

// fenced returns the first code block of a language.
func fenced(t *testing.T, text, language string) string {
	t.Helper()
	_, after, found := strings.Cut(text, "```"+language+"\n")
	block, _, closed := strings.Cut(after, "```\n")
	if !found || !closed {
		t.Fatalf("no %s block", language)
	}
	return block
}
