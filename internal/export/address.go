package export

import (
	"net/netip"
	"slices"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// PrimaryAddress is the IP address that stands for the host: the one it was
// reached at, or, when that is a name or a tunnel's end on this machine, the
// best of its own. The result is not valid when no address is known.
func PrimaryAddress(h inventory.Host) netip.Addr {
	dialled, err := netip.ParseAddr(h.Access.Address)
	if err == nil && !dialled.IsLoopback() {
		return dialled
	}
	if own := Addresses(h); len(own) > 0 {
		return own[0]
	}
	return dialled
}

// Addresses returns the host's own addresses that others can reach, best first:
// those on the device of the default route, IPv4 before IPv6, in the order of
// their numbers.
func Addresses(h inventory.Host) []netip.Addr {
	device := defaultDevice(h.Facts)
	type candidate struct {
		addr netip.Addr
		rank int
	}
	var all []candidate
	for _, i := range h.Facts.Interfaces.Value {
		for _, prefix := range i.Addresses {
			if addr := prefix.Addr().Unmap(); addr.IsGlobalUnicast() {
				all = append(all, candidate{addr, rank(i, addr, device)})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return a.addr.Compare(b.addr)
	})
	addrs := make([]netip.Addr, len(all))
	for i, c := range all {
		addrs[i] = c.addr
	}
	return slices.Compact(addrs)
}

// rank is lower for better: first the default route's device, then devices that
// are not a software bridge's, then IPv4.
func rank(i fact.Interface, addr netip.Addr, device string) int {
	rank := 0
	if device != "" && i.Name != device {
		rank += 4
	}
	if i.Kind == "bridge" || i.Kind == "virtual" {
		rank += 2
	}
	if !addr.Is4() {
		rank++
	}
	return rank
}

// defaultDevice is the device of the default route, IPv4 before IPv6.
func defaultDevice(facts fact.Set) string {
	device := ""
	for _, r := range facts.Routes.Value {
		if !r.To.IsValid() || r.To.Bits() != 0 {
			continue
		}
		if r.To.Addr().Is4() {
			return r.Device
		}
		if device == "" {
			device = r.Device
		}
	}
	return device
}
