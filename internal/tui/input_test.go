package tui

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/plain"
)

// marked reads a line in which a bar stands where people type.
func marked(text string) input {
	before, after, _ := strings.Cut(text, "|")
	return input{before + after, len(before)}
}

func (in input) marked() string { return in.text[:in.at] + "|" + in.text[in.at:] }

// A line is edited as in a shell. What people see as one character is one.
func TestEdits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, keys, want string }{
		{"abc|", "left left", "a|bc"},
		{"|abc", "left right", "a|bc"},
		{"abc|", "right", "abc|"},
		{"abc|", "home x", "x|abc"},
		{"a|bc", "end ctrl+a ctrl+f ctrl+b ctrl+e", "abc|"},
		{"ab|c", "backspace", "a|c"},
		{"ab|c", "delete delete", "ab|"},
		{"|abc", "backspace ctrl+h", "|abc"},
		{"ab|c", "ctrl+d", "ab|"},
		{"one two| three", "ctrl+u", "| three"},
		{"one two| three", "ctrl+k", "one two|"},
		{"one two  |three", "ctrl+w", "one |three"},
		{"scan admin@10.0.0.7:2222|", "ctrl+w", "scan |"},
		{"scan admin@10.0.0.7:2222|", "alt+backspace", "scan admin@10.0.0.7:|"},
		{"one two-three|", "ctrl+left alt+left", "one |two-three"},
		{"|one  two-three", "ctrl+right alt+f", "one  two|-three"},
		{"one |two three", "alt+d", "one | three"},
		{"one| two three", "alt+delete", "one| three"},
		{"naïve 結帳|", "alt+b", "naïve |結帳"},
		{"結帳|", "left", "結|帳"},
		{"結帳|", "backspace", "結|"},
		{"cafe\u0301|", "left", "caf|e\u0301"},
		{"cafe\u0301|", "backspace", "caf|"},
		{"|e\u0301x", "delete", "|x"},
		{"e|x", "\u0301", "e\u0301|x"},
		{"|👩\u200d🚒!", "right", "👩\u200d🚒|!"},
		{"👩\u200d🚒|", "backspace", "|"},
		{"🇦🇪🇫🇷|", "left", "🇦🇪|🇫🇷"},
		{"a|b", "x y", "axy|b"},
	} {
		in := marked(tt.text)
		for key := range strings.FieldsSeq(tt.keys) {
			if edit, known := edits[key]; known {
				in = edit(in)
			} else {
				in = in.with(key)
			}
		}
		if got := in.marked(); got != tt.want {
			t.Errorf("%q, %s: %q, want %q", tt.text, tt.keys, got, tt.want)
		}
	}
}

// Whatever was pasted becomes one line, where people type.
func TestPaste(t *testing.T) {
	t.Parallel()
	in := marked("scan |web9").with("web1\tweb2\r\nweb3\x1b[2J\xff ")
	if want := "scan web1 web2  web3[2J |web9"; in.marked() != want {
		t.Errorf("%q, want %q", in.marked(), want)
	}
}

// Where people type is always seen, with what is around it, and stands still while
// there is room.
func TestLongLines(t *testing.T) {
	t.Parallel()
	in := begun(strings.Repeat("0123456789", 10))
	for _, tt := range []struct {
		at     int
		want   string
		column int
	}{
		{0, "0123456789", 0},
		{18, "0123456789", 18},
		{19, "…1234567890", 9},
		{28, "…1234567890", 18},
		{100, "…123456789", 10},
	} {
		line, column := in.moved(tt.at).shown(20)
		if !strings.HasPrefix(line, tt.want) || column != tt.column {
			t.Errorf("at %d: %q, column %d", tt.at, line, column)
		}
	}
	if line, column := begun("a結帳結帳結帳結帳").shown(8); line != "… 帳結帳" && runewidth.StringWidth(line) != column {
		t.Errorf("%q, column %d", line, column)
	}
}

// FuzzInput edits in any order.
func FuzzInput(f *testing.F) {
	names := make([]string, 0, len(edits))
	for name := range edits {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Add("scan web1", "e\u0301👩\u200d🚒🇦🇪 結帳\u202e\xff", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, 20)
	f.Fuzz(func(t *testing.T, text, typed string, keys []byte, width int) {
		in := input{}.with(text)
		for _, key := range keys {
			if int(key) < len(names) {
				in = edits[names[key]](in)
			} else {
				in = in.with(typed)
			}
			if !utf8.ValidString(in.text) || plain.Line(in.text[:in.at])+plain.Line(in.text[in.at:]) != plain.Line(in.text) {
				t.Fatalf("%q, at %d", in.text, in.at)
			}
			between := in.at == 0
			for c := graphemes.FromString(in.text); c.Next(); {
				between = between || c.End() == in.at
			}
			if !between {
				t.Fatalf("%q, within a character at %d", in.text, in.at)
			}
			width = min(max(width, least), 200)
			if _, column := in.shown(width); column < 0 || column >= width {
				t.Fatalf("%q at %d: column %d of %d", in.text, in.at, column, width)
			}
		}
	})
}
