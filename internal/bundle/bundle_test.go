package bundle

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
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
		sealed, err := e.About("web1").Follow(timeline.Seal{Journal: "one"})
		if err != nil {
			t.Fatal(err)
		}
		b.Entries = append(b.Entries, sealed)
	}
	b.KnownHosts = []string{"web1 ssh-ed25519 AAAA"}
	for _, text := range []string{"", "a\x00b"} {
		b.Files = append(b.Files, timeline.EvidenceFile{Name: "file", Bytes: int64(len(text)), Source: text})
	}
	b.Hosts = []inventory.Host{{Name: "web1", Class: host.ClassOK, Seen: t0, Visited: t0}}
	return b
}

// opened takes the content of a file from where it came from.
func opened(f timeline.EvidenceFile) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f.Source)), nil
}

// read reads a whole bundle and compares its files.
func read(text string) (Bundle, error) {
	r, err := NewReader(strings.NewReader(text))
	if err != nil {
		return Bundle{}, err
	}
	return r.Rest(func(f timeline.EvidenceFile, content io.Reader) error {
		got, err := io.ReadAll(content)
		if err == nil && string(got) != f.Source {
			err = errors.New("another content")
		}
		return err
	})
}

func written(t testing.TB, b Bundle) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, b, opened); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	want := sample(t)
	long := strings.Repeat("long", pieceSize/3)
	want.Files = append(want.Files, timeline.EvidenceFile{Name: "long", Bytes: int64(len(long)), Source: long})
	got, err := read(written(t, want))
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
		if _, err := read(text[:n]); !errors.Is(err, ErrCutOff) && !errors.Is(err, ErrNotBundle) {
			t.Fatalf("%d bytes of %d: %v", n, len(text), err)
		}
	}
	lines := strings.SplitAfter(text, "\n")
	for n := 1; n < 5; n++ { // a line is missing in the middle
		cut := strings.Join(append(append([]string{}, lines[:n]...), lines[n+1:]...), "")
		if _, err := read(cut); !errors.Is(err, ErrCutOff) {
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
		{strings.Replace(text, `"version":2`, `"version":3`, 1), ErrNewer},
		{strings.Replace(text, `"incident":"incident-1"`, `"incident":"incident-2"`, 1), ErrNotBundle},
	} {
		if _, err := read(tt.text); !errors.Is(err, tt.want) {
			t.Errorf("%.40q: %v, want %v", tt.text, err, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(written(f, sample(f)))
	f.Add(`{"nightcall_incident":{"version":1,"id":"x"}}` + "\n" + `{"end":{"entries":0,"hosts":0}}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := read(text)
		if err != nil {
			return
		}
		again, err := read(written(t, b))
		if err != nil || again.ID != b.ID || len(again.Entries) != len(b.Entries) {
			t.Errorf("%q: %+v, %v", text, again, err)
		}
	})
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	typed := func(text string) func() (string, error) { return func() (string, error) { return text, nil } }
	for name, c := range map[string]struct {
		envelope Envelope
		key      Key
		opens    bool
	}{
		"nobody":               {opens: true},
		"recipient":            {Envelope{Recipients: []string{mine.Recipient().String()}}, Key{Identity: []byte(mine.String())}, true},
		"one of two":           {Envelope{Recipients: []string{other.Recipient().String(), mine.Recipient().String()}}, Key{Identity: []byte(mine.String())}, true},
		"another's":            {Envelope{Recipients: []string{other.Recipient().String()}}, Key{Identity: []byte(mine.String())}, false},
		"passphrase":           {Envelope{Passphrase: "hunter2 x", work: 10}, Key{Passphrase: typed("hunter2 x")}, true},
		"another passphrase":   {Envelope{Passphrase: "hunter2 x", work: 10}, Key{Passphrase: typed("hunter3 x")}, false},
		"no passphrase at all": {Envelope{Passphrase: "hunter2 x", work: 10}, Key{Passphrase: typed("")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w, err := c.envelope.Seal(&out)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(Write(w, sample(t), opened), w.Close()); err != nil {
				t.Fatal(err)
			}
			if sealed := c.envelope.Passphrase != "" || c.envelope.Recipients != nil; sealed == bytes.Contains(out.Bytes(), []byte("checkout")) {
				t.Errorf("sealed %t, and the text can be read: %t", sealed, !sealed)
			}
			r, err := Unseal(&out, c.key)
			if !c.opens {
				if !errors.Is(err, ErrSealed) {
					t.Errorf("it opened: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, err := NewReader(r); err != nil || b.Title != "checkout is down" {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
	if _, err := (Envelope{Recipients: []string{"age1nobody"}}).Seal(io.Discard); err == nil {
		t.Error("a recipient that is none was taken")
	}
}
