package fact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/tools/txtar"
)

// recorded is what a host printed for a fact: the section "out" of
// testdata/FACT/HOST.txtar.
func recorded(t testing.TB, name string) string { return section(t, name, "out") }

// section is one section of a fixture.
func section(t testing.TB, name, section string) string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", filepath.FromSlash(name)+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == section {
			return string(f.Data)
		}
	}
	t.Fatalf("%s has no section %s", name, section)
	return ""
}

// observe reads raw as a visit does, and returns the set.
func observe(f Fact, raw Raw) Set {
	var set Set
	f.Read(raw, time.Unix(1795255200, 0).UTC(), &set)
	return set
}

// fuzzFact fuzzes the reading of a fact. Whatever a host answers, written like a
// fixture, the parser returns and keeps nothing that it should not.
func fuzzFact(f *testing.F, fact Fact) {
	for _, x := range fixtures(f, fact.Name) {
		f.Add(txtar.Format(x.archive))
	}
	f.Fuzz(func(t *testing.T, answer []byte) { holds(t, fact, raw(txtar.Parse(answer))) })
}

// fuzzOut is fuzzFact of what the fact's script printed, alone.
func fuzzOut(f *testing.F, fact Fact) {
	for _, x := range fixtures(f, fact.Name) {
		out := raw(x.archive).Out
		f.Add(out, true)
		f.Add(out, false)
	}
	f.Fuzz(func(t *testing.T, out string, root bool) { holds(t, fact, Raw{Out: out, Root: root}) })
}

// holds checks what is true of every fact: its text commands no terminal, its
// lists and texts end, its shares are shares, and it is the same after storage.
func holds(t *testing.T, fact Fact, r Raw) {
	t.Helper()
	set := observe(fact, r)
	encoded, err := fact.Encode(&set)
	if err != nil {
		t.Fatalf("%q cannot be stored: %v", r.Out, err)
	}
	var value any
	if err := json.Unmarshal(encoded, &value); err != nil {
		t.Fatal(err)
	}
	if what := offence("", value); what != "" {
		t.Fatalf("%s in %s", what, encoded)
	}
	var back Set
	if err := fact.Decode(encoded, &back); err != nil {
		t.Fatalf("%s cannot be read back: %v", encoded, err)
	}
	if again, err := fact.Encode(&back); err != nil || !bytes.Equal(again, encoded) {
		t.Fatalf("%s is stored again as %s: %v", encoded, again, err)
	}
}

// offence finds what must be in no fact's JSON, or nothing.
func offence(key string, value any) string {
	switch v := value.(type) {
	case string:
		if strings.ContainsFunc(v, unicode.IsControl) || len(v) > 4*maxText {
			return fmt.Sprintf("%s %.80q…", key, v)
		}
	case float64:
		unsampled := v == -1 && (key == "busy_percent" || key == "wait_percent")
		if strings.HasSuffix(key, "_percent") && (v < 0 || v > 100) && !unsampled {
			return fmt.Sprintf("%s %v", key, v)
		}
	case []any:
		if len(v) > maxItems {
			return fmt.Sprintf("%s of %d items", key, len(v))
		}
		for _, item := range v {
			if what := offence(key, item); what != "" {
				return what
			}
		}
	case map[string]any:
		for name, item := range v {
			if what := offence(name, item); what != "" {
				return what
			}
		}
	}
	return ""
}
