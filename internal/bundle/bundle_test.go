package bundle

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func sample(t testing.TB) Bundle {
	t.Helper()
	t0 := time.Date(2026, 3, 4, 4, 30, 0, 123456789, time.UTC)
	b := Bundle{ID: "incident-1", Title: "checkout is down"}
	for _, text := range []string{"one", "two\nlines \x1b[2J", ""} {
		e, err := timeline.New(b.ID, "kim", timeline.NoteAdded, t0, timeline.Note{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		b.Entries = append(b.Entries, e.About("web1"))
	}
	b.Hosts = []inventory.Host{{Name: "web1", Class: host.ClassOK, Seen: t0, Visited: t0}}
	return b
}

func written(t testing.TB, b Bundle) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	want := sample(t)
	got, err := Read(strings.NewReader(written(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Wherever it is cut off, it is refused.
func TestCutOff(t *testing.T) {
	t.Parallel()
	text := written(t, sample(t))
	for n := range len(text) - 1 {
		if _, err := Read(strings.NewReader(text[:n])); !errors.Is(err, ErrCutOff) && !errors.Is(err, ErrNotBundle) {
			t.Fatalf("%d bytes of %d: %v", n, len(text), err)
		}
	}
	lines := strings.SplitAfter(text, "\n")
	for n := 1; n < 5; n++ { // a line is missing in the middle
		cut := strings.Join(append(append([]string{}, lines[:n]...), lines[n+1:]...), "")
		if _, err := Read(strings.NewReader(cut)); !errors.Is(err, ErrCutOff) {
			t.Errorf("without line %d: %v", n, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	text := written(t, sample(t))
	for _, tt := range []struct {
		text string
		want error
	}{
		{"", ErrNotBundle},
		{"SQLite format 3\x00", ErrNotBundle},
		{`{"entry":{}}` + "\n", ErrNotBundle},
		{strings.Replace(text, `"version":1`, `"version":2`, 1), ErrNewer},
		{strings.Replace(text, `"incident":"incident-1"`, `"incident":"incident-2"`, 1), ErrNotBundle},
	} {
		if _, err := Read(strings.NewReader(tt.text)); !errors.Is(err, tt.want) {
			t.Errorf("%.40q: %v, want %v", tt.text, err, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(written(f, sample(f)))
	f.Add(`{"nightcall_incident":{"version":1,"id":"x"}}` + "\n" + `{"end":{"entries":0,"hosts":0}}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := Read(strings.NewReader(written(t, b)))
		if err != nil || again.ID != b.ID || len(again.Entries) != len(b.Entries) {
			t.Errorf("%q: %+v, %v", text, again, err)
		}
	})
}
