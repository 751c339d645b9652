package link

import (
	"net/netip"
	"slices"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// The roles of a service among its like.
const (
	Main    = "main"
	Replica = "replica"
	Active  = "active"
	Standby = "standby"
)

// replicates are the kinds whose replica calls its main.
var replicates = []string{"mysql", "mariadb", "postgresql", "redis"}

// movers are the programs that move an address from one host to another.
var movers = []string{"keepalived", "corosync", "pacemakerd", "ucarp", "vrrpd", "heartbeat"}

// virtual are the addresses of a host that may move to another: those that its
// configuration names; where nobody could read that and something that moves
// addresses runs, those that stand alone in their network or behind the first of
// their interface.
func virtual(h inventory.Host) []netip.Addr {
	if !moves(h) {
		return nil
	}
	named := map[string]bool{}
	for _, r := range h.Facts.VirtualRouters.Value {
		for _, a := range r.Addresses {
			named[a] = true
		}
	}
	var out []netip.Addr
	for _, i := range h.Facts.Interfaces.Value {
		if i.Kind == "loopback" {
			continue
		}
		first := map[bool]bool{} // by family
		for _, p := range i.Addresses {
			addr := plainAddress(p.Addr())
			if addr.IsLinkLocalUnicast() || addr.IsLoopback() {
				continue
			}
			if named[addr.String()] || len(named) == 0 && (p.IsSingleIP() || first[addr.Is4()]) {
				out = append(out, addr)
			}
			first[addr.Is4()] = true
		}
	}
	return out
}

func moves(h inventory.Host) bool {
	return slices.ContainsFunc(h.Facts.Processes.Value, func(p fact.Process) bool { return slices.Contains(movers, p.Name) })
}

// roles tells mains from replicas by who calls whom, or is told to, and active hosts from
// standing-by ones by who has the address that moves.
func (m *Map) roles(j joiner) {
	for n, l := range m.Links {
		if !l.Observed && !l.Configured || l.Within || l.From.Host == "" || l.To.Host == "" {
			continue
		}
		m.replication(n, l)
	}
	m.standby(j)
}

func (m *Map) replication(n int, l Link) {
	to, ok := m.at(l.To.Host, l.Port)
	if !ok || !slices.Contains(replicates, to.Kind) || l.From.Process == "" || l.From.Process != to.Process && !l.sameKind(to.Kind) {
		return
	}
	from := m.like(l.From.Host, to.Kind, l.Port)
	if from == nil || from == to {
		return
	}
	m.Links[n].Role = Replica
	from.Role = Replica
	if to.Role == "" {
		to.Role = Main
	}
}

// sameKind reports whether a configured link is one of its service's own kind:
// the file does not tell under which of its names the program runs.
func (l Link) sameKind(kind string) bool {
	of, ok := kindOf(fact.Listener{Process: l.From.Process})
	return l.Configured && ok && (of.name == kind || of.name == "mysql" && kind == "mariadb" || of.name == "mariadb" && kind == "mysql")
}

// at is the service on a host's port, to be changed.
func (m *Map) at(host string, port int) (*Service, bool) {
	n, ok := slices.BinarySearchFunc(m.Services, Service{Host: host, Port: port}, byPlace)
	if !ok {
		return nil, false
	}
	return &m.Services[n], true
}

// like is a host's service of a kind, rather the one on this port.
func (m *Map) like(host, kind string, port int) *Service {
	if s, ok := m.at(host, port); ok && s.Kind == kind {
		return s
	}
	for n := range m.Services {
		if s := &m.Services[n]; s.Host == host && s.Kind == kind {
			return s
		}
	}
	return nil
}

// standby marks the services in front of which an address moves. Where no host
// has one, nobody is active, and nothing is said.
func (m *Map) standby(j joiner) {
	active := map[string]bool{} // kinds, with one host at least that has the address
	for n := range m.Services {
		if s := m.Services[n]; m.front(j, s) && len(j.hosts[s.Host].virtual) > 0 {
			active[s.Kind] = true
		}
	}
	for n := range m.Services {
		s := &m.Services[n]
		if !active[s.Kind] || !m.front(j, *s) {
			continue
		}
		s.Role = Standby
		if len(j.hosts[s.Host].virtual) > 0 {
			s.Role = Active
		}
	}
}

// front reports whether a service is one that an address moves for.
func (m *Map) front(j joiner, s Service) bool {
	return s.Role == "" && !s.Local && s.Kind != "ssh" && moves(j.hosts[s.Host].Host)
}
