package tui

import (
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/plain"
)

// An input is a line while it is typed. A character is what people see as one,
// however many runes it takes.
type input struct {
	text string
	at   int // where people type, in bytes: always between two characters
}

// begun is an input that has a text already; people type behind it.
func begun(text string) input { return input{text, len(text)} }

// edits are the keys that move in a line and delete from it, as in a shell.
var edits = map[string]func(input) input{
	"left":          func(in input) input { return in.moved(in.before()) },
	"ctrl+b":        func(in input) input { return in.moved(in.before()) },
	"right":         func(in input) input { return in.moved(in.after()) },
	"ctrl+f":        func(in input) input { return in.moved(in.after()) },
	"home":          func(in input) input { return in.moved(0) },
	"ctrl+a":        func(in input) input { return in.moved(0) },
	"end":           func(in input) input { return in.moved(len(in.text)) },
	"ctrl+e":        func(in input) input { return in.moved(len(in.text)) },
	"ctrl+left":     func(in input) input { return in.moved(in.wordBefore(lettered)) },
	"alt+left":      func(in input) input { return in.moved(in.wordBefore(lettered)) },
	"alt+b":         func(in input) input { return in.moved(in.wordBefore(lettered)) },
	"ctrl+right":    func(in input) input { return in.moved(in.wordAfter()) },
	"alt+right":     func(in input) input { return in.moved(in.wordAfter()) },
	"alt+f":         func(in input) input { return in.moved(in.wordAfter()) },
	"backspace":     func(in input) input { return in.cut(in.before(), in.at) },
	"ctrl+h":        func(in input) input { return in.cut(in.before(), in.at) },
	"delete":        func(in input) input { return in.cut(in.at, in.after()) },
	"ctrl+d":        func(in input) input { return in.cut(in.at, in.after()) },
	"ctrl+u":        func(in input) input { return in.cut(0, in.at) },
	"ctrl+k":        func(in input) input { return in.cut(in.at, len(in.text)) },
	"ctrl+w":        func(in input) input { return in.cut(in.wordBefore(visible), in.at) },
	"alt+backspace": func(in input) input { return in.cut(in.wordBefore(lettered), in.at) },
	"alt+d":         func(in input) input { return in.cut(in.at, in.wordAfter()) },
	"alt+delete":    func(in input) input { return in.cut(in.at, in.wordAfter()) },
}

// with puts a text where people type. Pasted lines become one.
func (in input) with(text string) input {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return input{in.text[:in.at] + text + in.text[in.at:], in.at + len(text)}.settled()
}

// moved types on elsewhere.
func (in input) moved(to int) input { return input{in.text, to}.settled() }

// cut leaves out what is between two places, and types on there.
func (in input) cut(from, to int) input {
	return input{in.text[:from] + in.text[to:], from}.settled()
}

// settled goes on behind the character that it is within: an accent joins the letter
// that is now before it.
func (in input) settled() input {
	for c := graphemes.FromString(in.text); c.Next(); {
		if c.End() >= in.at {
			if in.at > c.Start() {
				in.at = c.End()
			}
			break
		}
	}
	return in
}

// before is where the character before the cursor begins.
func (in input) before() int {
	start := 0
	for c := graphemes.FromString(in.text); c.Next() && c.Start() < in.at; {
		start = c.Start()
	}
	return start
}

// after is where the character behind the cursor ends.
func (in input) after() int {
	c := graphemes.FromString(in.text[in.at:])
	c.Next()
	return in.at + c.End()
}

// lettered holds for what names and numbers are made of, visible for all but blanks.
func lettered(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) || r == '_' }
func visible(r rune) bool  { return !unicode.IsSpace(r) }

// wordBefore is where the word at or before the cursor begins.
func (in input) wordBefore(part func(rune) bool) int {
	gap := strings.TrimRightFunc(in.text[:in.at], func(r rune) bool { return !part(r) })
	return len(strings.TrimRightFunc(gap, part))
}

// wordAfter is where the word at or behind the cursor ends.
func (in input) wordAfter() int {
	gap := strings.TrimLeftFunc(in.text[in.at:], func(r rune) bool { return !lettered(r) })
	return len(in.text) - len(strings.TrimLeftFunc(gap, lettered))
}

// least is the fewest columns in which a line can be read while it is typed.
const least = 8

// shown is the line from the first character on that is seen in so many columns, and
// the column of the cursor. A text that is too long moves on by half of them, so that
// it stands still under most keys.
func (in input) shown(width int) (line string, column int) {
	width = max(width, least)
	column = runewidth.StringWidth(plain.Line(in.text[:in.at]))
	hidden := 0
	for column-hidden >= width-1 { // the last column says that there is more
		hidden += width / 2
	}
	if hidden == 0 {
		return plain.Line(in.text), column
	}
	var b strings.Builder
	b.WriteString("…")
	at := 0
	for c := graphemes.FromString(in.text); c.Next(); {
		text := plain.Line(c.Value())
		from := at
		at += runewidth.StringWidth(text)
		switch {
		case from > hidden:
			b.WriteString(text)
		case at > hidden: // the mark, and the rest of a wide character, take its place
			b.WriteString(strings.Repeat(" ", at-hidden-1))
		}
	}
	return b.String(), column - hidden
}
