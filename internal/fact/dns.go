package fact

import (
	"net/netip"
	"slices"
	"strings"
)

func dnsFact() Fact {
	return define("dns", "name resolution", Probe{Files: []string{"/etc/resolv.conf", "/etc/hosts"}},
		func(s *Set) *Observed[DNS] { return &s.DNS }, parseDNS)
}

func parseDNS(r Raw) Observed[DNS] {
	var d DNS
	resolver, told := r.Files["/etc/resolv.conf"]
	for line := range strings.Lines(resolver.Content) {
		f := strings.Fields(clean(line))
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			d.Servers = append(d.Servers, f[1])
		case "search", "domain":
			d.Search = f[1:]
		}
	}
	for line := range strings.Lines(r.Files["/etc/hosts"].Content) {
		text, _, _ := strings.Cut(line, "#")
		f := strings.Fields(clean(text))
		if len(f) < 2 || len(d.Hosts) >= maxItems {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil || a.IsMulticast() || a.IsLoopback() && !slices.ContainsFunc(f[1:], isSomebody) {
			continue
		}
		d.Hosts = append(d.Hosts, strings.Join(f, " "))
	}
	if !told || resolver.Denied {
		return partly(d, "/etc/hosts", "there is no /etc/resolv.conf to read")
	}
	return found(d, "/etc/resolv.conf")
}

// isSomebody reports whether a name on a loopback line is more than localhost.
func isSomebody(name string) bool {
	return !strings.HasPrefix(name, "localhost") && !strings.HasPrefix(name, "ip6-")
}
