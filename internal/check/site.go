package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// A Site is a fleet as one whole: what a host is beside its siblings, and who
// depends on it.
type Site struct {
	Map    link.Map
	Groups []link.Group

	siblings  map[string]link.Group
	odd       map[string][]link.Oddity
	attempts  map[string][]Attempt
	alone     map[string][]Alone
	called    map[string]int // other hosts that call a host
	unvisited map[string][]Unvisited
	moving    map[string][]Moving
	claim     *inventory.Claim
}

// NewSite compares the hosts of a fleet on its map.
func NewSite(fleet inventory.Fleet, m link.Map) *Site {
	s := &Site{
		Map: m, Groups: m.Groups(), siblings: map[string]link.Group{}, odd: map[string][]link.Oddity{},
		attempts: map[string][]Attempt{}, alone: map[string][]Alone{}, called: map[string]int{}, unvisited: map[string][]Unvisited{}, moving: movingOf(fleet), claim: fleet.Claim,
	}
	for _, g := range s.Groups {
		for _, h := range g.Hosts {
			s.siblings[h] = g
		}
	}
	for _, o := range m.Odd(fleet, s.Groups) {
		s.odd[o.Host] = append(s.odd[o.Host], o)
	}
	s.failing()
	s.single()
	s.unseen(fleet)
	s.countCallers()
	return s
}

// callers is how many other hosts call a host.
func (s *Site) callers(host string) int {
	if s == nil {
		return 0
	}
	return s.called[host]
}

func (s *Site) countCallers() {
	seen := map[[2]string]bool{}
	for _, l := range s.Map.Links {
		pair := [2]string{l.From.Name(), l.To.Host}
		if l.To.Host == "" || l.Within || l.Login || !l.Observed || seen[pair] {
			continue
		}
		seen[pair] = true
		s.called[l.To.Host]++
	}
}

// siteInputs are the inputs that take the whole fleet.
func siteInputs() []input {
	return []input{
		derive("odd", "what a host has that most of its siblings have otherwise", []string{"os", "kernel", "packages", "sockets"}, func(s Subject) fact.Observed[[]link.Oddity] {
			return beside(s, s.Host.Facts.Sockets, func(site *Site) []link.Oddity { return site.odd[s.Host.Name] })
		}),
		derive("attempts", "services of the customer's network that a host calls in vain", []string{"sockets"}, func(s Subject) fact.Observed[[]Attempt] {
			return beside(s, s.Host.Facts.Sockets, func(site *Site) []Attempt { return site.attempts[s.Host.Name] })
		}),
		derive("alone", "services of a host that several others need and that no sibling offers", []string{"sockets"}, func(s Subject) fact.Observed[[]Alone] {
			return beside(s, s.Host.Facts.Sockets, func(site *Site) []Alone { return site.alone[s.Host.Name] })
		}),
		derive("moving", "addresses that keepalived moves between hosts, at the first host by name that is told of one", []string{"virtual_routers", "interfaces"}, func(s Subject) fact.Observed[[]Moving] {
			if s.Site == nil {
				return fact.Observed[[]Moving]{}
			}
			return follow(s.Host.Facts.VirtualRouters, func([]fact.VirtualRouter) []Moving { return s.Site.moving[s.Host.Name] })
		}),
		derive("watched", "whether monitoring is said to work, and what watches the host from within", []string{"processes"}, readWatched),
		derive("unvisited", "addresses in the customer's network that a host, as the first by name, is connected with and that nobody visited", []string{"sockets"}, func(s Subject) fact.Observed[[]Unvisited] {
			return beside(s, s.Host.Facts.Sockets, func(site *Site) []Unvisited { return site.unvisited[s.Host.Name] })
		}),
	}
}

// Watched is what people say of monitoring beside what watches a host.
type Watched struct {
	Claimed bool     `json:"claimed"` // somebody said that monitoring works
	SaidBy  string   `json:"said_by"`
	Runs    []string `json:"runs"` // what watches the host from within; empty for nothing
}

// readWatched holds the answer against the host. Where nobody answered, there is
// nothing to hold.
func readWatched(s Subject) fact.Observed[Watched] {
	if s.Site == nil || s.Site.claim == nil {
		return fact.Observed[Watched]{}
	}
	return follow(s.Host.Facts.Processes, func([]fact.Process) Watched {
		return Watched{s.Site.claim.Working, cmp.Or(s.Site.claim.SaidBy, "somebody"), append([]string{}, s.Host.Watchers()...)}
	})
}

// beside takes what the site says of a host, and is as well known as the host's
// sockets are. Without a site nobody has asked.
func beside[T any](s Subject, sockets fact.Observed[fact.Sockets], take func(*Site) []T) fact.Observed[[]T] {
	if s.Site == nil {
		return fact.Observed[[]T]{}
	}
	return follow(sockets, func(fact.Sockets) []T { return take(s.Site) })
}

// An Attempt is a service that a host calls and that never answered it.
type Attempt struct {
	To       string   `json:"to"` // host, or address where nobody visited it
	Port     int      `json:"port"`
	Service  string   `json:"service"`
	Process  string   `json:"process"`  // the client's
	How      string   `json:"how"`      // how it ends: no answer, or the outcome of a test
	Reaching []string `json:"reaching"` // siblings that it answers
	Sure     string   `json:"sure"`     // certain, probable, possible
}

// Key names the item among its siblings.
func (a Attempt) Key() string { return fmt.Sprintf("%s:%d", a.To, a.Port) }

