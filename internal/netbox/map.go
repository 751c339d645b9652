package netbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// TagSlug marks everything that is ours.
const TagSlug = "nightcall"

// A Ref is another wanted object, as a field's value.
type Ref struct {
	Kind Kind   `json:"kind"`
	Key  string `json:"key"`
}

func (r Ref) String() string { return r.Key }

// A Wanted is one object that NetBox should hold.
type Wanted struct {
	Kind   Kind
	Key    string // unique in its kind: "web1", "web1 eth0", "10.0.0.7"
	Host   string // the host of the incident it was seen on; empty for what many share
	Fields map[string]any
	Doubt  string // why it must not be written, when mapping found that out

	content []byte   // of a picture
	fine    []string // slugs of the findings that are known to be no more
}

func (w Wanted) ref() Ref { return Ref{w.Kind, w.Key} }

// Placing says what no host can tell about itself.
type Placing struct {
	Site    string // where the hosts stand
	Cluster string // of hypervisors, for virtual machines; empty for none
}

// Notes are what is known about the hosts beside their facts.
type Notes struct {
	Incident string               // its id; empty for none
	Link     string               // where people read about it: a ticket, a page
	Roles    map[string]string    // what a host is there for, as its siblings show it
	Findings map[string][]Finding // of a host; nil when nobody judged, and then tags stay
	Fine     map[string][]string  // the checks that found nothing on a host: their tags go
	Diagram  []byte               // a PNG for the site; empty for none
	Drawn    string               // what the diagram shows, hashed: equal means not to be sent again
}

// A Finding is one thing that was found wrong with a host.
type Finding struct {
	ID       string // the same at the next scan
	Check    string
	Critical bool
	Summary  string // for technicians
	Business string // for everybody
}

// Map turns hosts into the objects that NetBox should hold, in the order in which
// they can be made. What a host could not tell is left out: unknown is not empty.
func Map(hosts []inventory.Host, place Placing, notes Notes) []Wanted {
	m := &mapper{wanted: Preparation(), place: place, notes: notes, seen: map[Ref]bool{}, names: map[string]int{}, identities: map[string]int{}, addresses: map[netip.Addr][]string{}}
	for _, h := range hosts {
		m.count(h)
	}
	for _, h := range hosts {
		m.host(h)
	}
	m.diagram()
	slices.SortStableFunc(m.wanted, func(a, b Wanted) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return m.wanted
}

// Preparation is what NetBox must hold before anything of ours: the tag and the
// custom fields.
func Preparation() []Wanted {
	hosts := kinds[Device].model + " " + kinds[VM].model
	field := func(name, kind, models, label string) Wanted {
		return Wanted{Kind: CustomField, Key: "nightcall_" + name, Fields: map[string]any{
			"name": "nightcall_" + name, "type": kind, "object_types": models, "label": label,
			"group_name": "nightcall", "filter_logic": "exact", "ui_editable": "no",
		}}
	}
	return []Wanted{
		{Kind: Tag, Key: TagSlug, Fields: map[string]any{"name": TagSlug, "slug": TagSlug, "color": "2196f3", "description": "Written by nightcall from what it observed"}},
		field("uid", "text", hosts, "Identity"),
		field("fqdn", "text", hosts, "Full name"),
		field("incident", "text", hosts, "Last incident"),
		field("os", "text", hosts, "Operating system"),
		field("kernel", "text", hosts, "Kernel"),
		field("arch", "text", hosts, "Architecture"),
		field("cpus", "integer", kinds[Device].model, "CPUs"),
		field("memory_mb", "integer", kinds[Device].model, "Memory (MB)"),
	}
}

// A mapper collects what the hosts want, and what they have in common.
type mapper struct {
	place      Placing
	notes      Notes
	wanted     []Wanted
	seen       map[Ref]bool
	names      map[string]int // how many hosts call themselves so
	identities map[string]int // how many hosts have this identity or serial
	addresses  map[netip.Addr][]string
}

func (m *mapper) count(h inventory.Host) {
	m.names[hostName(h)]++
	if id := identity(h.Facts); id != "" {
		m.identities[id]++
	}
	if serial := serial(h.Facts); serial != "" {
		m.identities[serial]++
	}
	for _, a := range addresses(h.Facts) {
		m.addresses[a.Addr()] = append(m.addresses[a.Addr()], h.Name)
	}
}

// add keeps an object; one that many share is kept once.
func (m *mapper) add(w Wanted) Ref {
	if !m.seen[w.ref()] {
		m.seen[w.ref()] = true
		m.wanted = append(m.wanted, w)
	}
	return w.ref()
}

// named adds an object of the catalogue, which has a name and a slug.
func (m *mapper) named(kind Kind, name string, more map[string]any) Ref {
	fields := map[string]any{"name": clip(name, 100), "slug": slug(name)}
	for k, v := range more {
		fields[k] = v
	}
	return m.add(Wanted{Kind: kind, Key: slug(name), Fields: fields})
}

// only is value when a single host of the run has it: what two hosts share
// identifies neither.
func (m *mapper) only(value string) string {
	if m.identities[value] > 1 {
		return ""
	}
	return value
}

// services are the listeners that others can reach, by process. Without root
// their owners are unknown, and names that come and go with it help nobody.
func (m *mapper) services(h inventory.Host, of Wanted) {
	if !h.Facts.Sockets.Known() || !h.Facts.Sockets.Value.Named {
		return
	}
	ports := map[string][]string{}
	for _, l := range h.Facts.Sockets.Value.Listeners {
		if l.Local || l.Process == "" || l.Proto == "udp" && l.Port >= 32768 {
			continue
		}
		name, port := clip(l.Process, 100), fmt.Sprintf("%s/%d", l.Proto, l.Port)
		if !slices.Contains(ports[name], port) {
			ports[name] = append(ports[name], port)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		list := slices.Sorted(slices.Values(ports[name]))
		m.add(Wanted{Kind: Service, Key: h.Name + " " + name, Host: h.Name, Fields: map[string]any{
			"parent_object_type": kinds[of.Kind].model, "parent_object_id": of.ref(), "name": name, "port_mappings": strings.Join(list, " "),
		}})
	}
}

// set fills a field with what is known.
func set(fields map[string]any, name, value string) {
	if value != "" {
		fields[name] = value
	}
}

// clip bounds a text to what NetBox takes, in runes, without control characters.
func clip(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	runes := []rune(strings.TrimSpace(s))
	return strings.TrimSpace(string(runes[:min(len(runes), limit)]))
}

// slug is a name as NetBox has it in addresses.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	return or(strings.TrimRight(s[:min(len(s), 100)], "-"), "unnamed")
}
