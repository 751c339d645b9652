package host

import "strings"

// Quote renders argv as one line that a POSIX shell reads back as exactly
// these arguments. It is the only place where a command becomes shell text.
func Quote(argv ...string) string {
	var b strings.Builder
	for i, arg := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		quoteTo(&b, arg)
	}
	return b.String()
}

// quoteTo leaves plain words bare, so that transcripts stay readable, and puts
// everything else between single quotes.
func quoteTo(b *strings.Builder, arg string) {
	if plain(arg) {
		b.WriteString(arg)
		return
	}
	b.WriteByte('\'')
	for {
		before, after, found := strings.Cut(arg, "'")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteString(`'\''`)
		arg = after
	}
	b.WriteByte('\'')
}

// plain reports whether no shell gives any character of arg a meaning, in any
// position: no '=' (an assignment when first), no '~', no '!' (csh history).
func plain(arg string) bool {
	if arg == "" {
		return false
	}
	for _, r := range arg {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case strings.ContainsRune("_-./:,@+%", r):
		default:
			return false
		}
	}
	return true
}
