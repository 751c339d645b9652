package netbox

import (
	"slices"
	"strings"
)

// A Difference is one point where NetBox, which says what is intended, and what
// was observed do not agree.
type Difference struct {
	Host     string `json:"host"`
	Kind     Kind   `json:"kind"`
	Key      string `json:"key"`
	Field    string `json:"field"` // empty when the whole object is only on one side
	Intended any    `json:"intended"`
	Observed any    `json:"observed"`
}

// Drift lists what differs on hosts, whoever wrote it. Of a kind that a host told
// nothing about, nothing is missing.
func Drift(wanted []Wanted, there Remote, plan Plan) []Difference {
	drift := []Difference{}
	for _, s := range plan.Steps {
		switch {
		case s.Host == "" || s.Kind == Journal || s.release || s.Op == Leave && s.ID == 0:
		case s.Op == Create, s.Op == Conflict:
			drift = append(drift, Difference{Host: s.Host, Kind: s.Kind, Key: s.Key, Observed: or(s.Reason, "present")})
		default:
			for _, c := range append(slices.Clone(s.Changes), s.Kept...) {
				if c.Field != findings {
					drift = append(drift, Difference{s.Host, s.Kind, s.Key, c.Field, c.Before, c.After})
				}
			}
		}
	}
	drift = append(drift, unseen(wanted, there, plan)...)
	slices.SortStableFunc(drift, func(a, b Difference) int { return strings.Compare(a.Host, b.Host) })
	return drift
}

// unseen are the parts of hosts that NetBox has and nobody saw.
func unseen(wanted []Wanted, there Remote, plan Plan) []Difference {
	type part struct {
		kind Kind
		host int64
	}
	hosts, told, known := map[int64]map[Kind]string{}, map[part]bool{}, map[Cell]bool{}
	ids := map[Ref]int64{}
	for _, s := range plan.Steps {
		if s.ID == 0 {
			continue
		}
		known[Cell{s.Kind, s.ID, ""}] = true
		ids[s.ref()] = s.ID
		if s.Kind == Device || s.Kind == VM {
			if hosts[s.ID] == nil {
				hosts[s.ID] = map[Kind]string{}
			}
			hosts[s.ID][s.Kind] = s.Host
		}
	}
	for _, w := range wanted {
		for _, field := range []string{"device", "virtual_machine", "parent_object_id"} {
			if ref, ok := w.Fields[field].(Ref); ok && ids[ref] != 0 {
				told[part{w.Kind, ids[ref]}] = true
			}
		}
	}
	var drift []Difference
	for _, o := range there.objects {
		parent := holder(o)
		if o.kind == Address || known[Cell{o.kind, o.id, ""}] || !told[part{o.kind, parent}] {
			continue
		}
		side := VM
		if o.kind == Interface || o.fields["parent_object_type"] == kinds[Device].model {
			side = Device
		}
		host := hosts[parent][side]
		drift = append(drift, Difference{Host: host, Kind: o.kind, Key: host + " " + text(o.fields["name"]), Intended: "present"})
	}
	return drift
}

// holder is the number of what an object is in.
func holder(o object) int64 {
	for _, name := range []string{"device", "virtual_machine", "assigned_object_id", "parent_object_id"} {
		if id, ok := o.fields[name].(int64); ok {
			return id
		}
	}
	return 0
}
