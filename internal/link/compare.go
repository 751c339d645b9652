package link

import "slices"

// A Change is what became of a host or a link between two moments.
type Change string

// The changes. Nothing is Same that nobody looked at again, and nothing is Gone
// either: it is as it was.
const (
	Same    Change = ""
	Added   Change = "added"
	Gone    Change = "gone"
	Changed Change = "changed"
)

// A Difference is two maps in one, with what became of each host and link.
type Difference struct {
	Map   Map
	Hosts map[string]Change // by name; those that changed
	Links []Change          // as the map's links
}

// ends is what makes two links of different moments the same one: a process has
// another name after a restart, and its host talks to the same service.
type ends struct {
	from, to string
	port     int
}

func (l *Link) ends() ends { return ends{l.From.Name(), l.To.Name(), l.Port} }

// Compare lays a map over an earlier one. The later map is of what was seen since
// the earlier one alone; looked tells whose sockets were read since. What a host
// showed once and does not show again is gone only when all of the ends that
// showed it were looked at again.
func Compare(before, after Map, looked func(host string) bool) Difference {
	d := Difference{Map: after, Hosts: map[string]Change{}}
	d.Map.Links, d.Map.Hosts, d.Map.Services = slices.Clone(after.Links), slices.Clone(after.Hosts), slices.Clone(after.Services)
	d.hosts(before, looked)
	was := map[ends]Link{}
	for _, l := range before.Links {
		was[l.ends()] = better(was[l.ends()], l)
	}
	is := map[ends]bool{}
	for n, l := range d.Map.Links {
		is[l.ends()] = true
		old, had := was[l.ends()]
		change := Same
		switch {
		case !had:
			change = Added
		case l.State != old.State && !l.Observed && !old.seenAgain(looked):
			d.Map.Links[n] = old
		case l.State != old.State:
			change = Changed
		}
		d.Links = append(d.Links, change)
	}
	for _, l := range before.Links {
		if is[l.ends()] {
			continue
		}
		is[l.ends()] = true
		l = was[l.ends()]
		change := Gone
		if l.Observed && !l.seenAgain(looked) {
			change = Same
		}
		d.Map.Links, d.Links = append(d.Map.Links, l), append(d.Links, change)
	}
	return d
}

// better is the link that was seen to go further, of two with the same ends.
func better(a, b Link) Link {
	order := []State{"", Silent, Attempted, Established}
	if slices.Index(order, b.State) > slices.Index(order, a.State) {
		return b
	}
	return a
}

// seenAgain reports whether every host that showed the link was looked at again.
func (l Link) seenAgain(looked func(string) bool) bool {
	if !l.ByClient && !l.ByServer { // a test or a person said so
		return looked(l.From.Host)
	}
	return (!l.ByClient || looked(l.From.Host)) && (!l.ByServer || looked(l.To.Host))
}

// hosts compares the hosts, and keeps what was known of those that nobody has
// looked at again.
func (d *Difference) hosts(before Map, looked func(string) bool) {
	for n, h := range d.Map.Hosts {
		old, had := before.Node(h.Name)
		switch {
		case !had:
			d.Hosts[h.Name] = Added
		case !h.Visited && old.Visited && !looked(h.Name):
			d.Map.Hosts[n].Runs, d.Map.Hosts[n].Visited = old.Runs, true
			if len(d.Map.On(h.Name)) == 0 {
				d.Map.Services = append(d.Map.Services, before.On(h.Name)...)
				slices.SortStableFunc(d.Map.Services, byPlace)
			}
		case looked(h.Name) && old.Visited && h.Runs != old.Runs:
			d.Hosts[h.Name] = Changed
		}
	}
	for _, h := range before.Hosts {
		if _, still := d.Map.Node(h.Name); !still {
			d.Map.Hosts = append(d.Map.Hosts, h)
			d.Map.Services = append(d.Map.Services, before.On(h.Name)...)
			d.Hosts[h.Name] = Gone
		}
	}
	slices.SortStableFunc(d.Map.Services, byPlace)
}
