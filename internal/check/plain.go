package check

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxValue bounds one value shown to people, in runes.
const maxValue = 200

// Plain makes text from a host safe to print: one line, without characters that
// a terminal obeys or that reorder what is read, at most limit runes long.
func Plain(text string, limit int) string {
	var b strings.Builder
	count := 0
	for i := 0; i < len(text); {
		if count++; count > limit {
			b.WriteRune('…')
			break
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteByte(' ')
		case obeyed(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case obeyed(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// obeyed reports whether r is a command to whoever displays it: control
// characters, line separators, and the format characters behind which a text
// can hide or be reordered.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
