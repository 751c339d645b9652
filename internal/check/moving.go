package check

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Moving is an address that hosts hand to each other: one of them has it.
type Moving struct {
	Address string   `json:"address"`
	Router  string   `json:"router"` // its name in the configuration
	Told    []string `json:"told"`   // hosts that are told to have it when it is their turn
	Has     []string `json:"has"`    // hosts that have it
}

// Key names the item among its siblings.
func (m Moving) Key() string { return m.Address }

// oneMoment is how far apart hosts may have been read to be compared: an address
// that moved in between would seem to be on both, or on none.
const oneMoment = 2 * time.Minute

// movingOf finds who has each address that moves, by the first host that is told
// of it. An address is left out where not all hosts that are told of it were
// reached at about the same time, or fewer than two are known.
func movingOf(fleet inventory.Fleet) map[string][]Moving {
	told := map[string][]*inventory.Host{}
	name := map[string]string{}
	for n := range fleet.Hosts {
		h := &fleet.Hosts[n]
		for _, r := range h.Facts.VirtualRouters.Value {
			for _, a := range r.Addresses {
				if !slices.Contains(told[a], h) {
					told[a] = append(told[a], h)
				}
				name[a] = r.Name
			}
		}
	}
	out := map[string][]Moving{}
	for address, hosts := range told {
		if len(hosts) < 2 || !atOnce(hosts) {
			continue
		}
		m := Moving{Address: address, Router: name[address], Told: []string{}, Has: []string{}}
		for _, h := range hosts {
			m.Told = append(m.Told, h.Name)
			if has(h, address) {
				m.Has = append(m.Has, h.Name)
			}
		}
		slices.Sort(m.Told)
		slices.Sort(m.Has)
		out[m.Told[0]] = append(out[m.Told[0]], m)
	}
	for _, all := range out {
		slices.SortFunc(all, func(a, b Moving) int { return strings.Compare(a.Address, b.Address) })
	}
	return out
}

// atOnce reports whether the addresses of all hosts were read at one moment.
func atOnce(hosts []*inventory.Host) bool {
	first, last := hosts[0].Facts.Interfaces.At, hosts[0].Facts.Interfaces.At
	for _, h := range hosts {
		i := h.Facts.Interfaces
		if i.State != fact.OK || !h.Class.Reached() {
			return false
		}
		if i.At.Before(first) {
			first = i.At
		}
		if i.At.After(last) {
			last = i.At
		}
	}
	return last.Sub(first) <= oneMoment
}

func has(h *inventory.Host, address string) bool {
	return slices.ContainsFunc(h.Facts.Interfaces.Value, func(i fact.Interface) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr().String() == address })
	})
}
