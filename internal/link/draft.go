package link

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A Draft is what people declared and did not take back, by name.
type Draft struct {
	Hosts []timeline.HostDraft
	Links []timeline.LinkDraft
}

// DraftOf folds the declarations of a timeline, in its order: the last word on a
// host or a link stands.
func DraftOf(entries []timeline.Entry) Draft {
	hosts, links := map[string]timeline.HostDraft{}, map[[3]string]timeline.LinkDraft{}
	for _, e := range entries {
		switch e.Kind {
		case timeline.HostDeclared, timeline.HostRetracted:
			if d, ok := timeline.Decode[timeline.HostDraft](e); ok {
				set(hosts, d.Name, d, e.Kind == timeline.HostDeclared)
			}
		case timeline.LinkDeclared, timeline.LinkRetracted:
			if d, ok := timeline.Decode[timeline.LinkDraft](e); ok {
				set(links, d.Key(), d, e.Kind == timeline.LinkDeclared)
			}
		}
	}
	return Draft{
		Hosts: slices.SortedFunc(maps.Values(hosts), func(a, b timeline.HostDraft) int { return strings.Compare(a.Name, b.Name) }),
		Links: slices.SortedFunc(maps.Values(links), func(a, b timeline.LinkDraft) int {
			return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port))
		}),
	}
}

func set[K comparable, V any](m map[K]V, key K, value V, there bool) {
	if there {
		m[key] = value
	} else {
		delete(m, key)
	}
}

// nodes are the hosts of the map: those of the inventory, then those that only
// people named.
func nodes(fleet inventory.Fleet, j joiner, m Map, draft Draft) []Node {
	out := []Node{}
	for _, h := range fleet.Hosts {
		n := Node{Name: h.Name, Address: h.Access.Address, Visited: !h.Seen.IsZero(), Runs: m.runs(h.Name), Virtual: []string{}}
		for _, addr := range j.hosts[h.Name].virtual {
			n.Virtual = append(n.Virtual, addr.String())
		}
		out = append(out, n)
	}
	visited := len(out)
	for _, d := range draft.Hosts {
		if n := declaredAs(out[:visited], j, d); n >= 0 {
			out[n].Declared, out[n].Group, out[n].Domain = true, d.Group, d.Domain
			out[n].Runs = cmp.Or(out[n].Runs, d.Runs)
			continue
		}
		out = append(out, Node{Name: d.Name, Address: d.Address, Declared: true, Runs: d.Runs, Group: d.Group, Domain: d.Domain, Virtual: []string{}})
	}
	return out
}

// runs is the kind of the service that a host is there for: the one of the
// foremost tier, and the lowest port.
func (m Map) runs(host string) string {
	best := Service{Kind: "ssh"}
	for _, s := range m.On(host) {
		if s.Kind != "ssh" && !s.Local && (best.Kind == "ssh" || TierOf(s.Kind) < TierOf(best.Kind)) {
			best = s
		}
	}
	if best.Kind == "ssh" {
		return ""
	}
	return best.Kind
}

// declaredAs finds the visited host that a declaration means: by name, or by an
// address that is this host's alone.
func declaredAs(visited []Node, j joiner, d timeline.HostDraft) int {
	name := d.Name
	if j.hosts[name] == nil {
		addr, _ := netip.ParseAddr(d.Address)
		if owners := j.owners[addr]; len(owners) == 1 {
			name = owners[0]
		}
	}
	return slices.IndexFunc(visited, func(n Node) bool { return n.Name == name })
}

// declare lays what people declared over what was seen: a link that was seen
// takes their label, and one that was not is there, silent.
func (m *Map) declare(draft Draft, j joiner) {
	before := len(m.Links)
	for _, d := range draft.Links {
		seen := false
		for n := range m.Links {
			l := &m.Links[n]
			if (l.Observed || l.Configured) && j.named(d.From, l.From) && j.named(d.To, l.To) && (d.Port == 0 || d.Port == l.Port) {
				l.Declared, l.Label, l.Style, l.Color = true, d.Label, d.Style, d.Color
				seen = true
			}
		}
		if !seen {
			m.Links = append(m.Links, j.silent(d))
		}
	}
	if len(m.Links) > before {
		slices.SortStableFunc(m.Links, byEnds)
	}
}

// named reports whether a person's name for an end means it.
func (j *joiner) named(name string, e End) bool {
	if name == e.Host || name == e.Address {
		return name != ""
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && e.Host != "" && slices.Contains(j.owners[addr], e.Host)
}

// silent is a declared link that no sample shows.
func (j *joiner) silent(d timeline.LinkDraft) Link {
	l := Link{
		From: j.end(d.From), To: j.end(d.To), Port: d.Port, State: Silent, Declared: true,
		Label: d.Label, Style: d.Style, Color: d.Color,
	}
	j.describe(&l)
	return l
}

// end is the host that a person means, or the name as it was given.
func (j *joiner) end(name string) End {
	if j.hosts[name] != nil {
		return End{Host: name}
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		if owners := j.owners[addr]; len(owners) == 1 {
			return End{Host: owners[0], Address: name}
		}
		return End{Address: name}
	}
	return End{Host: name}
}
