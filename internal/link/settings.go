package link

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// settings are what a system itself is told, each as lines that siblings should
// have in common, and the files that say it.
var settings = []struct {
	what, subject string
	text          func(host string, f *fact.Set) string
	files         []string
}{
	{"names", "in /etc/hosts", namesText, []string{"/etc/hosts"}},
	{"resolver", "", resolverText, []string{"/etc/resolv.conf"}},
	{"zone", "", zoneText, []string{"/etc/localtime", "/etc/timezone", "/etc/sysconfig/clock"}},
	{"size", "", sizeText, nil},
	{"route", "", routesText, nil},
}

// namesText are the lines of /etc/hosts about others: each host has its own name
// there. The order of lines about different names means nothing.
func namesText(_ string, f *fact.Set) string {
	if f.DNS.State != fact.OK {
		return ""
	}
	var lines []string
	for _, line := range f.DNS.Value.Hosts {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil || addr.IsLoopback() || hasAddress(f, addr) {
			continue
		}
		lines = append(lines, strings.Join(words, " "))
	}
	slices.Sort(lines)
	return "/etc/hosts\n" + strings.Join(lines, "\n")
}

func hasAddress(f *fact.Set, addr netip.Addr) bool {
	return slices.ContainsFunc(f.Interfaces.Value, func(i fact.Interface) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

func resolverText(_ string, f *fact.Set) string {
	if f.DNS.State != fact.OK || len(f.DNS.Value.Servers) == 0 {
		return ""
	}
	text := "nameserver " + strings.Join(f.DNS.Value.Servers, "\nnameserver ")
	if len(f.DNS.Value.Search) > 0 {
		text += "\nsearch " + strings.Join(f.DNS.Value.Search, " ")
	}
	return text
}

func zoneText(_ string, f *fact.Set) string {
	if f.Clock.State != fact.OK {
		return ""
	}
	return f.Clock.Value.Zone
}

// sizeText is in whole gibibytes: what firmware and kernel keep for themselves
// differs a little from host to host.
func sizeText(_ string, f *fact.Set) string {
	if !f.CPU.Known() || !f.Memory.Known() {
		return ""
	}
	const gib = 1 << 30
	return fmt.Sprintf("%d CPUs\n%d GiB of memory", f.CPU.Value.Count, (f.Memory.Value.Total+gib/2)/gib)
}

// routesText are the ways that somebody set; those to a host's own networks follow
// from its addresses.
func routesText(_ string, f *fact.Set) string {
	if f.Routes.State != fact.OK {
		return ""
	}
	lines := []string{"routes"}
	for _, r := range f.Routes.Value {
		if r.Via.IsValid() && !r.Via.IsUnspecified() {
			lines = append(lines, fmt.Sprintf("%s through %s", r.To, r.Via))
		}
	}
	slices.Sort(lines[1:])
	return own(strings.Join(slices.Compact(lines), "\n"), f)
}

// unlinked names the one sibling that was never seen to call what all others call
// and that nothing tells to: it may only have been idle, so nobody is accused.
func (m Map) unlinked(g Group, facts map[string]*fact.Set) []Oddity {
	var told []string
	for _, h := range g.Hosts {
		if facts[h] != nil && facts[h].Sockets.State == fact.OK && !m.hasRole(h) {
			told = append(told, h)
		}
	}
	type service struct {
		to   string
		port int
	}
	by := map[service][]string{} // siblings that call it, or are told to
	kind := map[service]string{} // of those that are called
	var order []service
	for _, h := range told {
		for _, l := range m.from(h) {
			s := service{l.To.Name(), l.Port}
			if l.Within || l.Login {
				continue
			}
			if _, seen := kind[s]; !seen && l.Observed {
				order = append(order, s)
				kind[s] = l.Kind
			}
			if !slices.Contains(by[s], h) {
				by[s] = append(by[s], h)
			}
		}
	}
	var out []Oddity
	for _, s := range order {
		if len(told) < 3 || len(by[s]) != len(told)-1 {
			continue
		}
		n := slices.IndexFunc(told, func(h string) bool { return !slices.Contains(by[s], h) })
		if told[n] == s.to {
			continue // nobody calls itself over the network
		}
		out = append(out, Oddity{
			Host: told[n], Group: g.Name, What: "link", Subject: strings.TrimSpace(fmt.Sprintf("to %s on %s:%d", TitleOf(kind[s]), s.to, s.port)),
			Has: "was not seen to call it", Usual: "call it", Siblings: by[s],
		})
	}
	return out
}
