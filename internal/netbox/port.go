package netbox

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// passing are interfaces that come and go with containers and guests.
var passing = []string{"veth", "cali", "cni", "docker", "br-", "virbr", "flannel", "tap", "lxc", "ifb", "vnet", "fwbr", "fwpr", "fwln"}

// kept reports whether an interface belongs into an inventory.
func kept(i fact.Interface) bool {
	return i.Kind != "loopback" && i.Name != "" && len(i.Name) <= 64 &&
		!slices.ContainsFunc(passing, func(p string) bool { return strings.HasPrefix(i.Name, p) })
}

func (m *mapper) interfaces(h inventory.Host, of Wanted) map[string]Ref {
	ports := map[string]Ref{}
	if !h.Facts.Interfaces.Known() {
		return ports
	}
	kind, parent := Interface, "device"
	if of.Kind == VM {
		kind, parent = VMInterface, "virtual_machine"
	}
	list := slices.DeleteFunc(slices.Clone(h.Facts.Interfaces.Value), func(i fact.Interface) bool { return !kept(i) })
	for _, i := range list {
		ports[i.Name] = Ref{kind, h.Name + " " + i.Name}
	}
	for _, i := range list {
		fields := map[string]any{parent: of.ref(), "name": i.Name}
		portFields(i, kind, list, ports, fields)
		m.add(Wanted{Kind: kind, Key: ports[i.Name].Key, Host: h.Name, Fields: fields})
	}
	return ports
}

func portFields(i fact.Interface, kind Kind, all []fact.Interface, ports map[string]Ref, fields map[string]any) {
	if i.State == "up" || i.State == "down" {
		fields["enabled"] = i.State == "up"
	}
	if i.MTU > 0 && i.MTU <= 65536 {
		fields["mtu"] = int64(i.MTU)
	}
	if len(i.MAC) == len("00:00:00:00:00:00") && ownMAC(i, all) {
		fields["mac_address"] = strings.ToUpper(i.MAC)
	}
	if kind == Interface {
		fields["type"] = portType(i)
		if i.SpeedMbit > 0 {
			fields["speed"] = int64(i.SpeedMbit) * 1000
		}
	}
	if master, ok := ports[i.Master]; ok {
		switch {
		case kindNamed(all, i.Master) == "bridge":
			fields["bridge"] = master
		case kind == Interface:
			fields["lag"] = master
		}
	}
}

func kindNamed(all []fact.Interface, name string) string {
	for _, i := range all {
		if i.Name == name {
			return i.Kind
		}
	}
	return ""
}

// ownMAC reports whether the address is the interface's own, not lent by the one
// below it as bonds, bridges and VLANs do.
func ownMAC(i fact.Interface, all []fact.Interface) bool {
	for _, other := range all {
		if other.MAC == i.MAC && other.Name != i.Name && i.Kind != "physical" {
			return false
		}
	}
	return true
}

func portType(i fact.Interface) string {
	switch i.Kind {
	case "bond":
		return "lag"
	case "bridge":
		return "bridge"
	case "vlan", "virtual":
		return "virtual"
	}
	switch i.SpeedMbit {
	case 1000:
		return "1000base-t"
	case 10000:
		return "10gbase-x-sfpp"
	case 25000:
		return "25gbase-x-sfp28"
	case 40000:
		return "40gbase-x-qsfpp"
	case 100000:
		return "100gbase-x-qsfp28"
	}
	return "other"
}

// addresses are those of a host that mean something outside it.
func addresses(f fact.Set) []netip.Prefix {
	var list []netip.Prefix
	for _, i := range f.Interfaces.Value {
		if !kept(i) {
			continue
		}
		for _, p := range i.Addresses {
			if global(p) && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// global reports whether NetBox takes the address on an interface.
func global(p netip.Prefix) bool {
	a := p.Addr()
	if !a.IsValid() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || p.Bits() == 0 {
		return false
	}
	return p.Bits() >= a.BitLen()-1 || a != p.Masked().Addr() && a != broadcast(p)
}

// broadcast is the last address of an IPv4 network; others have none.
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(b)
}

func (m *mapper) addressesOf(h inventory.Host, of Wanted, ports map[string]Ref) {
	for _, i := range h.Facts.Interfaces.Value {
		port, ok := ports[i.Name]
		if !ok {
			continue
		}
		for _, p := range i.Addresses {
			if global(p) {
				m.address(h, of, port, p)
			}
		}
	}
}

func (m *mapper) address(h inventory.Host, of Wanted, port Ref, p netip.Prefix) {
	w := Wanted{Kind: Address, Key: p.Addr().String(), Host: h.Name}
	if holders := m.addresses[p.Addr()]; len(holders) > 1 {
		w.Doubt = "several hosts hold it: " + strings.Join(holders, ", ")
		m.add(w)
		return
	}
	w.Fields = map[string]any{
		"address": p.String(), "status": "active",
		"assigned_object_type": kinds[port.Kind].model, "assigned_object_id": port,
	}
	m.add(w)
	m.prefix(p.Masked())
	m.primary(h, of, w)
}

// primary makes an address the host's primary one: the one it was reached by, or
// else its first of the family.
func (m *mapper) primary(h inventory.Host, of Wanted, address Wanted) {
	field := "primary_ip6"
	if addr, err := netip.ParseAddr(address.Key); err == nil && addr.Is4() {
		field = "primary_ip4"
	}
	if _, taken := of.Fields[field]; !taken || address.Key == h.Access.Address {
		of.Fields[field] = address.ref()
	}
}

func (m *mapper) prefix(p netip.Prefix) {
	if p.Bits() >= p.Addr().BitLen()-1 {
		return
	}
	m.add(Wanted{Kind: Prefix, Key: p.String(), Fields: map[string]any{
		"prefix": p.String(), "status": "active", "scope_type": kinds[Site].model, "scope_id": m.named(Site, m.place.Site, nil),
	}})
}
