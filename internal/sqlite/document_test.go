package sqlite

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

func deflate(t testing.TB, text []byte) []byte {
	t.Helper()
	var data bytes.Buffer
	w, err := flate.NewWriter(&data, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// stands returns a set in which every fact has the state that states gives it,
// "" where nobody asked, and a date.
func stands(t testing.TB, at time.Time, states func(i int) fact.State) (set fact.Set) {
	t.Helper()
	for i, f := range fact.All() {
		state := states(i)
		if state == "" {
			continue
		}
		text, err := json.Marshal(map[string]any{"state": state, "source": fmt.Sprint(at.Year()), "at": at})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Decode(text, &set); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// The members of a document are called as the fields of a set are in JSON, and
// the largest of all facts make a document that is read back.
func TestEveryFactIsAMember(t *testing.T) {
	t.Parallel()
	want := stands(t, t0, func(int) fact.State { return fact.Partial })
	readings, err := encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pack(readings)
	if err != nil {
		t.Fatal(err)
	}
	var got fact.Set
	if err := decode(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, f := range fact.All() {
		if status := f.Status(&got); status != f.Status(&want) {
			t.Errorf("fact %s comes back as %+v", f.Name, status)
		}
	}
	if most := len(readings) * (maxFact + 100); most > maxDocument {
		t.Errorf("%d facts may have %d bytes, a document %d", len(readings), most, maxDocument)
	}
}

// Documents merge as sets do, whatever was known and whatever is read.
func TestMergeIsThatOfFacts(t *testing.T) {
	t.Parallel()
	states := []fact.State{"", fact.OK, fact.Partial, fact.Unknown}
	old := stands(t, t0, func(i int) fact.State { return states[i/len(states)%len(states)] })
	fresh := stands(t, t0.AddDate(1, 0, 0), func(i int) fact.State { return states[i%len(states)] })
	want := fact.Merge(old, fresh)

	before, err := encode(&old)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pack(before)
	if err != nil {
		t.Fatal(err)
	}
	now, err := encode(&fresh)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := merge(data, now)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = pack(merged); err != nil {
		t.Fatal(err)
	}
	var got fact.Set
	if err := decode(data, &got); err != nil {
		t.Fatal(err)
	}
	same(t, "merged", got, want)
}

func TestReplaces(t *testing.T) {
	t.Parallel()
	fresh := []reading{{name: "load", state: fact.OK}, {name: "memory", state: fact.Partial}, {name: "os", state: fact.Unknown}}
	for members, want := range map[string]bool{
		"":                 true,
		"load":             true,
		"load memory":      true,
		"load os":          false, // that it is unknown may be less than was known
		"load memory disk": false,
		"lo":               false,
	} {
		if got := replaces(fresh, members); got != want {
			t.Errorf("members %q: %v", members, got)
		}
	}
}

// A few bytes may stand for very many; they are not all made.
func TestUnpackIsBounded(t *testing.T) {
	t.Parallel()
	if text, err := unpack(deflate(t, make([]byte, maxDocument+1))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func FuzzDecode(f *testing.F) {
	h := busyHost("web1", 1, t0)
	readings, err := encode(&h.Facts)
	if err != nil {
		f.Fatal(err)
	}
	for _, some := range [][]reading{nil, readings[:1], readings} {
		data, err := pack(some)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0xff})
	f.Add(deflate(f, []byte(`{"load":{"value":[1]}}`)))
	f.Add(deflate(f, []byte(`{"a b":1,"\u0000":null,"load":{"state":"ok"}}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before fact.Set
		err := decode(data, &before)
		merged, mergeErr := merge(data, nil)
		for _, err := range []error{err, mergeErr} {
			if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
		}
		if err != nil || mergeErr != nil {
			return
		}
		again, err := pack(merged)
		if err != nil {
			t.Fatal(err)
		}
		var after fact.Set
		if err := decode(again, &after); err != nil {
			t.Fatalf("packed again: %v", err)
		}
	})
}
