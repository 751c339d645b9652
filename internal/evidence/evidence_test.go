package evidence_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func keep(t *testing.T, dir, called, text string) timeline.EvidenceFile {
	t.Helper()
	f, err := evidence.Keep(dir, called, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := evidence.CheckName(f); err != nil {
		t.Errorf("%q: %v", called, err)
	}
	return f
}

func TestCompare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fine, gone, changed, linked := keep(t, dir, "a.txt", "a"), keep(t, dir, "b", "b"), keep(t, dir, "c", "c"), keep(t, dir, "d", "d")
	at := func(f timeline.EvidenceFile) string { return filepath.Join(dir, f.Name) }
	for _, err := range []error{
		os.Remove(at(gone)), os.WriteFile(at(changed), []byte("C"), 0o600),
		os.Remove(at(linked)), os.Symlink(at(fine), at(linked)),
		os.WriteFile(filepath.Join(dir, "stranger"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	flaws, others, err := evidence.Compare(dir, []timeline.EvidenceFile{fine, gone, changed, linked, {Name: "../a", SHA256: "x"}})
	if err != nil || len(others) != 1 || others[0] != "stranger" {
		t.Errorf("others %q, %v", others, err)
	}
	want := []string{"it is missing", "it was changed", "it cannot be read", "its name"}
	for n, f := range flaws {
		if n >= len(want) || !strings.HasPrefix(f.What, want[n]) {
			t.Errorf("%d: %+v", n, f)
		}
	}
	if len(flaws) != len(want) {
		t.Errorf("%d flaws, want %d", len(flaws), len(want))
	}
}

func TestSameContentIsKeptOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if a, b := keep(t, dir, "x/log.txt", "a"), keep(t, dir, `y\log.txt`, "a"); a.Name != b.Name {
		t.Errorf("%q and %q", a.Name, b.Name)
	}
	if a, b := keep(t, dir, "log.txt", "one"), keep(t, dir, "log.txt", "two"); a.Name == b.Name {
		t.Errorf("two files are called %q", a.Name)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

func FuzzNames(f *testing.F) {
	for _, called := range []string{"", "..", "/", "a/../b", "COM1", "x\x00", "naïve", strings.Repeat("x", 300), "-", `..\..\x`} {
		f.Add(called, called)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, called, name string) {
		kept, err := evidence.Keep(dir, called, strings.NewReader("x"))
		if err != nil {
			t.Fatalf("%q: %v", called, err)
		}
		if filepath.Base(kept.Name) != kept.Name || evidence.CheckName(kept) != nil {
			t.Errorf("%q is kept as %q", called, kept.Name)
		}
		strange := timeline.EvidenceFile{Name: name, SHA256: kept.SHA256}
		if err := evidence.CheckName(strange); err == nil && filepath.Base(name) != name || err != nil && !errors.Is(err, evidence.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	})
}
