package cli

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// maxAddresses is the largest range that is scanned without --yes.
const maxAddresses = 4096

// A target is one host that was named, and how.
type target struct {
	ssh.Target
	Named string // what the inventory is to call it, when that is not what is dialled
	Swept bool   // it is one address of a range: nobody said that a host is there
}

// name is what the inventory calls the host: the name as given, with the port
// where it is not the usual one, in letters that every tool accepts.
func (t target) name() string {
	if t.Named != "" {
		return t.Named
	}
	if t.Port == 0 || t.Port == 22 {
		return t.Host
	}
	return fmt.Sprintf("%s-%d", t.Host, t.Port)
}

// A targetList collects targets, each once.
type targetList struct {
	big     bool            // ranges of any size are fine
	known   map[string]bool // the names of the incident's hosts, which targets are as they stand
	targets []target
	seen    map[string]int // where each name is in targets
}

// addTarget takes a target that is new. A host that was named is one also where a
// range has it: then it is kept when it is silent. Of two users for one host the one
// counts who was said first.
func (l *targetList) addTarget(t target) {
	if n, ok := l.seen[t.name()]; ok {
		known := &l.targets[n]
		if known.User == "" || known.Swept && !t.Swept && t.User != "" {
			known.User = t.User
		}
		known.Swept = known.Swept && t.Swept
		return
	}
	if l.seen == nil {
		l.seen = map[string]int{}
	}
	l.seen[t.name()] = len(l.targets)
	l.targets = append(l.targets, t)
}

// add takes a name, an address or a range, each with an optional user and port.
func (l *targetList) add(text string) error {
	if l.known[text] {
		l.addTarget(target{Target: ssh.Target{Host: text}})
		return nil
	}
	if strings.Contains(text, "/") && !strings.HasPrefix(text, "ssh://") {
		return l.addRange(text)
	}
	if from, to, ok := dashedRange(text); ok {
		return usageError("a range is written like 10.0.1.0/28", "target %q: from %s to %s is no range", text, from, to)
	}
	t, err := ssh.ParseTarget(text)
	if err != nil {
		return usageError(targetHint(text), "%w", err)
	}
	l.addTarget(target{Target: t})
	return nil
}

// targetHint says how what is no target is written.
func targetHint(text string) string {
	if strings.Contains(text, ",") {
		return "targets stand apart: nightcall scan " + strings.Join(strings.Split(text, ","), " ")
	}
	return "a target is [user@]host[:port] or a range like 10.0.1.0/28"
}

// dashedRange recognises 10.0.1.1-5, which would be looked up as a name.
func dashedRange(text string) (from, to string, ok bool) {
	from, to, ok = strings.Cut(text[strings.LastIndexByte(text, '@')+1:], "-")
	if _, err := netip.ParseAddr(from); err != nil || !ok {
		return "", "", false
	}
	return from, to, true
}

// addRange takes [user@]10.0.1.0/28: every address in it that can be a host's.
func (l *targetList) addRange(text string) error {
	user, cidr, hasUser := strings.Cut(text, "@")
	if !hasUser {
		user, cidr = "", text
	}
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return usageError("a range is written like 10.0.1.0/28", "target %q: %w", text, err)
	}
	prefix = prefix.Masked()
	hostBits := prefix.Addr().BitLen() - prefix.Bits()
	if hostBits > 12 && !l.big {
		return usageError("nightcall scan --yes "+text+"   (or name a smaller range)",
			"range %s has more than %d addresses", cidr, maxAddresses)
	}
	if hostBits > 20 {
		return usageError("name a smaller range", "range %s has more than a million addresses", cidr)
	}
	for addr := prefix.Addr(); prefix.Contains(addr); addr = addr.Next() {
		if addr.Is4() && hostBits > 1 && (addr == prefix.Addr() || !prefix.Contains(addr.Next())) {
			continue // the network's and the broadcast address
		}
		l.addTarget(target{Target: ssh.Target{User: user, Host: addr.String()}, Swept: true})
	}
	return nil
}

// addFile takes a file of targets, one a line; # begins a comment. The name "-"
// is standard input.
func (l *targetList) addFile(a *app, name string) error {
	in := a.io.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return usageError(targetFileHint, "targets: %w", err)
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(in)
	n := 1
	for ; lines.Scan(); n++ {
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), byteOrderMark), "#")
		for _, word := range strings.Fields(text) {
			if err := l.add(word); err != nil {
				return fmt.Errorf("targets: %s:%d: %w", name, n, err)
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return usageError(targetFileHint, "targets: %s:%d: a line of more than %d bytes", name, n, bufio.MaxScanTokenSize)
	case err != nil:
		return usageError(targetFileHint, "targets: %w", err)
	}
	return nil
}

const targetFileHint = "a target file has one [user@]host[:port] a line"

// byteOrderMark is what editors on Windows begin a file with.
const byteOrderMark = "\ufeff"

// addSSHConfig takes every host that the ssh configuration names.
func (l *targetList) addSSHConfig(config *ssh.Config) error {
	aliases, err := config.Aliases()
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		l.addTarget(target{Target: ssh.Target{Host: alias}})
	}
	return nil
}

// addKnownHosts takes every host that the user's known_hosts names in the clear.
// Hashed names cannot be read back; it returns how many there were.
func (l *targetList) addKnownHosts(home string) (hashed int, err error) {
	file := filepath.Join(home, ".ssh", "known_hosts")
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, usageError("nightcall scan web1 10.0.1.0/28", "targets: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || strings.HasPrefix(fields[0], "@") {
			continue
		}
		if strings.HasPrefix(fields[0], "|") {
			hashed++
			continue
		}
		name, _, _ := strings.Cut(fields[0], ",") // the others are the same host again
		if strings.ContainsAny(name, "*?!") {
			continue
		}
		if t, err := ssh.ParseTarget(name); err == nil {
			l.addTarget(target{Target: t})
		}
	}
	return hashed, nil
}
