// Package plain makes text from strangers safe to print.
//
// A host, a certificate or another laptop's database may hold bytes that a
// terminal obeys, or characters behind which a text hides or reorders itself.
// What leaves this package is one line that shows them instead.
package plain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns text as one printable line: line breaks as \n and \r, tabs as
// spaces, every other control or hidden character and every byte that is not
// UTF-8 by its number. Text that is printable already comes back as it is.
func Line(text string) string {
	if safe(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !obeyed(r):
			b.WriteRune(r)
		default:
			b.WriteString(shown(r))
		}
		i += size
	}
	return b.String()
}

// Clip is Line, at most limit runes long; a mark says that more followed.
func Clip(text string, limit int) string {
	if limit <= 0 {
		return ""
	}
	// Every rune takes at most utf8.UTFMax bytes: more of the text is not needed.
	line := Line(text[:min(len(text), limit*utf8.UTFMax+1)])
	count := 0
	for i := range line {
		if count == limit-1 && utf8.RuneCountInString(line[i:]) > 1 {
			return line[:i] + "…"
		}
		count++
	}
	return line
}

// JSON escapes, in encoded JSON, the characters that JSON allows and a terminal
// obeys. The document means the same.
func JSON(encoded string) string {
	if strings.IndexFunc(encoded, hidden) < 0 {
		return encoded
	}
	var b strings.Builder
	for _, r := range encoded {
		switch first, second := utf16.EncodeRune(r); {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, first, second)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// hidden holds for obeyed characters that stand for themselves in JSON. Line
// feeds and tabs are its own layout; within strings they are escaped already.
func hidden(r rune) bool { return r >= 0x7f && obeyed(r) }

func safe(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, obeyed) < 0
}

// obeyed holds for what commands whoever displays it: control characters, line
// separators, and format characters such as those that turn the direction.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

func shown(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return " "
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	default:
		return fmt.Sprintf(`\u%04x`, r)
	}
}
