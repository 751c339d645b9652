package link

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A Door is a service that a host ought to reach: it uses it, or a sibling does.
type Door struct {
	From    string `json:"from"`    // host
	To      string `json:"to"`      // host, or address where nobody visited it
	Address string `json:"address"` // what is dialled from there
	Port    int    `json:"port"`
	Kind    string `json:"kind"`
	Uses    bool   `json:"uses"` // the host itself uses it; else a sibling
}

// Doors lists what each visited host ought to reach in the customer's network.
func (m Map) Doors(groups []Group) []Door {
	siblings := map[string][]string{}
	for _, g := range groups {
		for _, h := range g.Hosts {
			siblings[h] = g.Hosts
		}
	}
	found := map[[2]string]map[int]Door{}
	for _, l := range m.Links {
		address := m.dialled(l)
		if l.From.Host == "" || l.Login || l.Within || l.Port == 0 || address == "" {
			continue
		}
		near := siblings[l.From.Host]
		if l.State == Unused {
			near = nil // a file may name what nobody needs: its host alone is asked
		}
		for _, from := range append([]string{l.From.Host}, near...) {
			n, ok := m.Node(from)
			if !ok || !n.Visited || from == l.To.Host {
				continue
			}
			k := [2]string{from, l.To.Name()}
			if found[k] == nil {
				found[k] = map[int]Door{}
			}
			d, have := found[k][l.Port]
			if !have {
				d = Door{From: from, To: l.To.Name(), Address: address, Port: l.Port, Kind: l.Kind}
			}
			if from == l.From.Host {
				d.Uses, d.Address = true, address
			}
			found[k][l.Port] = d
		}
	}
	out := []Door{}
	for _, ports := range found {
		for _, d := range ports {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Door) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port))
	})
	return out
}

// dialled is the address behind a link, when it is in the customer's network.
func (m Map) dialled(l Link) string {
	address := l.To.Address
	if address == "" {
		n, _ := m.Node(l.To.Host)
		address = n.Address
	}
	if addr, err := netip.ParseAddr(address); err == nil && !addr.IsPrivate() && l.To.Host == "" {
		return ""
	}
	return address
}

// A Test is what came out of the last knock at a door.
type Test struct {
	From, To string
	Port     int
	Outcome  string
	Greeting string // what the service said by itself
	At       time.Time
}

// Open reports whether somebody answered.
func (t Test) Open() bool { return Open(t.Outcome) }

// Open reports whether an outcome means that somebody answered.
func Open(outcome string) bool { return outcome == "open" || outcome == "closed" }

// TestsOf folds the reach tests of a timeline, in its order: of each door, the
// last counts, unless nobody could find out.
func TestsOf(entries []timeline.Entry) []Test {
	type door struct {
		from, to string
		port     int
	}
	last := map[door]Test{}
	var order []door
	for _, e := range entries {
		data, ok := timeline.Decode[timeline.Reach](e)
		if e.Kind != timeline.ReachTested || !ok {
			continue
		}
		for _, r := range data.Results {
			k := door{e.Host, r.To, r.Port}
			if _, have := last[k]; !have {
				order = append(order, k)
			}
			if r.Outcome != "unclear" {
				last[k] = Test{e.Host, r.To, r.Port, r.Outcome, r.Greeting, e.At}
			}
		}
	}
	out := []Test{}
	for _, k := range order {
		if t, ok := last[k]; ok {
			out = append(out, t)
		}
	}
	return out
}

// Apply lays tests over the links: a newer test says whether a link works.
func (m *Map) Apply(tests []Test) {
	m.Tests = tests
	for _, t := range tests {
		if s, ok := m.at(t.To, t.Port); ok && t.Open() {
			s.told(t.Greeting)
		}
		known := false
		for n := range m.Links {
			l := &m.Links[n]
			if l.From.Host != t.From || l.To.Name() != t.To || l.Port != t.Port {
				continue
			}
			known = true
			if l.Last.After(t.At) {
				continue
			}
			l.Test = t.Outcome
			switch {
			case !t.Open():
				l.State = Attempted
			case l.Observed: // what nobody uses is not in use because we could
				l.State = Established
			}
		}
		if !known && !t.Open() {
			m.Links = append(m.Links, m.failed(t))
		}
	}
	slices.SortStableFunc(m.Links, byEnds)
}

// failed is a link that only a test knows, and that did not work.
func (m *Map) failed(t Test) Link {
	l := Link{From: End{Host: t.From}, To: End{Host: t.To}, Port: t.Port, State: Attempted, Test: t.Outcome, First: t.At, Last: t.At}
	if _, ok := m.Node(t.To); !ok {
		l.To = End{Address: t.To}
	}
	if s, ok := m.Find(t.To, t.Port); ok {
		l.Kind = s.Kind
	} else if k, ok := kindAt(t.Port); ok {
		l.Kind = k.name
	}
	return l
}
