package ssh

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// A Target is a host as a person names it: [user@]name[:port].
type Target struct {
	User string // empty when not given
	Host string // name or address, without brackets
	Port int    // 0 when not given
}

// ParseTarget reads [user@]host[:port], ssh://[user@]host[:port], and IPv6
// addresses with or without brackets.
func ParseTarget(text string) (Target, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(text, "ssh://"), "/")
	var t Target
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		t.User, rest = rest[:at], rest[at+1:]
		if t.User == "" {
			return Target{}, fmt.Errorf("target %q: the user is empty", text)
		}
	}
	t.Host = rest
	if host, port, ok := splitPort(rest); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Target{}, fmt.Errorf("target %q: port %q is not between 1 and 65535", text, port)
		}
		t.Host, t.Port = host, int(n)
	}
	if err := checkName(t.Host); err != nil {
		return Target{}, fmt.Errorf("target %q: %w", text, err)
	}
	if strings.ContainsFunc(t.User, notPrintable) || strings.HasPrefix(t.User, "-") {
		return Target{}, fmt.Errorf("target %q: the user has characters no login has", text)
	}
	return t, nil
}

// splitPort separates a port where there is one. A bare IPv6 address has none.
func splitPort(text string) (host, port string, ok bool) {
	if inner, found := strings.CutPrefix(text, "["); found {
		if inner, found := strings.CutSuffix(inner, "]"); found {
			return inner, "22", true
		}
		host, port, err := net.SplitHostPort(text)
		return host, port, err == nil
	}
	if strings.Count(text, ":") != 1 {
		return "", "", false
	}
	host, port, err := net.SplitHostPort(text)
	return host, port, err == nil
}

// checkName refuses what can be neither a host name nor an alias nor an address:
// nothing with a space, a quote or a dash in front ever reaches a command line.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("the host is empty")
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return checkLabel(addr.Zone())
	}
	if len(name) > 253 {
		return fmt.Errorf("the host name is longer than 253 characters")
	}
	if strings.HasPrefix(name, "-") {
		return fmt.Errorf("a host name does not begin with a dash")
	}
	return checkLabel(name)
}

func checkLabel(name string) error {
	for _, r := range name {
		ok := r == '.' || r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
		if !ok {
			return fmt.Errorf("a host name has no %q", r)
		}
	}
	return nil
}

func notPrintable(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }

// String is the target as one would type it.
func (t Target) String() string {
	s := t.Host
	if t.Port != 0 {
		s = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	}
	if t.User != "" {
		s = t.User + "@" + s
	}
	return s
}
