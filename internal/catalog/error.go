package catalog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is a mistake in a file of the catalogue, with its place.
type Error struct {
	File         string
	Line, Column int // from 1, in characters
	Message      string
	Near         string // the name that was probably meant; may be empty
	Text         string // the line
}

// maxExcerpt bounds the line shown under an error, in characters.
const maxExcerpt = 120

// Error gives file:line:column, the message, and the line with a caret under
// the place.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Near != "" {
		fmt.Fprintf(&b, ", did you mean %s?", e.Near)
	}
	if e.Text == "" {
		return b.String()
	}
	excerpt, caret := e.excerpt()
	number := fmt.Sprint(e.Line)
	fmt.Fprintf(&b, "\n  %s | %s\n  %s | %s^", number, excerpt, strings.Repeat(" ", len(number)), strings.Repeat(" ", caret))
	return b.String()
}

// excerpt is the part of the line around the place, and where in it the place
// is.
func (e *Error) excerpt() (text string, caret int) {
	runes := []rune(e.Text)
	caret = min(max(e.Column-1, 0), len(runes))
	start := 0
	if caret > maxExcerpt-20 {
		start = caret - maxExcerpt/2
	}
	end := min(start+maxExcerpt, len(runes))
	return visible(runes[start:end]), caret - start
}

// visible keeps the width of the line and nothing a terminal would obey.
func visible(runes []rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, string(runes))
}

// lineOf returns the text of a line, counted from 1.
func lineOf(text []byte, line int) string {
	rest, found := string(text), true
	for range line - 1 {
		if _, rest, found = strings.Cut(rest, "\n"); !found {
			return ""
		}
	}
	first, _, _ := strings.Cut(rest, "\n")
	return first
}
