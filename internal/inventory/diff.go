package inventory

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Change is one difference between two visits to a host.
type Change struct {
	Fact  string     `json:"fact"`
	List  string     `json:"list,omitempty"` // the list within the fact, where it has several: listeners
	Key   string     `json:"key,omitempty"`  // the item of a list: a mount point, a package
	Kind  ChangeKind `json:"kind"`
	Field string     `json:"field,omitempty"` // what of it changed
	Old   any        `json:"old,omitempty"`
	New   any        `json:"new,omitempty"`

	// Doubt says why the change may be none: one of the readings was partial.
	Doubt string `json:"doubt,omitempty"`
}

// A ChangeKind says how two visits differ.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"   // an item that was not there
	Removed ChangeKind = "removed" // an item that is gone
	Changed ChangeKind = "changed" // a field has another value
	Lost    ChangeKind = "lost"    // it could be read before, and not now
	Found   ChangeKind = "found"   // it could not be read before, and can now
)

// volatile are the facts, and the fields of facts, that differ between any two
// visits to a healthy host: clocks, loads, counters, rates, process ids and who
// is connected just now. They are left out of a comparison. A whole fact is
// named alone, a field behind a dot.
var volatile = map[string]bool{
	"load": true, "network": true, "disk_rates": true,
	"boot.uptime":  true,
	"clock.offset": true, "clock.error": true,
	"memory.available": true, "memory.swap_free": true, "memory.available_percent": true, "memory.swap_used_percent": true,
	"filesystems.available": true, "filesystems.used_percent": true,
	"filesystems.inodes_free": true, "filesystems.inodes_used_percent": true,
	"sockets.connections": true, "sockets.pid": true, "sockets.backlog": true,
	"processes.pid": true, "processes.parent": true, "processes.state": true,
	"processes.elapsed": true, "processes.cpu_time": true, "processes.rss": true,
	"services.detail": true,
	"libraries.pids":  true,
}

// owned are the fields that only the owner of a socket or root can see. They are
// compared only when both visits saw all of them.
var owned = []string{"process", "user", "command"}

// bootJitter is how far apart the boot times of two visits may be before the
// host was restarted: they are computed from clocks that are being corrected.
const bootJitter = time.Minute

// Diff compares what two visits read on one host, in the order of [fact.All]. The
// items of lists are compared by their keys. A fact that only one of the visits asked
// for is left out, and so is what changes all the time: loads, counters and the like,
// the kernel's own processes, and processes that had begun less than a minute before.
func Diff(before, after fact.Set) []Change {
	var changes []Change
	for _, f := range fact.All() {
		if volatile[f.Name] {
			continue
		}
		changes = append(changes, diffFact(f, &before, &after)...)
	}
	return changes
}

func diffFact(f fact.Fact, before, after *fact.Set) []Change {
	was, is := f.Status(before), f.Status(after)
	switch {
	case was.State == "" || is.State == "":
		return nil
	case was.State == fact.Unknown && is.State == fact.Unknown:
		return nil
	case is.State == fact.Unknown:
		return []Change{{Fact: f.Name, Kind: Lost, Doubt: is.Reason}}
	case was.State == fact.Unknown:
		return []Change{{Fact: f.Name, Kind: Found}}
	}
	d := differ{fact: f.Name, skip: hidden(f.Name, before, after)}
	d.before, d.after = doubt("earlier", was), doubt("later", is)
	d.value("", f.Value(before), f.Value(after))
	return d.changes
}

// hidden are the fields of a fact that one of the visits could not see.
func hidden(name string, before, after *fact.Set) []string {
	if name == "sockets" && !(before.Sockets.Value.Named && after.Sockets.Value.Named) {
		return append([]string{"named"}, owned...)
	}
	return nil
}

func doubt(which string, s fact.Status) string {
	if s.State != fact.Partial {
		return ""
	}
	return "the " + which + " reading was partial: " + s.Reason
}

// A differ collects the changes of one fact.
type differ struct {
	fact          string
	skip          []string
	before, after string // doubts about the two readings; empty when they were complete
	changes       []Change
}

func (d *differ) ignored(field string) bool {
	return volatile[d.fact+"."+field] || slices.Contains(d.skip, field)
}

