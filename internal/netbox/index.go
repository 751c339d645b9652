package netbox

import (
	"net/netip"
	"strings"
)

// indexed are the fields by which objects of a kind are looked up. Of the others
// there are few.
var indexed = map[Kind][]string{
	Device:      {"id", "name", "serial", custom + "nightcall_uid"},
	VM:          {"id", "name", "serial", custom + "nightcall_uid"},
	Interface:   {"id", "device"},
	VMInterface: {"id", "virtual_machine"},
	Disk:        {"virtual_machine"},
	Prefix:      {"prefix"},
	Address:     {"address"},
	Service:     {"parent_object_id"},
	Journal:     {"assigned_object_id"},
}

// An entry is one value of one field.
type entry struct {
	kind  Kind
	field string
	value any
}

// An index finds objects by their fields without looking at all of them.
type index struct {
	objects map[entry][]object
	taken   map[Kind]int // how many of a kind are in it
}

// find returns the objects whose field has the value, in their order.
func (x *index) find(there Remote, kind Kind, field string, value any) []object {
	if x.objects == nil {
		x.objects, x.taken = map[entry][]object{}, map[Kind]int{}
	}
	all := there.of(kind)
	for _, o := range all[x.taken[kind]:] {
		for _, name := range indexed[kind] {
			e := entry{kind, name, o.fields[name]}
			if name == "id" {
				e.value = o.id
			}
			e.value = lookup(e.field, e.value)
			x.objects[e] = append(x.objects[e], o)
		}
	}
	x.taken[kind] = len(all)
	return x.objects[entry{kind, field, lookup(field, value)}]
}

// lookup is a value as it is looked up: what is compared without regard to case
// or mask has neither.
func lookup(field string, value any) any {
	s, ok := value.(string)
	if !ok {
		return value
	}
	if p, err := netip.ParsePrefix(s); err == nil && field == "address" {
		return p.Addr().String()
	}
	return strings.ToLower(s)
}
