package link

// About is what of a map concerns the hosts for which is holds: their links, and the
// hosts at the other ends. Addresses that belong to no host are asked for as well.
func (m Map) About(is func(name string) bool) Map {
	near := map[string]bool{}
	out := Map{Services: m.Services, Links: []Link{}, Hosts: []Node{}}
	for _, l := range m.Links {
		if !is(l.From.Name()) && !is(l.To.Name()) {
			continue
		}
		out.Links = append(out.Links, l)
		near[l.From.Host], near[l.To.Host] = true, true
	}
	for _, h := range m.Hosts {
		if near[h.Name] || is(h.Name) {
			out.Hosts = append(out.Hosts, h)
		}
	}
	for _, t := range m.Tests {
		if is(t.From) || is(t.To) {
			out.Tests = append(out.Tests, t)
		}
	}
	return out
}
