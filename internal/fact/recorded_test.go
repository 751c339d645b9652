package fact

import (
	"encoding/json"
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

// fuzzOut fuzzes the reading of a fact's script. Whatever a host prints, the
// parser returns, its text commands no terminal, and its value can be stored.
func fuzzOut(f *testing.F, fact Fact) {
	names, err := filepath.Glob(filepath.Join("testdata", fact.Name, "*.txtar"))
	if err != nil || len(names) == 0 {
		f.Fatalf("no fixtures for %s: %v", fact.Name, err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "out" {
				f.Add(string(file.Data), true)
				f.Add(string(file.Data), false)
			}
		}
	}
	f.Fuzz(func(t *testing.T, out string, root bool) {
		set := observe(fact, Raw{Out: out, Root: root})
		encoded, err := fact.Encode(&set)
		if err != nil {
			t.Fatalf("%q cannot be stored: %v", out, err)
		}
		var value any
		if err := json.Unmarshal(encoded, &value); err != nil {
			t.Fatal(err)
		}
		if text, found := control(value); found {
			t.Fatalf("%q was kept of %q", text, out)
		}
		var back Set
		if err := fact.Decode(encoded, &back); err != nil {
			t.Fatalf("%s cannot be read back: %v", encoded, err)
		}
	})
}

// control finds a string with a control character anywhere in a JSON value.
func control(value any) (text string, found bool) {
	switch v := value.(type) {
	case string:
		return v, strings.ContainsFunc(v, unicode.IsControl)
	case []any:
		for _, item := range v {
			if text, found := control(item); found {
				return text, true
			}
		}
	case map[string]any:
		for key, item := range v {
			if text, found := control(item); found || strings.ContainsFunc(key, unicode.IsControl) {
				return key + ": " + text, true
			}
		}
	}
	return "", false
}
