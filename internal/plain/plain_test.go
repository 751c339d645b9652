package plain

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var lines = []struct{ name, text, want string }{
	{"printable stays", "web1: 95 % full, naïve 結帳", "web1: 95 % full, naïve 結帳"},
	{"empty", "", ""},
	{"colour", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
	{"C1 control", "a\u009bb", `a\x9bb`},
	{"window title", "\x1b]0;owned\x07", `\x1b]0;owned\x07`},
	{"line breaks", "one\r\ntwo", `one\r\ntwo`},
	{"tab", "a\tb", "a b"},
	{"direction", "a\u202eb", `a\u202eb`},
	{"line separator", "a\u2028b", `a\u2028b`},
	{"zero width", "a\u200bb\ufeff", `a\u200bb\ufeff`},
	{"not UTF-8", "a\xff\xc3", `a\xff\xc3`},
	{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, tt := range lines {
		if got := Line(tt.text); got != tt.want {
			t.Errorf("%s: Line(%q) = %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		limit int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"too long", 5, "too …"},
		{"結帳結帳", 3, "結帳…"},
		{"\x1b[31m", 4, `\x1…`},
		{strings.Repeat("a", 1<<20), 3, "aa…"},
		{"x", 1, "x"},
		{"xy", 1, "…"},
		{"anything", 0, ""},
		{"", 3, ""},
	} {
		if got := Clip(tt.text, tt.limit); got != tt.want {
			t.Errorf("Clip(%.20q, %d) = %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, tt := range lines {
		f.Add(tt.text, 4)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		line := Line(text)
		if !safe(line) {
			t.Errorf("Line(%q) = %q still commands", text, line)
		}
		if again := Line(line); again != line {
			t.Errorf("Line of %q is not stable: %q", line, again)
		}
		clipped := Clip(text, limit%1000)
		if !safe(clipped) || utf8.RuneCountInString(clipped) > max(limit%1000, 0) {
			t.Errorf("Clip(%q, %d) = %q", text, limit%1000, clipped)
		}
	})
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const text = "a\x7f\u009b31m\u202eb\U000e0001 \x1b é\n"
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	got := JSON(string(encoded))
	if want := `"a\u007f\u009b31m\u202eb\udb40\udc01 \u001b é\n"`; got != want {
		t.Errorf("JSON = %s, want %s", got, want)
	}
	var back string
	if err := json.Unmarshal([]byte(got), &back); err != nil || back != text {
		t.Errorf("means %q (%v), want %q", back, err, text)
	}
}
