package fact

import (
	"net/netip"
	"slices"
	"strings"
)

// DNS is how the host resolves names.
type DNS struct {
	Servers []string `json:"servers"`
	Search  []string `json:"search"`
	Hosts   []string `json:"hosts"` // lines of /etc/hosts that name something beside localhost
}

func dnsFact() Fact {
	return define("dns", "name resolution", Probe{Files: []string{resolvConf, stubConf, "/etc/hosts"}},
		func(s *Set) *Observed[DNS] { return &s.DNS }, parseDNS)
}

// resolvConf is what programs read; where it names only systemd-resolved on the
// host itself, stubConf has the servers behind it.
const (
	resolvConf = "/etc/resolv.conf"
	stubConf   = "/run/systemd/resolve/resolv.conf"
)

func parseDNS(r Raw) Observed[DNS] {
	d := DNS{Servers: []string{}, Search: []string{}, Hosts: []string{}}
	resolver, told := r.Files[resolvConf]
	d.read(resolver.Content)
	if slices.Equal(d.Servers, []string{"127.0.0.53"}) {
		d.read(r.Files[stubConf].Content)
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
	switch _, named := r.Files["/etc/hosts"]; {
	case told && !resolver.Denied:
		return found(d, resolvConf)
	case named:
		return partly(d, "/etc/hosts", "there is no "+resolvConf+" that we may read")
	default:
		return unknown[DNS]("neither %s nor /etc/hosts can be read", resolvConf)
	}
}

// read adds the servers of a resolv.conf; its last search list holds.
func (d *DNS) read(text string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(clean(line))
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if !slices.Contains(d.Servers, f[1]) && len(d.Servers) < maxItems {
				d.Servers = append(d.Servers, f[1])
			}
		case "search", "domain":
			d.Search = f[1:]
		}
	}
}

// isSomebody reports whether a name on a loopback line is more than localhost.
func isSomebody(name string) bool {
	return !strings.HasPrefix(name, "localhost") && !strings.HasPrefix(name, "ip6-")
}
