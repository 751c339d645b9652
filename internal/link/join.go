package link

import (
	"net/netip"
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// maxLinks bounds what hosts can make us remember.
const maxLinks = 100_000

// Join draws the map of a fleet. samples are earlier visits, of which what was
// known last is none too many; draft is what people declared.
func Join(fleet inventory.Fleet, samples []Sample, draft Draft) Map {
	j := joiner{
		hosts: map[string]*machine{}, owners: map[netip.Addr][]string{},
	}
	j.meet(fleet, samples)
	sockets := 0
	for _, s := range j.samples {
		sockets += len(s.Sockets.Connections)
	}
	j.links = make(map[key]*Link, min(sockets/2, maxLinks)) // most are seen from both ends
	for _, s := range j.samples {
		j.read(s)
	}
	m := Map{Services: j.services(), Links: j.settled()}
	m.Hosts = nodes(fleet, j, m, draft)
	m.configure(&j)
	m.declare(draft, j)
	m.roles(j)
	return m
}

// A machine is what is known of one host, from all its samples.
type machine struct {
	inventory.Host

	listens map[uint16][]fact.Listener // TCP, by port
	serves  map[uint16]Service         // what was made of them
	told    bool                       // its sockets were read
	virtual []netip.Addr
}

// A joiner collects links while samples are read.
type joiner struct {
	hosts   map[string]*machine
	owners  map[netip.Addr][]string // hosts by address, those that have it now first
	samples []Sample
	links   map[key]*Link
}

// meet learns the hosts, their addresses and what they listen on.
func (j *joiner) meet(fleet inventory.Fleet, samples []Sample) {
	for _, h := range fleet.Hosts {
		m := &machine{Host: h, listens: map[uint16][]fact.Listener{}, serves: map[uint16]Service{}, told: h.Facts.Sockets.Known()}
		m.virtual = virtual(h)
		j.hosts[h.Name] = m
		if m.told {
			j.samples = append(j.samples, Sample{h.Name, h.Facts.Sockets.At, h.Facts.Sockets.Value, h.Facts.Interfaces.Value})
		}
		if addr, err := netip.ParseAddr(h.Access.Address); err == nil {
			j.own(addr, h.Name)
		}
	}
	for _, s := range samples {
		if j.hosts[s.Host] != nil {
			j.samples = append(j.samples, s)
		}
	}
	for _, s := range j.samples {
		for _, i := range s.Interfaces {
			for _, p := range i.Addresses {
				j.own(p.Addr(), s.Host)
			}
		}
		for _, l := range s.Sockets.Listeners {
			j.hosts[s.Host].listen(l)
		}
	}
}

// own remembers whose an address is. Loopback and link-local addresses are
// everybody's.
func (j *joiner) own(addr netip.Addr, host string) {
	addr = plainAddress(addr)
	if !addr.IsValid() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || slices.Contains(j.owners[addr], host) {
		return
	}
	j.owners[addr] = append(j.owners[addr], host)
}

// listen remembers a listener; samples are read from the newest to the oldest,
// and the first to name a process is right.
func (m *machine) listen(l fact.Listener) {
	if l.Proto != "tcp" {
		return
	}
	port := uint16(l.Port)
	for n, have := range m.listens[port] {
		if have.Addr == l.Addr {
			if have.Process == "" {
				m.listens[port][n] = l
			}
			return
		}
	}
	m.listens[port] = append(m.listens[port], l)
}

// takes reports whether something on the host listens on an address and port.
func (m *machine) takes(to netip.AddrPort) bool {
	return slices.ContainsFunc(m.listens[to.Port()], func(l fact.Listener) bool {
		return everyAddress(l) || l.Addr == to.Addr()
	})
}

// read adds what one sample shows.
func (j *joiner) read(s Sample) {
	for _, c := range s.Sockets.Connections {
		if c.Inbound {
			j.inbound(s, c)
		} else {
			j.outbound(s, c)
		}
	}
}

// outbound is a connection to somewhere, or one whose listener is gone.
func (j *joiner) outbound(s Sample, c fact.Connection) {
	remote := netip.AddrPortFrom(plainAddress(c.Remote.Addr()), c.Remote.Port())
	if !remote.IsValid() || remote.Addr().IsUnspecified() {
		return
	}
	owner := j.owner(s.Host, remote)
	l := Link{From: End{Host: s.Host, Process: c.Process}, To: End{Host: owner, Address: remote.Addr().String()}, Port: int(remote.Port()), ByClient: true}
	if m := j.hosts[owner]; m != nil && m.told && !m.takes(remote) {
		if j.answers(m, s.Host, remote.Port()) {
			return // it is the other end that called, and says so
		}
		l.Doubt = "nothing listens there: it may be redirected, or gone"
	}
	j.note(l, s, c)
}

// answers reports whether a connection to a port without a listener was made by
// the other end: its listener has closed, and now both look like clients. The
// lower of the two ports was the service's.
func (j *joiner) answers(m *machine, caller string, port uint16) bool {
	return slices.ContainsFunc(m.Facts.Sockets.Value.Connections, func(c fact.Connection) bool {
		return !c.Inbound && c.Remote.Port() < port && slices.Contains(j.owners[plainAddress(c.Remote.Addr())], caller) &&
			!j.hosts[caller].takes(c.Remote)
	})
}

// inbound is a connection from somewhere to a listener of the host.
func (j *joiner) inbound(s Sample, c fact.Connection) {
	remote := plainAddress(c.Remote.Addr())
	if !remote.IsValid() {
		return
	}
	from := End{Host: j.owner(s.Host, netip.AddrPortFrom(remote, 0))}
	if from.Host == "" {
		from.Address = outside(remote)
	}
	local := plainAddress(c.Local.Addr())
	j.note(Link{From: from, To: End{Host: s.Host, Address: local.String(), Process: c.Process}, Port: int(c.Local.Port()), ByServer: true}, s, c)
}

// outside is a client that is none of our hosts: strangers from everywhere are
// one.
func outside(addr netip.Addr) string {
	if addr.IsPrivate() || addr.IsLinkLocalUnicast() {
		return addr.String()
	}
	return Internet
}

// owner is the host that an address belongs to, as another host sees it. Its own
// addresses are its own, whoever else has the same (every Docker has one). Of
// several that remain, it is the one that has a listener there now; a virtual
// address is where it was seen last.
func (j *joiner) owner(from string, to netip.AddrPort) string {
	addr := to.Addr()
	owners := j.owners[addr]
	switch {
	case addr.IsLoopback(), slices.Contains(owners, from):
		return from
	case len(owners) == 0:
		return ""
	case len(owners) == 1:
		return owners[0]
	}
	if j.oneMachine(owners) {
		return owners[0]
	}
	var now []string
	for _, name := range owners {
		if m := j.hosts[name]; has(m.Host, addr) && (to.Port() == 0 || m.takes(to)) {
			now = append(now, name)
		}
	}
	if len(now) != 1 {
		return ""
	}
	return now[0]
}

// oneMachine reports whether several hosts of the inventory are the same one.
func (j *joiner) oneMachine(names []string) bool {
	id := j.hosts[names[0]].Facts.MachineID.Value
	return id != "" && !slices.ContainsFunc(names, func(name string) bool { return j.hosts[name].Facts.MachineID.Value != id })
}

// has reports whether a host has an address now.
func has(h inventory.Host, addr netip.Addr) bool {
	return slices.ContainsFunc(h.Facts.Interfaces.Value, func(i fact.Interface) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return plainAddress(p.Addr()) == addr })
	})
}

