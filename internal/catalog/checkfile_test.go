package catalog

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/checks"
)

func TestParseSaysWhere(t *testing.T) {
	t.Parallel()
	replace := func(old, with string) string { return strings.Replace(tiny, old, with, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", "x.yaml:1:1: the file is empty"},
		"comment only":     {"# nothing\n", "x.yaml:1:1: the file is empty"},
		"no mapping":       {"- a\n- b\n", "x.yaml:1:1: the file must be a list of key: value"},
		"two documents":    {tiny + "---\n" + tiny, "x.yaml:1:1: one file holds one document"},
		"syntax":           {"check: tiny\ntitle: [a\n", "x.yaml:2:"},
		"tab":              {"check: tiny\n\ttitle: a\n", "x.yaml:2:"},
		"unknown key":      {replace("title: A title", "titel: A title"), "x.yaml:2:1: unknown key titel, did you mean title?\n  2 | titel: A title\n    | ^"},
		"key twice":        {tiny + "title: Again\n", "x.yaml:10:1: "},
		"list for a text":  {replace("title: A title", "title: [a, b]"), "x.yaml:2:8: title must be a text"},
		"nothing":          {replace("title: A title", "title:"), "x.yaml:2:"},
		"empty text":       {replace("title: A title", `title: " "`), "x.yaml:2:8: title is empty"},
		"text for a list":  {replace("[memory]", "memory"), "x.yaml:5:8: facts must be a list"},
		"number":           {replace("facts:", "weight: heavy\nfacts:"), "x.yaml:5:9: weight must be a whole number"},
		"alias":            {replace("title: A title", "title: &t A title"), "x.yaml:2:8: title must be a text"},
		"tag":              {replace("title: A title", "title: !!str A title"), "x.yaml:2:8: title must be a text"},
		"unknown fact":     {replace("[memory]", "[memroy]"), "x.yaml:5:9: unknown fact memroy, did you mean memory?\n  5 | facts: [memroy]\n    |         ^"},
		"plain condition":  {replace("memory.total < GiB(1)", "memory.totl < GiB(1)"), "x.yaml:6:17: unknown field totl of memory, did you mean total?\n  6 | warning: memory.totl < GiB(1)\n    |                 ^"},
		"quoted condition": {replace("memory.total < GiB(1)", `"memory.totl < GiB(1)"`), "x.yaml:6:18: unknown field totl"},
		"single quotes":    {replace("memory.total < GiB(1)", `'memory.totl < GiB(1)'`), "x.yaml:6:18: unknown field totl"},
		"escapes":          {replace("memory.total < GiB(1)", `"\tmemory.totl < GiB(1)"`), "x.yaml:6:10: unknown field totl"},
		"block":            {replace("memory.total < GiB(1)", "|\n  memory.total > 5 and\n    memory.totl < GiB(1)"), "x.yaml:8:12: unknown field totl of memory, did you mean total?\n  8 |     memory.totl"},
		"folded":           {replace("memory.total < GiB(1)", ">\n  memory.total > 5 and\n  memory.totl < GiB(1)"), "x.yaml:6:10: unknown field totl"},
		"comment behind":   {replace("memory.total < GiB(1)", "memory.totl < 5 # little"), "x.yaml:6:17: unknown field totl"},
		"text":             {replace("{host} is small", "{hots} is small"), "x.yaml:3:13: unknown name hots, did you mean host?"},
		"evidence key":     {replace("- run:", "- ran:"), "x.yaml:8:5: unknown key ran, did you mean run?"},
		"evidence place":   {replace("[memory.total]", "[memory.total, memory.avail]"), "x.yaml:9:33: unknown field avail of memory"},
		"Windows":          {strings.ReplaceAll(replace("title:", "titel:"), "\n", "\r\n"), "x.yaml:2:1: unknown key titel, did you mean title?\n  2 | titel: A title\n    | ^"},
		"carriage return":  {replace("facts:", "\rfacts:"), "x.yaml:5:1: a carriage return without a line feed"},
		"part not written": {replace("title: A title\n", ""), "x.yaml:1:1: title is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("x.yaml", []byte(c.text))
			var wrong *Error
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v", err)
			}
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestErrorShowsTheRightPartOfALongLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 500)
	e := &Error{File: "x.yaml", Line: 1, Column: 301, Message: "wrong", Text: long[:300] + "B\x1b" + long}
	lines := strings.Split(e.Error(), "\n")
	if len(lines) != 3 || len(lines[1]) > maxExcerpt+10 || strings.Contains(lines[1], "\x1b") {
		t.Fatalf("got %q", lines)
	}
	if caret := strings.IndexByte(lines[2], '^'); lines[1][caret] != 'B' {
		t.Errorf("the caret points at %q", lines[1][caret])
	}
}

func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	_, err := readFile(big{}, "big.yaml", "big.yaml")
	if err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("error %v", err)
	}
}

// big is a directory whose files claim to be large.
type big struct{ fs.FS }

func (big) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

func (big) Stat(string) (fs.FileInfo, error) { return bigInfo{}, nil }

type bigInfo struct{ fs.FileInfo }

func (bigInfo) Size() int64 { return maxFile + 1 }

// Whatever a file holds, it is a check, or an error with a place in the file.
func FuzzParse(f *testing.F) {
	files, err := fs.Glob(checks.FS, "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(checks.FS, name)
		if err != nil {
			f.Fatal(err)
		}
		if name != eolFile {
			f.Add(string(text))
		}
	}
	for _, text := range []string{"a: &x [*x]", "? a\n: b", "{", "check: |\n  a", "a: !!binary x", "---\n...\n---", "<<: {a: b}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse("x.yaml", []byte(text))
		var wrong *Error
		if err == nil {
			return
		}
		if !errors.As(err, &wrong) {
			t.Fatalf("%q: error without a place: %v", text, err)
		}
		if wrong.Line < 1 || wrong.Line > strings.Count(text, "\n")+2 || wrong.Column < 0 || wrong.Error() == "" {
			t.Errorf("%q: place %d:%d", text, wrong.Line, wrong.Column)
		}
	})
}

func FuzzParseEOL(f *testing.F) {
	f.Add("as_of: 2026-04-30\ndistributions:\n  - {ids: [debian], name: Debian, extended: LTS, releases: [{version: 6, until: 2014-05-31, extended_until: 2016-02-29}]}\n")
	f.Add("as_of: yesterday\n")
	f.Add("as_of: 2026-04-30\ndistributions: [{ids: [], parts: 99}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ParseEOL("eol.yaml", []byte(text))
		if err == nil && table.AsOf.IsZero() {
			t.Errorf("%q: a table without its date", text)
		}
	})
}

func FuzzParseFixture(f *testing.F) {
	files, err := fs.Glob(checks.FS, "testdata/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := fs.ReadFile(checks.FS, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fixture, err := ParseFixture("good.json", data)
		if err == nil && fixture.Host.Name == "" {
			t.Errorf("%q: a host without a name", data)
		}
	})
}
