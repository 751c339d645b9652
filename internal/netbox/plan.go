package netbox

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// An Op is what a plan does with one object.
type Op string

// The ops.
const (
	Create   Op = "create"
	Update   Op = "update"
	Leave    Op = "leave"    // as it is, for Reason when there is one
	Conflict Op = "conflict" // it must not be touched before a person has looked
)

// A Change is one field, before and after.
type Change struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// A Step is what a plan does with one object.
type Step struct {
	Op      Op       `json:"op"`
	Kind    Kind     `json:"kind"`
	Key     string   `json:"key"`
	Host    string   `json:"host,omitempty"`
	ID      int64    `json:"id,omitempty"` // zero for one to be made
	Changes []Change `json:"changes"`      // what is written
	Kept    []Change `json:"kept"`         // what differs and stays as NetBox has it
	Reason  string   `json:"reason,omitempty"`

	release bool // it frees an address, and comes before whoever takes it
}

func (s Step) ref() Ref { return Ref{s.Kind, s.Key} }

// A Plan is what is to be done, in the order in which it can be done.
type Plan struct {
	Steps []Step `json:"steps"`

	pictures map[Ref]picture
}

// Count is how many steps do op.
func (p Plan) Count(op Op) int {
	n := 0
	for _, s := range p.Steps {
		if s.Op == op {
			n++
		}
	}
	return n
}

// Writes is how many objects would be made or changed.
func (p Plan) Writes() int { return p.Count(Create) + p.Count(Update) }

// A picture is what a step of this kind sends, and what it is a picture of.
type picture struct {
	png   []byte
	model string
	at    Ref
}

// A Memory is what we wrote last into fields of NetBox, as the record tells.
type Memory map[Cell]any

// A Cell is one field of one object.
type Cell struct {
	Kind  Kind
	ID    int64
	Field string
}

// Compare plans how NetBox becomes what is wanted. It has no network: there is
// what was read, and what we remember to have written.
func Compare(wanted []Wanted, there Remote, memory Memory) Plan {
	p := planner{
		there: there, memory: memory, ids: map[Ref]int64{}, blocked: map[string]string{},
		known: map[Ref]Wanted{},
	}
	for _, w := range wanted {
		p.known[w.ref()] = w
	}
	for _, w := range wanted {
		p.add(p.step(w))
	}
	p.settle()
	plan := Plan{Steps: append(p.first, p.steps...), pictures: map[Ref]picture{}}
	for _, w := range wanted {
		if w.Kind == Picture {
			plan.pictures[w.ref()] = picture{w.content, text(w.Fields["object_type"]), w.Fields["object_id"].(Ref)}
		}
	}
	return plan
}