// note adds one observation of a link to what is known of it.
func (j *joiner) note(l Link, s Sample, c fact.Connection) {
	l.Observed, l.State, l.Count = true, Established, c.Count
	if c.State == "syn-sent" {
		l.State = Attempted
	}
	l.First, l.Last = s.At, s.At
	l.Within = l.From.Host != "" && l.From.Host == l.To.Host
	have := j.links[l.key()]
	if have == nil {
		if len(j.links) < maxLinks {
			j.links[l.key()] = &l
		}
		return
	}
	have.absorb(l)
}

// absorb adds what another observation of the same link shows.
func (l *Link) absorb(o Link) {
	if o.State == Established {
		l.State = Established
	}
	l.Count = max(l.Count, o.Count)
	l.ByClient, l.ByServer = l.ByClient || o.ByClient, l.ByServer || o.ByServer
	l.First, l.Last = earlier(l.First, o.First), later(l.Last, o.Last)
	if l.To.Process == "" {
		l.To.Process = o.To.Process
	}
	if l.Doubt != "" && o.ByServer {
		l.Doubt = ""
	}
}

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settled are the links in order. One end alone does not know the other's
// process, and a connection that is closing has none any more: both are folded
// into the link that has.
func (j *joiner) settled() []Link {
	all := j.sorted()
	out := make([]Link, 0, len(all))
	for n, l := range all {
		if l.From.Process == "" && n+1 < len(all) && l.ends() == all[n+1].ends() { // it comes before those with a name
			all[n+1].absorb(*l)
			continue
		}
		j.describe(l)
		out = append(out, *l)
	}
	return out
}

func (j *joiner) sorted() []*Link {
	all := make([]*Link, 0, len(j.links))
	for _, l := range j.links {
		all = append(all, l)
	}
	slices.SortFunc(all, compareEnds)
	return all
}

// describe names the service of a link.
func (j *joiner) describe(l *Link) {
	s, ok := j.service(l.To.Host, l.Port)
	if !ok {
		if k, known := kindAt(l.Port); known {
			l.Kind = k.name
		}
	} else {
		l.Kind = s.Kind
		if l.To.Process == "" {
			l.To.Process = s.Process
		}
	}
	l.Login = l.Kind == "ssh"
}

// service recognises what a host has on a port.
func (j *joiner) service(host string, port int) (Service, bool) {
	m := j.hosts[host]
	if m == nil || len(m.listens[uint16(port)]) == 0 {
		return Service{}, false
	}
	if s, ok := m.serves[uint16(port)]; ok {
		return s, true
	}
	listeners := m.listens[uint16(port)]
	s := recognise(host, listeners[0], m.Facts.Packages.Value)
	for _, l := range listeners {
		s.Local = s.Local && l.Local
	}
	for _, r := range m.Facts.Replies.Value {
		if r.Port == port {
			s.answered(r)
		}
	}
	m.serves[uint16(port)] = s
	return s, true
}

func (j *joiner) services() []Service {
	out := []Service{}
	for name, m := range j.hosts {
		for port := range m.listens {
			s, _ := j.service(name, int(port))
			out = append(out, s)
		}
	}
	slices.SortFunc(out, byPlace)
	return out
}
