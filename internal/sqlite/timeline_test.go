package sqlite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// note is an entry seen n seconds after t0.
func note(text string, n int) timeline.Entry {
	e, err := timeline.New("incident-1", "me", timeline.NoteAdded, t0.Add(time.Duration(n)*time.Second), timeline.Note{Text: text})
	if err != nil {
		panic(err)
	}
	return e
}

func ids(entries []timeline.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

func TestEntryComesBackAsItWas(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	want := []timeline.Entry{
		note("one", 0).About("web1"),
		{
			ID: "02", Incident: "i", Host: "a\x00b\xff", At: time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC), Seen: t0.Add(1),
			Actor: "", Trigger: timeline.Event, Kind: "from.the.future", V: 7, Data: json.RawMessage(`{"x": [1, "é"]}`),
		},
		{
			ID: "03", At: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), Seen: t0.Add(2),
			Kind: timeline.IncidentReopened, Trigger: timeline.Manual, V: 1,
		},
	}
	if err := db.Append(t.Context(), want...); err != nil {
		t.Fatal(err)
	}
	got, err := db.Since(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAppendTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	first := note("as it was", 0)
	second := first
	second.Data = json.RawMessage(`{"text":"rewritten"}`)
	for _, e := range []timeline.Entry{first, first, second} {
		if err := db.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Since(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]timeline.Entry{first}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	entry := func(id string, seen int) timeline.Entry {
		return timeline.Entry{ID: id, Kind: "x", At: t0, Seen: t0.Add(time.Duration(seen))}
	}
	// Another laptop's entries arrive late and belong in between; a clock that was
	// set back does not change the order either.
	for _, e := range []timeline.Entry{entry("m", 5), entry("z", 1), entry("b", 5), entry("a", 100), entry("c", -3)} {
		if err := db.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	order := []string{"c", "z", "b", "m", "a"}
	for i, id := range append([]string{""}, order...) {
		got, err := db.Since(t.Context(), id)
		if err != nil || !slices.Equal(ids(got), order[i:]) {
			t.Errorf("Since(%q) = %v, %v; want %v", id, ids(got), err, order[i:])
		}
	}
	if _, err := db.Since(t.Context(), "nobody"); !errors.Is(err, ErrNoEntry) {
		t.Errorf("unknown id: %v", err)
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	if _, err := db.First(t.Context(), timeline.NoteAdded); !errors.Is(err, ErrNoEntry) {
		t.Errorf("in an empty timeline: %v", err)
	}
	want := note("first", 0)
	if err := db.Append(t.Context(), note("second", 1), want); err != nil {
		t.Fatal(err)
	}
	got, err := db.First(t.Context(), timeline.NoteAdded)
	if err != nil || got.ID != want.ID {
		t.Errorf("First = %s, %v; want %s", got.ID, err, want.ID)
	}
}

func TestAppendRefusesAllOrNothing(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	for name, bad := range map[string]func(*timeline.Entry){
		"no id":         func(e *timeline.Entry) { e.ID = "" },
		"no date":       func(e *timeline.Entry) { e.At = time.Time{} },
		"never seen":    func(e *timeline.Entry) { e.Seen = time.Time{} },
		"not JSON":      func(e *timeline.Entry) { e.Data = json.RawMessage(`{"text":`) },
		"far in future": func(e *timeline.Entry) { e.At = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		e := note("bad", 1)
		bad(&e)
		if err := db.Append(t.Context(), note("good", 0), e); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	if err := db.Append(t.Context()); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
	if got, err := db.Since(t.Context(), ""); err != nil || len(got) > 0 {
		t.Errorf("%d entries were stored, %v", len(got), err)
	}
}

func TestReadRefusesADamagedEntry(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"date": `UPDATE entry SET at = 'yesterday'`,
		"data": `UPDATE entry SET data = x'7b'`,
	} {
		db := openTemp(t)
		if err := db.Append(t.Context(), note("x", 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Since(t.Context(), ""); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever an entry holds, it is refused or comes back as it was.
func FuzzEntry(f *testing.F) {
	f.Add("01", "web1", "note", []byte(`{"text":"é"}`), int64(0), int64(1))
	f.Add("", "\x00", "\xff", []byte(`{`), int64(-1<<62), int64(1<<62))
	f.Add("x", "", "", []byte(nil), int64(1<<35), int64(-62135596800))
	db := openTemp(f)
	n := 0
	f.Fuzz(func(t *testing.T, id, host, kind string, data []byte, at, seen int64) {
		n++
		want := timeline.Entry{
			ID: fmt.Sprint(n, id), Host: host, Kind: timeline.Kind(kind), Trigger: timeline.Manual, Data: data,
			At: time.Unix(at, at&0xffff).UTC(), Seen: time.Unix(seen, 0).UTC(),
		}
		if err := db.Append(t.Context(), want); err != nil {
			return
		}
		got, err := db.Since(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(got, func(e timeline.Entry) bool { return e.ID == want.ID })
		if i < 0 {
			t.Fatalf("%+v is not in the timeline", want)
		}
		if !bytes.Equal(got[i].Data, want.Data) {
			t.Errorf("data %q, want %q", got[i].Data, want.Data)
		}
		got[i].Data, want.Data = nil, nil
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Error(diff)
		}
		if _, err := db.write.ExecContext(t.Context(), `DELETE FROM entry`); err != nil {
			t.Fatal(err)
		}
	})
}
