// Package word says which words from a host, a person or a file may stand in an
// ssh_config, a hosts file or an inventory, and spells them there.
package word

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits keep every line far below what the oldest readers of these formats
// take (OpenSSH 7 reads 4096 bytes).
const (
	maxName = 253 // the longest DNS name
	maxUser = 128
	maxPath = 1000
	maxText = 120 // characters of a text for people
)

// CheckName says why s cannot be an alias. An alias is letters, digits and
// . _ - : only, and begins with a letter, a digit, an underscore or (an IPv6
// address) a colon. So it is no pattern, no option, no token, no template, and
// has no user or port to split off.
func CheckName(s string) error {
	switch {
	case s == "":
		return errors.New("the name is empty")
	case len(s) > maxName:
		return fmt.Errorf("the name has %d bytes, and %d are allowed", len(s), maxName)
	case strings.EqualFold(s, "none"):
		return errors.New("the name is a word of ssh_config's own")
	case s[0] == '-' || s[0] == '.':
		return fmt.Errorf("the name begins with %q", s[0])
	}
	return Only("the name", s, "._-:")
}

// CheckAddress says why s cannot be dialled: it is neither an IP address (with
// a plain zone) nor spelled like a host name.
func CheckAddress(s string) error {
	if ip, err := netip.ParseAddr(s); err == nil {
		return Only("the address's zone", ip.Zone(), "._-")
	}
	switch {
	case s == "":
		return errors.New("no address is known")
	case len(s) > maxName:
		return fmt.Errorf("the address has %d bytes, and %d are allowed", len(s), maxName)
	case s[0] == '-' || s[0] == '.':
		return fmt.Errorf("the address begins with %q", s[0])
	case endsInNumber(s):
		return errors.New("the address is neither an IP address nor a name")
	}
	return Only("the address", s, "._-")
}

// endsInNumber reports whether some readers take s for an IPv4 address in one of
// its old spellings: 0, 10.1, 0x7f.1, 010.0.0.1.
func endsInNumber(s string) bool {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	last := s[strings.LastIndexByte(s, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	for i := range len(digits) {
		c := digits[i]
		if (c < '0' || c > '9') && !(hex && c >= 'a' && c <= 'f') {
			return false
		}
	}
	return last != ""
}

// CheckUser says why s cannot be a login name. The empty name is allowed: it
// means that nothing was said. A backslash (DOMAIN\name) may stand before a
// letter or digit, where no reader takes it for an escape.
func CheckUser(s string) error {
	switch {
	case s == "":
		return nil
	case len(s) > maxUser:
		return fmt.Errorf("the user name has %d bytes, and %d are allowed", len(s), maxUser)
	case s[0] == '-':
		return errors.New("the user name begins with '-'")
	}
	for i := range len(s) {
		if s[i] == '\\' && (i+1 == len(s) || !Alphanumeric(s[i+1])) {
			return errors.New("the user name has a backslash that is no domain's")
		}
	}
	return Only("the user name", s, `._-@+\`)
}

// CheckPort says why port is none. Zero is allowed: nothing was said.
func CheckPort(port int) error {
	if port < 0 || port > 65535 {
		return fmt.Errorf("port %d is out of range", port)
	}
	return nil
}

// Only says which character of s is neither ASCII letter, digit nor one of
// extra.
func Only(what, s, extra string) error {
	for _, r := range s {
		if r < utf8.RuneSelf && (Alphanumeric(byte(r)) || strings.ContainsRune(extra, r)) {
			continue
		}
		return fmt.Errorf("%s contains %+q", what, r)
	}
	return nil
}

// Alphanumeric reports whether c is an ASCII letter or digit.
func Alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// CheckPath says why a path cannot stand in an ssh_config. Quotes and backslashes
// are read differently by different versions, and ${NAME} is expanded without a
// way to escape it.
func CheckPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path is empty")
	case len(path) > maxPath:
		return fmt.Errorf("the path has %d bytes, and %d are allowed", len(path), maxPath)
	case !utf8.ValidString(path):
		return errors.New("the path is not UTF-8")
	case strings.ContainsAny(path, "\"'\\"):
		return errors.New("the path contains a quote or a backslash")
	case strings.Contains(path, "${"):
		return errors.New("the path contains ${")
	}
	for _, r := range path {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the path contains %+q", r)
		}
	}
	return nil
}

// SpellPath writes a file's path as one argument: percent signs doubled, because
// they begin tokens, and between quotes when there is a space or a '#'.
func SpellPath(path string) (string, error) {
	path = filepath.ToSlash(path)
	if err := CheckPath(path); err != nil {
		return "", err
	}
	return quoteSpaces(strings.ReplaceAll(path, "%", "%%")), nil
}

// SpellIdentity writes a key file. A path that ssh would take for its word for
// "no key file" is refused.
func SpellIdentity(path string) (string, error) {
	if strings.EqualFold(path, "none") {
		return "", fmt.Errorf("the path is %q", path)
	}
	return SpellPath(path)
}

func quoteSpaces(s string) string {
	if strings.ContainsAny(s, " #=") {
		return `"` + s + `"`
	}
	return s
}

// OneLine makes s one short line that shows and does nothing else: what does not
// print, or is not text, becomes '?'.
func OneLine(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxText {
			b.WriteString("…")
			break
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CheckAlgorithm says why s is not spelled like an algorithm (RFC 4251, section
// 6): no comma, no space, and here no pattern either.
func CheckAlgorithm(s string) error {
	if s == "" || len(s) > 64 {
		return fmt.Errorf("an algorithm's name has 1 to 64 characters")
	}
	return Only("the algorithm's name", s, "@._-")
}
