package fact

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// limits on what a parser keeps of one host, whatever it prints.
const (
	maxItems = 20000
	maxText  = 4096
	maxUnix  = 1 << 37 // seconds: the year 6325, which JSON can still write
)

// clean is one value that a host gave: trimmed, valid UTF-8, without control
// characters, not endless. Tabs and line breaks become blanks.
func clean(s string) string {
	s = clip(strings.TrimSpace(s), maxText)
	if isPlain(s) {
		return strings.TrimSpace(s)
	}
	return strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(s, "\uFFFD")))
}

// isPlain reports whether a text is printable ASCII: nearly all that hosts say is,
// and needs no further look.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// clip is at most the first limit bytes of a text, without half a character.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// plainLine is one line of a file as it is written, blanks included, and without
// what is no text.
func plainLine(s string) string {
	return clip(strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.TrimRight(s, "\r\n")), "\uFFFD"), maxText)
}

func printable(r rune) rune {
	switch {
	case r >= '\t' && r <= '\r':
		return ' '
	case unicode.IsControl(r):
		return -1
	default:
		return r
	}
}

// number reads a decimal number; ok is false for anything else.
func number(s string) (n int64, ok bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}

// integer is number for values whose absence may be zero.
func integer(s string) int {
	n, _ := number(s)
	return int(n)
}

// decimal reads a finite number with a fraction; ok is false for anything else.
func decimal(s string) (f float64, ok bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil && f-f == 0
}

// percent is part of whole, in percent, with two decimals; 0 of nothing. What a
// host says is more than the whole is the whole.
func percent(part, whole float64) float64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return float64(int64(min(part/whole, 1)*10000+0.5)) / 100
}

// keyValues reads lines "key<sep>value"; quotes around a value are taken off.
func keyValues(text, sep string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, sep)
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		out[strings.TrimSpace(key)] = clean(value)
	}
	return out
}

// line is the one value that a file of /sys or /proc holds: its first line that
// is not empty; empty when it was not read.
func (r Raw) line(path string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(r.Files[path].Content), "\n")
	return clean(first)
}

// matching returns the paths that were read and begin with prefix, in order.
func (r Raw) matching(prefix string) []string {
	var paths []string
	for path := range r.Files {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// denied reports whether any file beginning with prefix was refused to us.
func (r Raw) denied(prefix string) bool {
	for path, f := range r.Files {
		if f.Denied && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// unescape reads the octal escapes of /proc/mounts and fstab.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
