// Package link joins what hosts say of their sockets to who talks to whom: a
// client's process, the service that listens, and the way between them.
//
// # Direction
//
// Both ends of a connection may have ports that were given by chance. The host
// that listens knows it; what the other end says is turned to agree.
//
// # Both ends, many times
//
// A link is seen by its client, by its listener, or by both, and at each visit
// anew: what one end or one moment does not show, another may. The union of all
// is what is known.
//
// # Configured
//
// What configurations of the client name is laid over what was seen: a link that
// is configured and was never seen is unused, which may be as it should be, or
// the trouble itself.
//
// # Declared
//
// What people say is kept apart from what was seen. It draws a picture before
// anything was visited, and afterwards shows what nobody saw.
package link

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Sample is one host's sockets and addresses at one moment.
type Sample struct {
	Host       string
	At         time.Time
	Sockets    fact.Sockets
	Interfaces []fact.Interface
}

// A Map is who talks to whom.
type Map struct {
	Services []Service `json:"services"` // by host and port
	Links    []Link    `json:"links"`    // by their ends
	Hosts    []Node    `json:"hosts"`    // those visited, then those only declared, each by name
	Tests    []Test    `json:"-"`        // the last reach tests
}

// A Node is one host of the map.
type Node struct {
	Name     string   `json:"name"`
	Address  string   `json:"address"`
	Visited  bool     `json:"visited"`          // it was reached at least once
	Declared bool     `json:"declared"`         // a person named it
	Runs     string   `json:"runs"`             // the kind of its first service, seen or declared
	Group    string   `json:"group,omitempty"`  // as declared
	Domain   string   `json:"domain,omitempty"` // of failure, as declared: a rack, a site
	Virtual  []string `json:"virtual"`          // addresses that may move to another host
}

// An End is one end of a link: a host, or an address that belongs to none.
type End struct {
	Host    string `json:"host"`
	Address string `json:"address"` // that was used; of a client only where it has no host
	Process string `json:"process"` // empty when nobody could see it
}

// Internet is the address of all clients from outside together.
const Internet = "internet"

// Name is the host, or else the address.
func (e End) Name() string { return cmp.Or(e.Host, e.Address) }

// A State says how far a link was seen to go.
type State string

// The states, the best first.
const (
	Established State = "established"
	Attempted   State = "attempted" // a client or a test asks, and nobody answers
	Unused      State = "unused"    // a configuration names it, and it was never seen
	Silent      State = "silent"    // declared, and never seen
)

// A Link is one client's way to one service.
type Link struct {
	From       End       `json:"from"`
	To         End       `json:"to"`
	Port       int       `json:"port"` // 0 where a person named none
	Kind       string    `json:"kind"` // of the service: mysql, redis, http …
	State      State     `json:"state"`
	Count      int       `json:"count"` // the most connections at one moment
	Observed   bool      `json:"observed"`
	Declared   bool      `json:"declared"`
	Configured bool      `json:"configured"`        // a configuration of the client names it
	Sources    []Source  `json:"sources,omitempty"` // which
	ByClient   bool      `json:"by_client"`         // the client's sockets show it
	ByServer   bool      `json:"by_server"`         // the listener's do
	Doubt      string    `json:"doubt,omitempty"`   // why it may be something else
	Role       string    `json:"role,omitempty"`    // replica, when the client is one of the service
	Label      string    `json:"label,omitempty"`   // declared
	Style      string    `json:"style,omitempty"`   // declared: solid, dashed, dotted
	Color      string    `json:"color,omitempty"`   // declared
	First      time.Time `json:"first,omitzero"`    // the first sample that shows it
	Last       time.Time `json:"last,omitzero"`     // and the last
	Within     bool      `json:"within,omitempty"`  // both ends are one host
	Login      bool      `json:"login,omitempty"`   // it is a login over SSH
	Test       string    `json:"test,omitempty"`    // outcome of a reach test that is newer than what was seen
}

// key is what makes two observations the same link.
type key struct {
	from, process, to string
	port              int
}

func (l Link) key() key { return key{l.From.Name(), l.From.Process, l.To.Name(), l.Port} }

// byEnds is the order of links.
func byEnds(a, b Link) int { return compareEnds(&a, &b) }

// compareEnds compares what differs most first: maps are large.
func compareEnds(a, b *Link) int {
	if c := strings.Compare(a.From.Name(), b.From.Name()); c != 0 {
		return c
	}
	if c := strings.Compare(a.To.Name(), b.To.Name()); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.From.Process, b.From.Process))
}

// Find returns the service on a host's port.
func (m Map) Find(host string, port int) (Service, bool) {
	n, ok := slices.BinarySearchFunc(m.Services, Service{Host: host, Port: port}, byPlace)
	if !ok {
		return Service{}, false
	}
	return m.Services[n], true
}

// On returns the services of a host, by port.
func (m Map) On(host string) []Service {
	from, _ := slices.BinarySearchFunc(m.Services, Service{Host: host}, byPlace)
	to := from
	for to < len(m.Services) && m.Services[to].Host == host {
		to++
	}
	return m.Services[from:to]
}

// from returns the links of a client.
func (m Map) from(host string) []Link {
	begin, _ := slices.BinarySearchFunc(m.Links, host, func(l Link, name string) int { return strings.Compare(l.From.Name(), name) })
	end := begin
	for end < len(m.Links) && m.Links[end].From.Name() == host {
		end++
	}
	return m.Links[begin:end]
}

// Node returns the host of this name.
func (m Map) Node(name string) (Node, bool) {
	n := slices.IndexFunc(m.Hosts, func(h Node) bool { return h.Name == name })
	if n < 0 {
		return Node{}, false
	}
	return m.Hosts[n], true
}

// everyAddress is what a listener for all addresses has.
func everyAddress(l fact.Listener) bool { return l.All || l.Addr.IsUnspecified() }

// plainAddress is an address without what is only known on one host.
func plainAddress(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
