package catalog

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nightcall-sh/nightcall/checks"
)

// builtIn loads the embedded catalogue, which must be right.
func builtIn(t testing.TB) Catalogue {
	t.Helper()
	c, err := Load(checks.FS, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryCheckPassesItsFixtures(t *testing.T) {
	t.Parallel()
	c := builtIn(t)
	if len(c.Entries) < 20 {
		t.Errorf("only %d checks", len(c.Entries))
	}
	for _, e := range c.Entries {
		t.Run(e.Spec.Name, func(t *testing.T) {
			t.Parallel()
			outcomes, err := Test(e, c.EOL)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range outcomes {
				if !o.Passed {
					t.Errorf("%s: %s", o.Fixture, o.Problem)
				}
			}
		})
	}
}

func TestEveryFixtureBelongsToACheck(t *testing.T) {
	t.Parallel()
	names := builtIn(t).Names()
	dirs, err := fs.ReadDir(checks.FS, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if !slices.Contains(names, dir.Name()) {
			t.Errorf("testdata/%s is no check's", dir.Name())
		}
	}
}

const tiny = `check: tiny
title: A title
business: "{host} is small."
summary: "{memory.total:bytes} of memory"
facts: [memory]
warning: memory.total < GiB(1)
evidence:
  - run: cat /proc/meminfo
    show: [memory.total]
`

func TestUserFileShadowsBuiltIn(t *testing.T) {
	t.Parallel()
	embedded := fstest.MapFS{"tiny.yaml": {Data: []byte(tiny)}, "testdata/x": {}}
	user := fstest.MapFS{
		"tiny.yaml":  {Data: []byte(strings.Replace(tiny, "A title", "Another title", 1))},
		"other.yaml": {Data: []byte(strings.Replace(tiny, "check: tiny", "check: other", 1))},
		"notes.txt":  {Data: []byte("not a check")},
	}
	c, err := Load(embedded, user, "/site/checks")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Names(); !slices.Equal(got, []string{"other", "tiny"}) {
		t.Fatalf("names %v", got)
	}
	e, _ := c.Find("tiny")
	if e.Spec.Title != "Another title" || e.Origin != "/site/checks/tiny.yaml" || !e.Shadows {
		t.Errorf("got %q from %s, shadows %v", e.Spec.Title, e.Origin, e.Shadows)
	}
	if _, ok := c.Find("tinier"); ok {
		t.Error("found a check that is not there")
	}
}

func TestOneBadFileDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	c, err := Load(fstest.MapFS{
		"tiny.yaml":  {Data: []byte(tiny)},
		"wrong.yaml": {Data: []byte("check: wrong\ncolour: red\n")},
		"named.yaml": {Data: []byte(strings.Replace(tiny, "check: tiny", "check: otherwise", 1))},
	}, nil, "")
	if got := c.Names(); !slices.Equal(got, []string{"tiny"}) {
		t.Errorf("names %v", got)
	}
	for _, want := range []string{"checks/wrong.yaml:2:1: unknown key colour", "checks/named.yaml: the file of check otherwise must be called otherwise.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestMissingUserDirectoryIsFine(t *testing.T) {
	t.Parallel()
	c, err := Load(checks.FS, missing{}, "/nowhere")
	if err != nil || len(c.Entries) == 0 {
		t.Errorf("%d checks, %v", len(c.Entries), err)
	}
}

// missing is the file system of a directory that does not exist.
type missing struct{}

func (missing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestTestNeedsBothFixtures(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"tiny.yaml":                   {Data: []byte(tiny)},
		"testdata/tiny/bad.json":      {Data: []byte(`{"memory":{"value":{"total":1},"state":"ok"}}`)},
		"testdata/complete/good.json": {Data: []byte(`{}`)},
	}
	e, err := LoadFile(fsys, "tiny.yaml", "tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Test(e, builtIn(t).EOL); !errors.Is(err, errNoFixtures) {
		t.Errorf("error %v", err)
	}
}

func TestFixtureThatIsAnsweredOtherwiseFails(t *testing.T) {
	t.Parallel()
	enough, scarce := `{"memory":{"value":{"total":9000000000},"state":"ok"}}`, `{"memory":{"value":{"total":9},"state":"ok"}}`
	for name, c := range map[string]struct{ file, data, problem string }{
		"bad that is fine":   {"bad2.json", enough, "expected a critical or warning finding, got none"},
		"good that is not":   {"good2.json", scarce, "expected no finding, got warning"},
		"known unknown":      {"unknown.json", enough, "expected an unknown finding, got none"},
		"other status":       {"bad2.json", `{"facts":` + scarce + `,"want":{"":"critical"}}`, "expected critical, got warning"},
		"fact not in it":     {"good2.json", `{"load":{}}`, "not checked: a needed fact is missing from the fixture"},
		"fact that is clear": {"good2.json", `{}`, "not checked: a needed fact is missing from the fixture"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := LoadFile(fstest.MapFS{
				"tiny.yaml":                        {Data: []byte(tiny)},
				"testdata/tiny/bad.json":           {Data: []byte(scarce)},
				"testdata/tiny/good.json":          {Data: []byte(enough)},
				path.Join("testdata/tiny", c.file): {Data: []byte(c.data)},
			}, "tiny.yaml", "tiny.yaml")
			if err != nil {
				t.Fatal(err)
			}
			outcomes, err := Test(e, builtIn(t).EOL)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range outcomes {
				if path.Base(o.Fixture) == c.file && o.Problem != c.problem {
					t.Errorf("problem %q, want %q", o.Problem, c.problem)
				}
				if path.Base(o.Fixture) != c.file && !o.Passed {
					t.Errorf("%s: %s", o.Fixture, o.Problem)
				}
			}
		})
	}
}
