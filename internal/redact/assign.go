package redact

import (
	"regexp"
	"strings"
)

// named is a name that says secret, and the sign between it and its value. The
// word is the name's end: password_file and token_ttl are no secrets. Short
// words begin where a word begins, so that bypass and compass are none either.
var named = regexp.MustCompile(`(?:(?i:password|passwd|passphrase|passwort|secret|token|api[_-]?key|(?:secret|access|account|auth|encryption|signing|master|shared)[_-]?key|secret[_-]?key[_-]?base|set-cookie|requirepass|masterauth)` +
	`|(?:^|[^A-Za-z])(?i:pass|pwd|cookie)|[a-z](?:Pass|Pwd))` +
	`[0-9]{0,2}(?:["']\]?)?[ \t]*(?:=>|:=|[=:])[ \t]*` +
	`|\b(?i:requirepass|masterauth|identified[ \t]+by(?:[ \t]+password)?)[ \t]+`)

// assignments masks the values of what is named like a secret.
func assignments(text string) string {
	var b strings.Builder
	done := 0
	for _, at := range named.FindAllStringIndex(text, -1) {
		if at[0] < done && at[0] != done-1 || at[1] < done {
			continue // within a value that is masked already
		}
		start, end := value(text, at)
		if start == end || workingDirectory(text[at[0]:at[1]], text[start:end]) {
			continue
		}
		b.WriteString(text[done:start])
		b.WriteString(Mask)
		done = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// value finds what is assigned behind the name at these offsets, without its
// quotes.
func value(text string, name []int) (start, end int) {
	start = name[1]
	rest := text[start:]
	if rest == "" {
		return start, start
	}
	if quote := rest[0]; quote == '"' || quote == '\'' {
		return start + 1, start + 1 + quoted(rest[1:], quote)
	}
	if n := strings.IndexAny(rest, endOf(text, name[0])); n >= 0 {
		return start, start + n
	}
	return start, len(text)
}

// quoted is the length of what stands before the closing quote. Without one it
// is the rest of the line.
func quoted(text string, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case quote, '\n':
			return i
		}
	}
	return len(text)
}

// space ends every value that is not quoted.
const space = " \t\r\n\v\f"

// endOf is what ends a value without quotes: where its name is one item of a
// list (a query, a connection string, mount options), the next item does.
func endOf(text string, name int) string {
	if name < len(text) && !nameByte(text[name]) {
		name++ // the name matched with the sign in front of it
	}
	before := name
	for before > 0 && nameByte(text[before-1]) {
		before--
	}
	if before == 0 {
		return space
	}
	switch text[before-1] {
	case '?', '&':
		return space + "&\"'"
	case ';':
		return space + ";\"'"
	case ',', '{':
		return space + ",}"
	default:
		return space
	}
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

// workingDirectory tells PWD=/srv from MYSQL_PWD=….
func workingDirectory(name, value string) bool {
	return strings.HasPrefix(value, "/") && strings.HasPrefix(strings.TrimLeft(name, space+"\"'"), "PWD=")
}