// settle drops changes that point at what will not be there: an address in
// conflict is nobody's primary one.
func (p *planner) settle() {
	absent := map[Ref]bool{}
	for _, s := range p.steps {
		elsewhere := slices.ContainsFunc(s.Kept, func(c Change) bool { return c.Field == "assigned_object_id" })
		if s.Op == Conflict || s.Op == Leave && (s.ID == 0 || elsewhere) {
			absent[s.ref()] = true
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		s.Changes = slices.DeleteFunc(s.Changes, func(c Change) bool {
			ref, ok := c.After.(Ref)
			return ok && absent[ref] && slices.Contains(late, c.Field)
		})
		if s.Op == Update && len(s.Changes) == 0 {
			s.Op = Leave
		}
	}
}

type planner struct {
	there   Remote
	memory  Memory
	steps   []Step
	first   []Step            // what frees addresses
	ids     map[Ref]int64     // of what is there already
	blocked map[string]string // hosts that are not written, and why
	known   map[Ref]Wanted
	index   index
	hosts   map[Cell]Wanted // those of this run that are there, by id; made when it is asked for
}

func (p *planner) add(s Step) {
	if s.ID != 0 {
		p.ids[s.ref()] = s.ID
	}
	p.steps = append(p.steps, s)
}

func (p *planner) step(w Wanted) Step {
	s := Step{Kind: w.Kind, Key: w.Key, Host: w.Host, Changes: []Change{}, Kept: []Change{}}
	host := w.Kind == Device || w.Kind == VM
	if why, blocked := p.blocked[w.Host]; blocked && !host {
		s.Op, s.Reason = Leave, "its host is left: "+why
		return s
	}
	found, why := p.match(w)
	switch {
	case why != "":
		s.Op, s.Reason = Conflict, why
	case found == nil:
		s.Op, s.Changes = Create, p.creation(w)
	default:
		p.compare(&s, w, *found)
	}
	if host && s.Op == Conflict {
		p.blocked[w.Host] = s.Reason
	}
	if host && s.Op == Leave && s.Reason != "" {
		p.blocked[w.Host] = s.Reason
	}
	return s
}

// creation lists a new object's fields, sorted.
func (p *planner) creation(w Wanted) []Change {
	var changes []Change
	for _, field := range slices.Sorted(maps.Keys(w.Fields)) {
		if w.Fields[field] == "" {
			continue
		}
		changes = append(changes, Change{Field: field, After: w.Fields[field]})
	}
	return changes
}

// compare fills the step of an object that is there.
func (p *planner) compare(s *Step, w Wanted, found object) {
	s.ID, s.Op = found.id, Leave
	differ := p.differences(w, found)
	if !found.ours {
		s.Kept = differ
		if w.Kind == Device || w.Kind == VM || w.Host != "" && len(differ) > 0 {
			s.Reason = "it is not ours: it does not carry the tag " + TagSlug
		}
		return
	}
	for _, c := range differ {
		if p.may(w.Kind, found, c) {
			s.Changes = append(s.Changes, c)
		} else {
			s.Kept = append(s.Kept, c)
		}
	}
	if w.Kind == Address {
		p.move(s, found)
	}
	if len(s.Changes) > 0 {
		s.Op = Update
	}
}

func (p *planner) differences(w Wanted, found object) []Change {
	differ := []Change{}
	for _, field := range slices.Sorted(maps.Keys(w.Fields)) {
		if ruleOf(w.Kind, field) == said {
			continue
		}
		before, read := found.fields[field]
		if !read && !strings.HasPrefix(field, custom) {
			continue // not a field that NetBox tells again
		}
		after := w.Fields[field]
		if field == findings {
			after = w.findingsAfter(text(before))
		}
		if !p.same(before, after) {
			differ = append(differ, Change{field, before, after})
		}
	}
	return differ
}

// findingsAfter are the tags of what was found, and those there already of what
// nobody could say is no more.
func (w Wanted) findingsAfter(before string) string {
	after := strings.Fields(text(w.Fields[findings]))
	for _, slug := range strings.Fields(before) {
		if !slices.Contains(w.fine, slug) {
			after = append(after, slug)
		}
	}
	slices.Sort(after)
	return strings.Join(slices.Compact(after), " ")
}

// same compares NetBox's value with ours.
func (p *planner) same(before, after any) bool {
	ref, ok := after.(Ref)
	if !ok {
		return before == after || empty(before) && empty(after)
	}
	id := p.id(ref)
	return id != 0 && before == any(id)
}

// id is the number of something there, also of what comes later in the order: a
// host's primary address.
func (p *planner) id(ref Ref) int64 {
	if id, ok := p.ids[ref]; ok {
		return id
	}
	w, ok := p.known[ref]
	if !ok || slices.Index(order, ref.Kind) < slices.Index(order, Interface) {
		return 0
	}
	if found, why := p.match(w); why == "" && found != nil {
		return found.id
	}
	return 0
}

// may reports whether the field is ours to write on an object that is ours.
func (p *planner) may(kind Kind, found object, c Change) bool {
	switch ruleOf(kind, c.Field) {
	case ours:
		return true
	case fill:
		return empty(c.Before)
	case overwrite:
		last, wrote := p.memory[Cell{kind, found.id, c.Field}]
		return empty(c.Before) || wrote && equal(last, c.Before)
	}
	return false
}

// equal compares across what JSON makes of numbers.
func equal(a, b any) bool {
	return a == b || fmt.Sprint(a) == fmt.Sprint(b)
}

// move decides about an address that NetBox has on another interface. It moves
// when its old host is one of this run that no longer holds it; everything else
// is two machines with one address, which a person must see.
func (p *planner) move(s *Step, found object) {
	taken := slices.ContainsFunc(append(s.Changes, s.Kept...), func(c Change) bool {
		return strings.HasPrefix(c.Field, "assigned_object") && !empty(c.Before)
	})
	if !taken {
		return
	}
	old, ok := p.ownerOf(found)
	if !ok {
		s.Op, s.Changes = Conflict, []Change{}
		s.Reason = fmt.Sprintf("NetBox has it on %s, and it was seen on %s", or(found.parent, "another interface"), s.Host)
		return
	}
	p.free(old, found.id)
}

// ownerOf finds the host of this run whose interface has the address.
func (p *planner) ownerOf(address object) (Wanted, bool) {
	kind := VMInterface
	if address.fields["assigned_object_type"] == kinds[Interface].model {
		kind = Interface
	}
	ports := p.index.find(p.there, kind, "id", address.fields["assigned_object_id"])
	if len(ports) == 0 {
		return Wanted{}, false
	}
	if p.hosts == nil {
		p.hosts = map[Cell]Wanted{}
		for _, w := range p.known {
			if (w.Kind == Device || w.Kind == VM) && w.Fields != nil {
				p.hosts[Cell{w.Kind, p.ids[w.ref()], ""}] = w
			}
		}
	}
	side, field := hostOf(kind)
	id, _ := ports[0].fields[field].(int64)
	w, ok := p.hosts[Cell{side, id, ""}]
	return w, ok && id != 0
}

// free takes a primary address from its old host, since NetBox refuses to move
// one that is somebody's primary.
func (p *planner) free(host Wanted, address int64) {
	for _, there := range p.index.find(p.there, host.Kind, "id", p.ids[host.ref()]) {
		for _, field := range []string{"primary_ip4", "primary_ip6"} {
			if there.fields[field] == any(address) {
				p.first = append(p.first, Step{
					Op: Update, Kind: host.Kind, Key: host.Key, Host: host.Host, ID: there.id, Kept: []Change{}, release: true,
					Changes: []Change{{field, address, nil}}, Reason: "its address moved to another host",
				})
			}
		}
	}
}

// hostOf says what interfaces of a kind belong to, and which field tells it.
func hostOf(kind Kind) (Kind, string) {
	if kind == Interface {
		return Device, "device"
	}
	return VM, "virtual_machine"
}

// match finds the object that is the wanted one, or says why that cannot be said.
func (p *planner) match(w Wanted) (*object, string) {
	if w.Doubt != "" {
		return nil, w.Doubt
	}
	if w.Kind == Device || w.Kind == VM {
		return p.matchHost(w)
	}
	var hits []object
	for _, o := range p.candidates(w) {
		if p.is(w, o) {
			hits = append(hits, o)
		}
	}
	return p.single(w, hits)
}

// candidates are the objects that may be the wanted one.
func (p *planner) candidates(w Wanted) []object {
	fields := indexed[w.Kind]
	if len(fields) == 0 {
		return p.there.of(w.Kind)
	}
	field := fields[len(fields)-1]
	value := w.Fields[field]
	if ref, ok := value.(Ref); ok {
		value = p.id(ref)
	}
	if w.Kind == Address {
		value = w.Key
	}
	return p.index.find(p.there, w.Kind, field, value)
}

// single is the only hit; of several the only one that is ours.
func (p *planner) single(w Wanted, hits []object) (*object, string) {
	if len(hits) > 1 {
		if mine := slices.DeleteFunc(slices.Clone(hits), func(o object) bool { return !o.ours }); len(mine) == 1 {
			hits = mine
		}
	}
	switch len(hits) {
	case 0:
		return nil, ""
	case 1:
		return &hits[0], ""
	}
	return nil, fmt.Sprintf("NetBox has %d of them: %s", len(hits), numbers(hits))
}

func numbers(hits []object) string {
	var ids []string
	for _, o := range hits {
		ids = append(ids, fmt.Sprintf("%s %d", o.kind, o.id))
	}
	return strings.Join(ids, ", ")
}

// is reports whether an object of the same kind is the wanted one.
func (p *planner) is(w Wanted, o object) bool {
	match := func(fields ...string) bool {
		for _, field := range fields {
			if !p.same(o.fields[field], w.Fields[field]) {
				return false
			}
		}
		return true
	}
	switch w.Kind {
	case CustomField:
		return match("name")
	case Tag, Site, Manufacturer, Role, Platform, ClusterType:
		return match("slug") || fold(o.fields["name"], w.Fields["name"])
	case DeviceType:
		return match("slug") || match("manufacturer") && fold(o.fields["model"], w.Fields["model"])
	case Cluster:
		return fold(o.fields["name"], w.Fields["name"])
	case Interface:
		return match("device", "name")
	case VMInterface, Disk:
		return match("virtual_machine", "name")
	case Prefix:
		return empty(o.fields["vrf"]) && match("prefix")
	case Address:
		return empty(o.fields["vrf"]) && sameAddress(text(o.fields["address"]), w.Key)
	case Service:
		return match("parent_object_type", "parent_object_id", "name")
	case Journal:
		return match("assigned_object_type", "assigned_object_id") && strings.HasSuffix(text(o.fields["comments"]), markOf(w.Key))
	case Picture:
		return match("object_type", "object_id", "name")
	}
	return false
}

func fold(a, b any) bool { return strings.EqualFold(text(a), text(b)) && text(a) != "" }

// sameAddress compares without the mask: one address is one, however wide its
// network is thought to be.
func sameAddress(prefix, address string) bool {
	p, err := netip.ParsePrefix(prefix)
	return err == nil && p.Addr().String() == address
}

// matchHost finds a host by its identity, then by its serial, then by its name
// at its site. Two answers are none, and a machine is never taken for a guest.
func (p *planner) matchHost(w Wanted) (*object, string) {
	const uid = custom + "nightcall_uid"
	by := func(field string) []object {
		if empty(w.Fields[field]) {
			return nil
		}
		return slices.Concat(p.index.find(p.there, Device, field, w.Fields[field]), p.index.find(p.there, VM, field, w.Fields[field]))
	}
	hits := by(uid)
	if len(hits) == 0 {
		hits = slices.DeleteFunc(by("serial"), func(o object) bool { return p.stranger(o, w) })
	}
	if len(hits) == 0 {
		hits = slices.DeleteFunc(by("name"), func(o object) bool { return !p.same(o.fields["site"], w.Fields["site"]) && !empty(o.fields["site"]) })
	}
	found, why := p.single(w, hits)
	switch {
	case why != "" || found == nil:
		return nil, why
	case found.kind != w.Kind:
		return nil, fmt.Sprintf("NetBox has it as %s %d, and it was seen to be a %s", found.kind, found.id, w.Kind)
	case p.stranger(*found, w):
		return nil, fmt.Sprintf("%s %d has this name and is another machine", found.kind, found.id)
	}
	return found, ""
}

// stranger reports whether the object is known to be another machine.
func (p *planner) stranger(o object, w Wanted) bool {
	const uid = custom + "nightcall_uid"
	return !empty(o.fields[uid]) && !empty(w.Fields[uid]) && o.fields[uid] != w.Fields[uid]
}
