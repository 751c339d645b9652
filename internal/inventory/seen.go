package inventory

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// An Address is one that hosts of the incident talk to and that belongs to none
// of them: a host that nobody has visited yet.
type Address struct {
	Addr  netip.Addr `json:"addr"`
	Ports []int      `json:"ports"` // those that hosts connect to, sorted; none for a client
	By    []string   `json:"by"`    // names of the hosts that talk to it, sorted
}

// maxSeen bounds what a busy fleet's connections may name.
const maxSeen = 1000

// publicPorts are those whose clients may be anybody's: their other ends are no
// part of the platform.
var publicPorts = []int{22, 53, 80, 443, 8080, 8443}

// NotVisited lists the private addresses at the other end of the fleet's
// connections that belong to no host of it, most talked to first. Addresses of
// the internet are somebody else's, and clients of public ports are users.
func NotVisited(f Fleet) []Address {
	own := ownAddresses(f)
	seen := map[netip.Addr]*Address{}
	for _, h := range f.Hosts {
		for _, c := range h.Facts.Sockets.Value.Connections {
			addr := c.Remote.Addr().Unmap().WithZone("")
			if !platform(addr) || own[addr] || c.Inbound && slices.Contains(publicPorts, int(c.Local.Port())) {
				continue
			}
			if seen[addr] == nil {
				if len(seen) == maxSeen {
					continue
				}
				seen[addr] = &Address{Addr: addr}
			}
			seen[addr].note(h.Name, c)
		}
	}
	list := make([]Address, 0, len(seen))
	for _, a := range seen {
		slices.Sort(a.Ports)
		slices.Sort(a.By)
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b Address) int {
		return cmp.Or(len(b.By)-len(a.By), a.Addr.Compare(b.Addr))
	})
	return list
}

func (a *Address) note(name string, c fact.Connection) {
	if !slices.Contains(a.By, name) {
		a.By = append(a.By, name)
	}
	if port := int(c.Remote.Port()); !c.Inbound && !slices.Contains(a.Ports, port) {
		a.Ports = append(a.Ports, port)
	}
}

// platform reports whether an address can be a host of the customer's network.
func platform(addr netip.Addr) bool {
	return addr.IsValid() && addr.IsPrivate() && !addr.IsLoopback() && !addr.IsMulticast()
}

// ownAddresses are those of the fleet's hosts: of their interfaces, those they
// are reached at, and those of the bastions in front of them.
func ownAddresses(f Fleet) map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	reached := func(text string) {
		if addr, err := netip.ParseAddr(text); err == nil {
			own[addr.Unmap().WithZone("")] = true
		}
	}
	for _, h := range f.Hosts {
		reached(h.Access.Address)
		for _, hop := range h.Access.Jump {
			reached(hop.Address)
		}
		for _, i := range h.Facts.Interfaces.Value {
			for _, p := range i.Addresses {
				own[p.Addr().Unmap().WithZone("")] = true
			}
		}
	}
	return own
}