// value compares two values of one type: a list by keys, a struct by fields,
// anything else as a whole.
func (d *differ) value(list string, before, after any) {
	switch {
	case isList(before):
		d.list(list, items(before), items(after))
	case reflect.TypeOf(before).Kind() == reflect.Struct:
		d.fields(Change{Fact: d.fact, Kind: Changed}, before, after)
	case !same(before, after):
		d.changes = append(d.changes, Change{Fact: d.fact, Kind: Changed, Old: before, New: after})
	}
}

// fields compares two structs. A field that is a list of keyed items is compared
// as one.
func (d *differ) fields(c Change, before, after any) {
	olds, news := fieldsOf(before), fieldsOf(after)
	for i, old := range olds {
		fresh := news[i]
		if d.ignored(old.name) {
			continue
		}
		if isList(old.value) {
			d.list(old.name, items(old.value), items(fresh.value))
			continue
		}
		if same(old.value, fresh.value) || d.fact == "boot" && sameBoot(old.value, fresh.value) {
			continue
		}
		c.Field, c.Old, c.New = old.name, old.value, fresh.value
		d.changes = append(d.changes, c)
	}
}

// list compares keyed items. Where one key has several, as processes of one
// name, they are compared as a set.
func (d *differ) list(name string, before, after map[string][]any) {
	keys := map[string]bool{}
	for _, m := range []map[string][]any{before, after} {
		for key := range m {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		c := Change{Fact: d.fact, List: name, Key: key}
		olds, news := d.only(before[key], after[key]), d.only(after[key], before[key])
		if len(olds) == 1 && len(news) == 1 {
			c.Kind = Changed
			d.fields(c, olds[0], news[0])
			continue
		}
		if d.fact == "changes" {
			olds = nil // what is no longer recent has not been undone
		}
		for _, item := range olds {
			c.Kind, c.Old, c.New, c.Doubt = Removed, item, nil, d.after
			d.changes = append(d.changes, c)
		}
		for _, item := range news {
			c.Kind, c.Old, c.New, c.Doubt = Added, nil, item, d.before
			d.changes = append(d.changes, c)
		}
	}
}

// only returns the items that are not in others, each kind once, without regard
// to what is ignored.
func (d *differ) only(these, others []any) []any {
	known := map[string]bool{}
	for _, item := range others {
		known[d.text(item)] = true
	}
	var out []any
	for _, item := range these {
		text := d.text(item)
		if !known[text] && !passing(item) {
			known[text] = true
			out = append(out, item)
		}
	}
	return out
}

// passing holds for processes that come and go: the kernel's own workers
// (children of its process 2), and whatever had begun less than a minute before
// it was seen.
func passing(item any) bool {
	p, ok := item.(fact.Process)
	if !ok {
		return false
	}
	young := p.Elapsed > 0 && p.Elapsed < time.Minute
	return young || (p.PID == 2 || p.Parent == 2) && p.RSS == 0
}

// text is an item without what is ignored.
func (d *differ) text(item any) string {
	var b strings.Builder
	for _, f := range fieldsOf(item) {
		if !d.ignored(f.name) {
			b.Write(encoded(f.value))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// sameBoot holds for two estimates of one boot.
func sameBoot(a, b any) bool {
	x, ok := a.(time.Time)
	y, also := b.(time.Time)
	return ok && also && x.Sub(y).Abs() < bootJitter
}

func same(a, b any) bool { return bytes.Equal(encoded(a), encoded(b)) }

// encoded is the value as JSON, which all facts are stored as.
func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}

// A keyed item knows its name among its siblings.
type keyed interface{ Key() string }

var keyedType = reflect.TypeFor[keyed]()

func isList(v any) bool {
	t := reflect.TypeOf(v)
	return t != nil && t.Kind() == reflect.Slice && t.Elem().Implements(keyedType)
}

// items groups a list by key.
func items(list any) map[string][]any {
	v := reflect.ValueOf(list)
	out := make(map[string][]any, v.Len())
	for i := range v.Len() {
		item := v.Index(i).Interface()
		key := item.(keyed).Key()
		out[key] = append(out[key], item)
	}
	return out
}

// A field is one field of a struct, named as in JSON.
type field struct {
	name  string
	value any
}

func fieldsOf(v any) []field {
	value := reflect.ValueOf(v)
	fields := make([]field, 0, value.NumField())
	for i := range value.NumField() {
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		fields = append(fields, field{name, value.Field(i).Interface()})
	}
	return fields
}
