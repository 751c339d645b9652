package link

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Group is hosts that do the same job: siblings.
type Group struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"` // sorted, two at least
	Runs  string   `json:"runs"`  // the kind of their first service
}

// everywhere is the share of hosts from which on a service is part of the
// furniture (an agent, a name server) and tells nothing of what a host is for.
const everywhere = 0.6

// Groups finds the hosts that do the same job: those with names that differ in
// their numbers only and that share a service, where both have any; those of
// which one is the other's replica; those that a person put together; and those
// with the same services behind the same client.
func (m Map) Groups() []Group {
	g := grouper{jobs: m.jobs(), parent: map[string]string{}}
	names := make([]string, 0, len(m.Hosts))
	for _, h := range m.Hosts {
		names = append(names, h.Name)
		g.parent[h.Name] = h.Name
	}
	g.byBox(names, func(name string) string { return stem(name) })
	g.byClient(m)
	boxes := map[[2]string]string{}
	for _, h := range m.Hosts {
		box := [2]string{h.Group, h.Runs}
		if other, ok := boxes[box]; ok && h.Group != "" {
			g.unite(other, h.Name)
		}
		boxes[box] = h.Name
	}
	for _, l := range m.Links {
		if l.Role == Replica {
			g.unite(l.From.Host, l.To.Host)
		}
	}
	return g.groups(m, names)
}

// kindOn is what a host of the map runs.
func (m Map) kindOn(name string) string {
	h, _ := m.Node(name)
	return h.Runs
}

// jobs are the services of each host that tell what it is for. Programs of the
// customer's own are told apart by their port.
func (m Map) jobs() map[string][]string {
	out, count := map[string][]string{}, map[string]int{}
	for _, s := range m.Services {
		if s.Local || s.Kind == "ssh" {
			continue
		}
		job := s.Kind
		if _, known := kindNamed(s.Kind); !known || TierOf(s.Kind) == App {
			job = fmt.Sprintf("%s:%d", s.Kind, s.Port)
		}
		if !slices.Contains(out[s.Host], job) {
			out[s.Host] = append(out[s.Host], job)
			count[job]++
		}
	}
	const few = 5 // hosts, among which nothing is furniture
	if len(out) < few {
		return out
	}
	for host, jobs := range out {
		kept := slices.DeleteFunc(slices.Clone(jobs), func(job string) bool {
			return float64(count[job]) > everywhere*float64(len(out))
		})
		if len(kept) > 0 { // in a fleet of one kind, its service is no furniture
			out[host] = kept
		}
	}
	return out
}

// stem is a host's name without its domain and its numbers; empty for an
// address.
func stem(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, strings.ToLower(name)), "-_")
}

// A grouper unites hosts into groups.
type grouper struct {
	jobs   map[string][]string
	parent map[string]string
}

func (g *grouper) find(name string) string {
	for g.parent[name] != name {
		name = g.parent[name]
	}
	return name
}

func (g *grouper) unite(a, b string) {
	if g.parent[a] == "" || g.parent[b] == "" {
		return
	}
	a, b = g.find(a), g.find(b)
	g.parent[max(a, b)] = min(a, b)
}

// byBox unites hosts of one box that share a job, or of which one has none: its
// service may be down.
func (g *grouper) byBox(names []string, box func(string) string) {
	boxes := map[string][]string{}
	for _, name := range names {
		if b := box(name); b != "" {
			boxes[b] = append(boxes[b], name)
		}
	}
	for _, members := range boxes {
		first := map[string]string{} // member by job
		for _, name := range members {
			for _, job := range g.jobs[name] {
				if other, ok := first[job]; ok {
					g.unite(other, name)
				}
				first[job] = name
			}
		}
		g.idle(members)
	}
}

