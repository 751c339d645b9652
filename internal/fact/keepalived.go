package fact

import (
	"net/netip"
	"strings"
)

// A VirtualRouter is what a host does for addresses that move between hosts by
// VRRP, as its configuration says.
type VirtualRouter struct {
	Name      string   `json:"name"`
	ID        int      `json:"id"`
	State     string   `json:"state"`    // it begins in: master, backup
	Priority  int      `json:"priority"` // of the hosts that are up, the one with the highest has the addresses
	Interface string   `json:"interface"`
	Addresses []string `json:"addresses"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
}

// Key names the item in its list.
func (v VirtualRouter) Key() string { return v.Name }

func virtualRoutersFact() Fact {
	return define("virtual_routers", "the addresses that keepalived moves between hosts", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]VirtualRouter] { return &s.VirtualRouters }, parseVirtualRouters)
}

func parseVirtualRouters(r Raw) Observed[[]VirtualRouter] {
	d := r.configurations()
	return configured(d, r, d.routers, "keepalived.conf")
}

// keepalived reads what a host does for each address that moves. Only words that
// are no secret are asked for.
func (d *configurationReader) keepalived(file string, lines []numbered) {
	var now *VirtualRouter
	addresses := false
	for _, l := range lines {
		text, _, _ := strings.Cut(l.text, "#")
		text, _, _ = strings.Cut(text, "!")
		f := strings.Fields(strings.NewReplacer("{", " ", "}", " } ").Replace(text))
		if len(f) == 0 {
			continue
		}
		value := ""
		if len(f) > 1 {
			value = clean(f[1])
		}
		switch {
		case f[0] == "vrrp_instance" && value != "" && len(d.routers) < maxItems:
			d.routers = append(d.routers, VirtualRouter{Name: value, State: "backup", Priority: 100, Addresses: []string{}, File: file, Line: l.number})
			now, addresses = &d.routers[len(d.routers)-1], false
		case now == nil:
		case f[0] == "state":
			now.State = strings.ToLower(value)
		case f[0] == "interface":
			now.Interface = value
		case f[0] == "priority":
			now.Priority = integer(value)
		case f[0] == "virtual_router_id":
			now.ID = integer(value)
		case strings.HasPrefix(f[0], "virtual_ipaddress"):
			addresses = true
			now.take(f[1:])
		case addresses:
			now.take(f)
		}
		if f[len(f)-1] == "}" {
			addresses = false
		}
	}
}

// take keeps the address that a line begins with, without the length of its
// network.
func (v *VirtualRouter) take(f []string) {
	if len(f) == 0 || len(v.Addresses) >= maxItems {
		return
	}
	text, _, _ := strings.Cut(f[0], "/")
	if addr, err := netip.ParseAddr(text); err == nil {
		v.Addresses = append(v.Addresses, addr.WithZone("").String())
	}
}
