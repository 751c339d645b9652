package link

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// setUp compares what siblings are told to do: their packet filters, what their
// configurations call, how their balancers spread, how they find names and ways,
// whom they call, and their clocks. Where each
// has its own, nothing is odd: only the one among several equals is named.
func (m Map) setUp(g Group, facts map[string]*fact.Set) []Oddity {
	var out []Oddity
	add := func(what, subject string, text func(host string) string, since func(f *fact.Set) string) {
		odd := g.lonely(what, subject, text)
		if odd == nil {
			return
		}
		odd.Since = since(facts[odd.Host])
		out = append(out, *odd)
	}
	known := func(read func(host string, f *fact.Set) string) func(string) string {
		return func(host string) string {
			if facts[host] == nil {
				return ""
			}
			return read(host, facts[host])
		}
	}
	add("firewall", "", known(filterText), func(f *fact.Set) string { return touched(f, isFilterFile) })
	add("configuration", "of what it calls", known(m.callsText), func(f *fact.Set) string {
		return touched(f, func(file string) bool {
			return slices.ContainsFunc(f.Dependencies.Value, func(d fact.Dependency) bool { return d.File == file })
		})
	})
	add("configuration", ofHAProxy, known(balancersText), func(f *fact.Set) string {
		return touched(f, func(file string) bool { return strings.Contains(file, "haproxy") })
	})
	out = append(out, m.files(g, facts, out)...)
	for _, s := range settings {
		add(s.what, s.subject, known(s.text), func(f *fact.Set) string {
			return touched(f, func(file string) bool { return slices.Contains(s.files, file) })
		})
	}
	out = append(out, m.unlinked(g, facts)...)
	return append(out, g.clock(facts)...)
}

// ofHAProxy is what a configuration is about that spreads requests.
const ofHAProxy = "of HAProxy"

// untold stands where no fact tells when something became different.
const untold = "since when is not recorded"

// lonely finds the one sibling whose text differs from that of all others, of
// which there are two at least; nil where there is none. Siblings without a text
// are not known, and left out.
func (g Group) lonely(what, subject string, text func(host string) string) *Oddity {
	by := map[string][]string{}
	for _, h := range g.Hosts {
		if t := text(h); t != "" {
			by[t] = append(by[t], h)
		}
	}
	if len(by) != 2 {
		return nil
	}
	var one, rest string
	for t, hosts := range by {
		if len(hosts) == 1 {
			one = t
		} else {
			rest = t
		}
	}
	if one == "" || rest == "" {
		return nil
	}
	has, usual := unlike(one, rest)
	return &Oddity{Host: by[one][0], Group: g.Name, What: what, Subject: subject, Has: has, Usual: usual, Siblings: by[rest]}
}

// maxUnlike bounds the lines that are shown of a difference.
const maxUnlike = 5

// unlike are the lines of each that the other does not have.
func unlike(a, b string) (has, usual string) {
	return lacking(a, b), lacking(b, a)
}

func lacking(a, b string) string {
	there := map[string]bool{}
	for line := range strings.Lines(b) {
		there[strings.TrimSpace(line)] = true
	}
	var only []string
	more := 0
	for line := range strings.Lines(a) {
		if line = strings.TrimSpace(line); line == "" || there[line] {
			continue
		}
		if len(only) == maxUnlike {
			more++
			continue
		}
		only = append(only, line)
	}
	switch {
	case len(only) == 0:
		return "nothing of that"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(only, "; "), more)
	}
	return strings.Join(only, "; ")
}

// filterText is a host's packet filter, in which its own addresses are one word:
// siblings have the same rules for their own.
func filterText(_ string, f *fact.Set) string {
	if f.Firewall.State != fact.OK {
		return ""
	}
	text := f.Firewall.Value.Kind + " filter\n" + strings.Join(f.Firewall.Value.Text, "\n")
	return own(text, f)
}

// own puts one word for each of a host's own addresses.
func own(text string, f *fact.Set) string {
	for _, i := range f.Interfaces.Value {
		for _, p := range i.Addresses {
			if a := p.Addr(); !a.IsLoopback() {
				text = replaceWord(text, a.String(), "its-own-address")
			}
		}
	}
	return text
}