// idle unites the members without any job with the others, where those are one
// group.
func (g *grouper) idle(members []string) {
	var roots, idle []string
	for _, name := range members {
		if len(g.jobs[name]) == 0 {
			idle = append(idle, name)
		} else if root := g.find(name); !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	if len(roots) > 1 || len(idle) == 0 {
		return
	}
	for _, name := range append(idle, roots...) {
		g.unite(idle[0], name)
	}
}

// byClient unites hosts with the very same jobs that one process calls on the
// same port, as a balancer calls its backends.
func (g *grouper) byClient(m Map) {
	first := map[string]string{}
	for _, l := range m.Links {
		if l.Within || l.Login || l.From.Host == "" || l.To.Host == "" || TierOf(l.Kind) > App {
			continue
		}
		jobs := slices.Sorted(slices.Values(g.jobs[l.To.Host]))
		if len(jobs) == 0 {
			continue
		}
		k := fmt.Sprintf("%s\x00%s\x00%d\x00%s", l.From.Host, l.From.Process, l.Port, strings.Join(jobs, " "))
		if other, ok := first[k]; ok {
			g.unite(other, l.To.Host)
		} else {
			first[k] = l.To.Host
		}
	}
}

// groups are those with two hosts or more, by name.
func (g *grouper) groups(m Map, names []string) []Group {
	members := map[string][]string{}
	for _, name := range names {
		root := g.find(name)
		members[root] = append(members[root], name)
	}
	out := []Group{}
	for _, hosts := range members {
		if len(hosts) < 2 {
			continue
		}
		slices.Sort(hosts)
		hosts = slices.Compact(hosts)
		runs := ""
		for _, h := range hosts {
			if runs == "" {
				runs = m.kindOn(h)
			}
		}
		out = append(out, Group{Name: groupName(hosts), Hosts: hosts, Runs: runs})
	}
	slices.SortFunc(out, func(a, b Group) int { return strings.Compare(a.Hosts[0], b.Hosts[0]) })
	return out
}

// groupName is the stem that all share, or else the first and the last.
func groupName(hosts []string) string {
	if s := stem(hosts[0]); s != "" && !slices.ContainsFunc(hosts, func(h string) bool { return stem(h) != s }) {
		return s
	}
	return hosts[0] + "…" + hosts[len(hosts)-1]
}

// An Oddity is one thing in which a host differs from its siblings.
type Oddity struct {
	Host     string   `json:"host"`
	Group    string   `json:"group"`
	What     string   `json:"what"`     // os, kernel, version, service, firewall, configuration, file, names, resolver, zone, size, route, link, clock
	Subject  string   `json:"subject"`  // of what: MySQL, Spring on port 8080; empty for os and kernel
	Has      string   `json:"has"`      // what this host has
	Usual    string   `json:"usual"`    // what most of the others have
	Siblings []string `json:"siblings"` // those that have the usual
	Since    string   `json:"since"`    // what changed it, where the facts show that; empty where nothing could
}

// Key names the item among its siblings.
func (o Oddity) Key() string { return strings.TrimSpace(o.What + " " + o.Subject) }

// Odd names the hosts that differ from most of their siblings. Where as many have
// the one as the other, the first host's is the usual.
func (m Map) Odd(fleet inventory.Fleet, groups []Group) []Oddity {
	facts := map[string]*fact.Set{}
	for n := range fleet.Hosts {
		facts[fleet.Hosts[n].Name] = &fleet.Hosts[n].Facts
	}
	var out []Oddity
	for _, g := range groups {
		out = append(out, g.differ(facts, "os", "", osText)...)
		out = append(out, g.differ(facts, "kernel", "", kernelText)...)
		out = append(out, m.versions(g, facts)...)
		out = append(out, m.missing(g, facts)...)
		out = append(out, m.setUp(g, facts)...)
	}
	return out
}

func osText(f *fact.Set) string {
	if !f.OS.Known() {
		return ""
	}
	return strings.TrimSpace(f.OS.Value.Name + " " + f.OS.Value.Version)
}

func kernelText(f *fact.Set) string {
	if !f.Kernel.Known() {
		return ""
	}
	return strings.TrimSpace(f.Kernel.Value.Name + " " + f.Kernel.Value.Release)
}

// differ compares one text of the siblings; a host without it is left out.
func (g Group) differ(facts map[string]*fact.Set, what, subject string, text func(*fact.Set) string) []Oddity {
	by := map[string][]string{} // hosts by what they have
	var order []string
	for _, h := range g.Hosts {
		if facts[h] == nil {
			continue
		}
		value := text(facts[h])
		if value == "" {
			continue
		}
		if by[value] == nil {
			order = append(order, value)
		}
		by[value] = append(by[value], h)
	}
	usual := ""
	for _, value := range order {
		if len(by[value]) > len(by[usual]) {
			usual = value
		}
	}
	var out []Oddity
	for _, value := range order {
		for _, h := range by[value] {
			if value != usual {
				out = append(out, Oddity{Host: h, Group: g.Name, What: what, Subject: subject, Has: value, Usual: usual, Siblings: by[usual]})
			}
		}
	}
	return out
}

// versions compares the versions of services that siblings have in common.
func (m Map) versions(g Group, facts map[string]*fact.Set) []Oddity {
	titles := map[string]map[string]string{} // version by host, by title
	var order []string
	for _, h := range g.Hosts {
		for _, s := range m.On(h) {
			if s.Version == "" || !s.Sure || s.Kind == "ssh" {
				continue
			}
			if titles[s.Title] == nil {
				titles[s.Title] = map[string]string{}
				order = append(order, s.Title)
			}
			titles[s.Title][h] = s.Version
		}
	}
	var out []Oddity
	for _, title := range order {
		byFacts := map[*fact.Set]string{}
		for h, version := range titles[title] {
			byFacts[facts[h]] = version
		}
		out = append(out, g.differ(facts, "version", title, func(f *fact.Set) string { return byFacts[f] })...)
	}
	for n, o := range out {
		out[n].Since = upgraded(facts[o.Host], o.Has)
	}
	return out
}

// upgraded finds the change that brought a version.
func upgraded(f *fact.Set, version string) string {
	for _, c := range f.Changes.Value {
		if c.Kind == "package" && strings.Contains(c.What, version) {
			return "since " + c.At.UTC().Format("2006-01-02 15:04 UTC") + ": " + c.What
		}
	}
	return untold
}

// missing names hosts that do not listen where all their siblings do: two at
// least, since of a pair one may rest.
func (m Map) missing(g Group, facts map[string]*fact.Set) []Oddity {
	on := map[Service][]string{} // hosts by kind and port
	var order []Service
	var told []string // hosts whose sockets were read
	for _, h := range g.Hosts {
		if facts[h] == nil || !facts[h].Sockets.Known() {
			continue
		}
		told = append(told, h)
		for _, s := range m.On(h) {
			k := Service{Kind: s.Kind, Title: s.Title, Port: s.Port}
			if s.Local || s.Kind == "ssh" || !s.Sure {
				continue
			}
			if on[k] == nil {
				order = append(order, k)
			}
			on[k] = append(on[k], h)
		}
	}
	var out []Oddity
	for _, k := range order {
		if len(on[k]) < 2 || len(on[k]) != len(told)-1 {
			continue
		}
		n := slices.IndexFunc(told, func(h string) bool { return !slices.Contains(on[k], h) })
		if _, other := m.Find(told[n], k.Port); other {
			continue // something else is there, or the same by another name
		}
		out = append(out, Oddity{
			Host: told[n], Group: g.Name, What: "service", Subject: fmt.Sprintf("%s on port %d", k.Title, k.Port),
			Has: "nothing listens", Usual: "listens", Siblings: on[k],
		})
	}
	return out
}
