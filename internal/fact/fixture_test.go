package fact

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the parsers make of the fixtures anew")

// at is when every fixture was read.
var at = time.Date(2026, 1, 3, 4, 30, 0, 0, time.UTC)

// A fixture is what one host answered for one fact: testdata/FACT/HOST.txtar.
//
// Its comment says about the host and, in lines of their own, "root: no" and
// "interval: 500ms"; root and one second are the defaults. Its sections are
// "now", what its date said; "out", the script's output, with ␀ for NUL; "/path", a file; "/path denied", one that was
// refused; "again /path", a file's second reading; "missing", why the script has
// no answer; and "want", what the parser makes of it all, as JSON.
type fixture struct {
	path    string
	archive *txtar.Archive
}

func (x fixture) fact() string { return filepath.Base(filepath.Dir(x.path)) }

// fixtures finds those of a fact, or all.
func fixtures(t testing.TB, name string) []fixture {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + name + "/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures for %s: %v", name, err)
	}
	var list []fixture
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fixture{filepath.ToSlash(path), archive})
	}
	return list
}

// raw is the answer as an archive has it; sections that mean nothing are left
// out.
func raw(archive *txtar.Archive) Raw {
	r := Raw{
		Files: map[string]File{}, Again: map[string]File{}, Root: true, Interval: time.Second,
		Began: at.Add(-100 * time.Millisecond), Ended: at.Add(100 * time.Millisecond),
	}
	for line := range strings.Lines(string(archive.Comment)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
		case "root":
			r.Root = value == "yes"
		case "interval":
			r.Interval, _ = time.ParseDuration(value)
		}
	}
	for _, f := range archive.Files {
		file, denied := strings.CutSuffix(f.Name, " denied")
		again, twice := strings.CutPrefix(file, "again ")
		switch {
		case f.Name == "out":
			r.Out = strings.ReplaceAll(string(f.Data), "␀", "\x00")
		case f.Name == "now":
			r.Now = string(f.Data)
		case f.Name == "missing":
			r.Missing = strings.TrimSpace(string(f.Data))
		case twice:
			r.Again[again] = File{Content: string(f.Data)}
		case strings.HasPrefix(file, "/"):
			r.Files[file] = File{Content: string(f.Data), Denied: denied}
		}
	}
	return r
}

// parse reads a fixture's answer by its fact, and returns it as stored.
func (x fixture) parse(t testing.TB) []byte {
	t.Helper()
	f, ok := Lookup(x.fact())
	if !ok {
		t.Fatalf("%s: no such fact", x.path)
	}
	var set Set
	f.Read(raw(x.archive), at, &set)
	data, err := f.Encode(&set)
	if err != nil {
		t.Fatalf("%s: %v", x.path, err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func (x fixture) want() (index int) {
	return slices.IndexFunc(x.archive.Files, func(f txtar.File) bool { return f.Name == "want" })
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, x := range fixtures(t, "*") {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(x.path, "testdata/"), ".txtar"), func(t *testing.T) {
			t.Parallel()
			got, n := x.parse(t), x.want()
			if *update {
				x.write(t, n, got)
				return
			}
			if n < 0 {
				t.Fatal("there is no section want; write it with -update and read it")
			}
			if want := x.archive.Files[n].Data; !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// write stores what was got as what is wanted.
func (x fixture) write(t *testing.T, index int, got []byte) {
	t.Helper()
	if index < 0 {
		index = len(x.archive.Files)
		x.archive.Files = append(x.archive.Files, txtar.File{Name: "want"})
	}
	x.archive.Files[index].Data = got
	if err := os.WriteFile(x.path, txtar.Format(x.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every fact was tried on more than one kind of host.
func TestEveryFactHasFixtures(t *testing.T) {
	t.Parallel()
	for _, f := range All() {
		if len(f.Probe.Asks) > 0 {
			continue // its answers are read elsewhere
		}
		if n := len(fixtures(t, f.Name)); n < 2 {
			t.Errorf("%s has %d fixtures", f.Name, n)
		}
	}
}