// replaceWord replaces an address where it is no part of a longer one.
func replaceWord(text, word, with string) string {
	var b strings.Builder
	for {
		n := strings.Index(text, word)
		if n < 0 {
			return b.String() + text
		}
		end := n + len(word)
		part := n > 0 && isAddressByte(text[n-1]) || end < len(text) && isAddressByte(text[end])
		b.WriteString(text[:n])
		if part {
			b.WriteString(word)
		} else {
			b.WriteString(with)
		}
		text = text[end:]
	}
}

func isAddressByte(c byte) bool { return c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// callsText is what a host's configurations call, where none of its services has
// a role: a main calls nobody, and its replicas do.
func (m Map) callsText(host string, f *fact.Set) string {
	if f.Dependencies.State != fact.OK || m.hasRole(host) {
		return ""
	}
	lines := []string{"its files"}
	for _, d := range f.Dependencies.Value {
		line := strings.TrimSpace(fmt.Sprintf("%s %s:%d", d.Scheme, d.Host, d.Port))
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines[1:])
	return own(strings.Join(lines, "\n"), f)
}

// hasRole reports whether a host has a service that is a main or a replica.
func (m Map) hasRole(host string) bool {
	return slices.ContainsFunc(m.On(host), func(s Service) bool { return s.Role == Main || s.Role == Replica })
}

func balancersText(_ string, f *fact.Set) string {
	if f.Balancers.State != fact.OK || len(f.Balancers.Value) == 0 {
		return ""
	}
	var b strings.Builder
	for _, s := range f.Balancers.Value {
		fmt.Fprintf(&b, "%s: mode %s, checked by %s\n", s.Backend, s.Mode, s.Method)
		for _, t := range s.Targets {
			fmt.Fprintf(&b, "%s: server %s %s:%d\n", s.Backend, t.Server, t.Host, t.Port)
		}
		for _, name := range s.Unchecked {
			fmt.Fprintf(&b, "%s: server %s without a check\n", s.Backend, name)
		}
	}
	return own(b.String(), f)
}

// clockStep is how far apart clocks are different: it is far above what a
// measurement over SSH is off.
const clockStep = 5 * time.Second

// clock finds the one sibling whose clock is off while those of all others, of
// which there are two at least, agree. Clocks that were measured badly are left
// out.
func (g Group) clock(facts map[string]*fact.Set) []Oddity {
	type reading struct {
		host   string
		offset time.Duration
	}
	var all []reading
	for _, h := range g.Hosts {
		if f := facts[h]; f != nil && f.Clock.State == fact.OK && f.Clock.Value.Error <= clockStep/2 {
			all = append(all, reading{h, f.Clock.Value.Offset})
		}
	}
	if len(all) < 3 {
		return nil
	}
	slices.SortFunc(all, func(a, b reading) int { return cmp.Compare(a.offset, b.offset) })
	odd, rest := all[0], all[1:]
	if last := len(all) - 1; all[last].offset-all[last-1].offset > all[1].offset-all[0].offset {
		odd, rest = all[last], all[:last]
	}
	low, high := rest[0].offset, rest[len(rest)-1].offset
	if high-low > clockStep || max(low-odd.offset, odd.offset-high) <= clockStep {
		return nil
	}
	o := Oddity{
		Host: odd.host, Group: g.Name, What: "clock", Has: offsetText(odd.offset), Usual: offsetText(rest[len(rest)/2].offset), Since: untold,
	}
	for _, r := range rest {
		o.Siblings = append(o.Siblings, r.host)
	}
	slices.Sort(o.Siblings)
	return []Oddity{o}
}

// offsetText is how far a clock is off the laptop's.
func offsetText(offset time.Duration) string {
	switch offset = offset.Round(time.Second); {
	case offset == 0:
		return "right"
	case offset < 0:
		return (-offset).String() + " behind"
	default:
		return offset.String() + " ahead"
	}
}

func isFilterFile(file string) bool {
	for _, part := range []string{"iptables", "ip6tables", "nftables", "firewall", "/ufw", "/pf.conf"} {
		if strings.Contains(file, part) {
			return true
		}
	}
	return false
}

// touched finds the last change of a file that may have made the difference.
func touched(f *fact.Set, relevant func(file string) bool) string {
	var last fact.Change
	for _, c := range f.Changes.Value {
		if c.Kind == "file" && c.At.After(last.At) && relevant(c.What) {
			last = c
		}
	}
	if last.At.IsZero() {
		return untold
	}
	return "since " + last.At.UTC().Format("2006-01-02 15:04 UTC") + " perhaps: " + last.What + " was changed then"
}
