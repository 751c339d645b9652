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
	`[0-9]{0,2}(?:\\*["']\]?)?[ \t]*(?:=>|:=|[=:>])[ \t]*` +
	`|\b(?i:requirepass|masterauth|auth_pass|insecure-password|identified[ \t]+by(?:[ \t]+password)?|identified[ \t]+with[ \t]+\S+[ \t]+(?:as|by)` +
	`|with[ \t]+(?:encrypted[ \t]+)?password|login[ \t]+\S+[ \t]+password)[ \t]+` +
	`|\b(?i:stats[ \t]+auth)[ \t]+[^\s:]+:|\b(?i:password)\([ \t]*`)

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
	if below := lower.FindString(text[start:]); below != "" {
		return start + len(below), start + len(below) + block(text[start+len(below):], indent(below))
	}
	start += len(folded.FindString(text[start:]))
	rest := text[start:]
	if mark := quotation.FindString(rest); mark != "" {
		return start + len(mark), start + len(mark) + quoted(rest[len(mark):], mark)
	}
	stop := endOf(text, name)
	for end = start; end < len(text); end++ {
		if strings.IndexByte(stop, text[end]) < 0 {
			continue
		}
		if text[end] != '\n' || end == start || text[end-1] != '\\' { // else it goes on below
			break
		}
	}
	return start, end
}

var (
	// lower is where a value of YAML stands on lines of its own.
	lower = regexp.MustCompile(`^[|>][+-]?[ \t]*\r?\n[ ]+`)

	// folded is where a line goes on below.
	folded = regexp.MustCompile(`^\\\r?\n[ \t]*`)

	// quotation opens a value, as often escaped as the text around it is.
	quotation = regexp.MustCompile(`^\\*["']`)
)

// indent is how far in the lines of a value stand.
func indent(below string) int { return len(below) - 1 - strings.LastIndexByte(below, '\n') }

// block is the length of the lines that stand at least as far in as the first.
func block(text string, indent int) int {
	margin := strings.Repeat(" ", indent)
	end := lineLength(text)
	for end < len(text) && strings.HasPrefix(text[end:], margin) {
		end += lineLength(text[end:])
	}
	return len(strings.TrimRight(text[:end], "\r\n"))
}

// quoted is the length of what stands before the closing quotation mark. Without
// one it is the rest of the line.
func quoted(text, mark string) int {
	if len(mark) > 1 { // escaped: it ends with the same
		line, _, _ := strings.Cut(text, "\n")
		if n := strings.Index(line, mark); n >= 0 {
			return n
		}
		return len(line)
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case mark[0], '\n':
			return i
		}
	}
	return len(text)
}

// space ends every value that is not quoted.
const space = " \t\r\n\v\f"

// endOf is what ends a value without quotes: where its name is one item of a
// list (a query, a connection string, mount options), the next item does.
func endOf(text string, at []int) string {
	switch text[at[1]-1] {
	case '>':
		return space + "<"
	case '(':
		return space + ")"
	}
	name := at[0]
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