// failing finds the links that were only ever attempted.
func (s *Site) failing() {
	answered := map[string][]string{} // clients by service
	for _, l := range s.Map.Links {
		if l.State == link.Established && l.From.Host != "" {
			k := fmt.Sprintf("%s:%d", l.To.Name(), l.Port)
			answered[k] = append(answered[k], l.From.Host)
		}
	}
	for _, t := range s.Map.Tests {
		k := fmt.Sprintf("%s:%d", t.To, t.Port)
		if t.Open() && !slices.Contains(answered[k], t.From) {
			answered[k] = append(answered[k], t.From)
		}
	}
	for _, l := range s.Map.Links {
		if l.State != link.Attempted || l.From.Host == "" || l.Within || !ours(l.To) {
			continue
		}
		a := Attempt{To: l.To.Name(), Port: l.Port, Service: link.TitleOf(l.Kind), Process: cmp.Or(l.From.Process, "a test"), How: "no answer", Sure: string(Possible)}
		if a.Service == "" {
			a.Service = fmt.Sprintf("port %d", l.Port)
		}
		reached := answered[a.Key()]
		if !l.Observed && l.To.Host == "" && len(reached) == 0 {
			continue // only a file names it, and it may be long gone
		}
		if slices.Contains(reached, l.From.Host) {
			continue // by another of its processes: it is no cut
		}
		for _, h := range s.siblings[l.From.Host].Hosts {
			if slices.Contains(reached, h) {
				a.Reaching = append(a.Reaching, h)
			}
		}
		if len(a.Reaching) > 0 {
			a.Sure = string(Probable)
		}
		if l.Test != "" {
			a.How = "a test from there ends with: " + l.Test
		}
		if !l.Observed && len(l.Sources) > 0 {
			a.How = fmt.Sprintf("%s names it; %s", l.Sources[0], a.How)
		}
		if l.Test != "" && l.Observed {
			a.Sure = string(Certain)
		}
		s.attempts[l.From.Host] = append(s.attempts[l.From.Host], a)
	}
}

// ours reports whether an end is in the customer's network.
func ours(e link.End) bool {
	addr, err := netip.ParseAddr(e.Address)
	return e.Host != "" || err == nil && addr.IsPrivate()
}

// Alone is a service that others depend on and that only this host offers.
type Alone struct {
	Service string   `json:"service"`
	Port    int      `json:"port"`
	Clients []string `json:"clients"` // sorted
}

// Key names the item among its siblings.
func (a Alone) Key() string { return fmt.Sprintf("%s on port %d", a.Service, a.Port) }

// single finds the services without which several hosts stand still.
func (s *Site) single() {
	clients := map[string][]string{}
	for _, l := range s.Map.Links {
		if l.To.Host == "" || l.Within || l.Login || !l.Observed || l.From.Host == "" {
			continue
		}
		k := fmt.Sprintf("%s:%d", l.To.Host, l.Port)
		if !slices.Contains(clients[k], l.From.Host) {
			clients[k] = append(clients[k], l.From.Host)
		}
	}
	for _, service := range s.Map.Services {
		by := clients[fmt.Sprintf("%s:%d", service.Host, service.Port)]
		if len(by) < 2 || s.offered(service) {
			continue
		}
		slices.Sort(by)
		s.alone[service.Host] = append(s.alone[service.Host], Alone{Service: service.Title, Port: service.Port, Clients: by})
	}
}

// offered reports whether a sibling has the same kind of service.
func (s *Site) offered(service link.Service) bool {
	for _, h := range s.siblings[service.Host].Hosts {
		same := func(o link.Service) bool { return o.Kind == service.Kind && !o.Local }
		if h != service.Host && slices.ContainsFunc(s.Map.On(h), same) {
			return true
		}
	}
	return false
}

// Unvisited is an address that hosts are connected with and that is none of
// theirs.
type Unvisited struct {
	Address string   `json:"address"`
	Ports   []int    `json:"ports"` // that are called there; none where it is only a client
	By      []string `json:"by"`
	Why     string   `json:"why"`
}

// Key names the item among its siblings.
func (u Unvisited) Key() string { return u.Address }

func (s *Site) unseen(fleet inventory.Fleet) {
	for _, a := range inventory.NotVisited(fleet) {
		u := Unvisited{Address: a.Addr.String(), Ports: a.Ports, By: a.By, Why: "it connects to them"}
		if len(a.Ports) > 0 {
			u.Why = "they connect to its ports " + strings.Trim(fmt.Sprint(a.Ports[:min(5, len(a.Ports))]), "[]")
		}
		s.unvisited[a.By[0]] = append(s.unvisited[a.By[0]], u)
	}
}

// OnLinks are the findings that are about a link of the map: calls that nobody
// answers, a service on which several depend, an address that nobody visited. Their
// order stays.
func OnLinks(all []Finding, m link.Map) []Finding {
	type item struct{ host, key string }
	about := map[item]bool{}
	for _, l := range m.Links {
		about[item{l.From.Name(), Attempt{To: l.To.Name(), Port: l.Port}.Key()}] = true
		about[item{l.From.Name(), Unvisited{Address: l.To.Address}.Key()}] = true
		about[item{l.To.Name(), Unvisited{Address: l.From.Address}.Key()}] = true
		if s, ok := m.Find(l.To.Host, l.Port); ok {
			about[item{s.Host, Alone{Service: s.Title, Port: s.Port}.Key()}] = true
		}
	}
	var on []Finding
	for _, f := range all {
		if f.Key != "" && about[item{f.Host, f.Key}] {
			on = append(on, f)
		}
	}
	return on
}
