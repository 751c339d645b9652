package netbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// PlanUndo plans to take back what the record says was written: what we created
// goes, fields we changed get their old value back. What somebody has changed
// since stays, and so does what holds something that is not ours. Of batches that
// are open, nobody knows whether they were done: NetBox is asked.
func (c *Client) PlanUndo(ctx context.Context, batches, open []Batch) (Plan, error) {
	found, err := c.done(ctx, open)
	if err != nil {
		return Plan{}, err
	}
	batches = slices.Concat(batches, found)
	u := &undoer{client: c, last: Remember(batches), there: map[Kind]map[int64]object{}, kept: map[Kind]map[int64]string{}}
	u.collect(batches)
	u.ours, u.fields = map[Cell]bool{}, map[Cell]map[string]any{}
	for _, s := range u.created {
		u.ours[Cell{s.Kind, s.ID, ""}] = true
	}
	for cell, last := range u.last {
		object := Cell{cell.Kind, cell.ID, ""}
		if u.fields[object] == nil {
			u.fields[object] = map[string]any{}
		}
		u.fields[object][cell.Field] = last
	}
	if err := u.read(ctx); err != nil {
		return Plan{}, err
	}
	if err := u.strangers(ctx); err != nil {
		return Plan{}, err
	}
	return u.plan(), nil
}

// done are the parts of open batches that NetBox has. A change is taken for done:
// it is taken back only where NetBox holds what we wrote.
func (c *Client) done(ctx context.Context, open []Batch) ([]Batch, error) {
	var list []Batch
	for _, b := range open {
		if b.Op == Create {
			found, err := c.created(ctx, b)
			if err != nil {
				return nil, err
			}
			b.Objects = found
		}
		if b.Op != Delete && len(b.Objects) > 0 {
			list = append(list, b)
		}
	}
	return list, nil
}

// created finds the objects of a batch that were made: those that are what we
// would have made, with our tag.
func (c *Client) created(ctx context.Context, b Batch) ([]Written, error) {
	var wanted []Wanted
	for _, o := range b.Objects {
		w := Wanted{Kind: b.Kind, Key: o.Key, Host: o.Host, Fields: map[string]any{}}
		for name, value := range o.After {
			w.Fields[name] = normal(name, value)
		}
		wanted = append(wanted, w)
	}
	r := newReader(c, wanted)
	if err := r.fetch(ctx, fetchedAs(b.Kind)); err != nil {
		return nil, err
	}
	var found []Written
	for i, w := range wanted {
		o, why := r.match(w)
		if why == "" && o != nil && (o.ours || !b.Kind.tagged()) && len(r.differences(w, *o)) == 0 {
			b.Objects[i].ID = o.id
			found = append(found, b.Objects[i])
		}
	}
	return found, nil
}

// An undoer compares the record with what is there.
type undoer struct {
	client  *Client
	last    Memory
	created []Step // in the order of creation
	changed []Step
	there   map[Kind]map[int64]object
	kept    map[Kind]map[int64]string // objects that must stay, and why

	ours   map[Cell]bool           // what we made
	fields map[Cell]map[string]any // what we wrote last, by object
}

// collect folds batches into the objects we made and those we changed.
func (u *undoer) collect(batches []Batch) {
	made, first := map[Cell]bool{}, map[Cell]int{}
	for _, b := range batches {
		for _, o := range b.Objects {
			whole := Cell{b.Kind, o.ID, ""}
			s := Step{Kind: b.Kind, Key: o.Key, Host: o.Host, ID: o.ID, Changes: []Change{}, Kept: []Change{}}
			switch {
			case b.Op == Delete:
				u.created = slices.DeleteFunc(u.created, func(s Step) bool { return s.Kind == b.Kind && s.ID == o.ID })
			case b.Op == Create:
				made[whole] = true
				u.created = append(u.created, s)
			case !made[whole]:
				n, known := first[whole]
				if !known {
					n = len(u.changed)
					first[whole] = n
					u.changed = append(u.changed, s)
				}
				u.changed[n].addBefore(o)
			}
		}
	}
}

// addBefore keeps what a field held before we first wrote it.
func (s *Step) addBefore(o Written) {
	for name, before := range o.Before {
		if !slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Field == name }) {
			s.Changes = append(s.Changes, Change{Field: name, After: normal(name, before)})
		}
	}
	slices.SortFunc(s.Changes, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
}

func (u *undoer) read(ctx context.Context) error {
	for _, kind := range order {
		var ids []string
		for _, s := range append(slices.Clone(u.created), u.changed...) {
			if s.Kind == kind && s.ID != 0 {
				ids = append(ids, strconv.FormatInt(s.ID, 10))
			}
		}
		u.there[kind], u.kept[kind] = map[int64]object{}, map[int64]string{}
		err := u.client.listBy(ctx, kind, nil, "id", ids, func(raw map[string]any) {
			o := newObject(kind, raw)
			u.there[kind][o.id] = o
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// holds says what would be deleted, or changed, together with an object: what is in
// it, and what points at it.
var holds = []struct {
	kind, of Kind
	filter   string // empty where any kind may be the holder
	field    string
}{
	{Address, Interface, "interface_id", "assigned_object_id"},
	{Address, VMInterface, "vminterface_id", "assigned_object_id"},
	{Interface, Device, "device_id", "device"},
	{VMInterface, VM, "virtual_machine_id", "virtual_machine"},
	{Disk, VM, "virtual_machine_id", "virtual_machine"},
	{Service, Device, "", "parent_object"},
	{Service, VM, "", "parent_object"},
	{Journal, Device, "", "assigned_object"},
	{Journal, VM, "", "assigned_object"},
	{Picture, Site, "", "object"},
	{Device, Site, "site_id", "site"},
	{VM, Site, "site_id", "site"},
	{Device, Role, "role_id", "role"},
	{VM, Role, "role_id", "role"},
	{Device, Platform, "platform_id", "platform"},
	{VM, Platform, "platform_id", "platform"},
	{Device, DeviceType, "device_type_id", "device_type"},
	{VM, Cluster, "cluster_id", "cluster"},
	{DeviceType, Manufacturer, "manufacturer_id", "manufacturer"},
	{Cluster, ClusterType, "type_id", "type"},
}

// strangers finds objects of others in ours, and those that point at ours: deleting
// a host would delete its interfaces, and an interface its addresses.
func (u *undoer) strangers(ctx context.Context) error {
	for _, s := range u.created {
		if len(u.changedSince(s)) > 0 {
			u.kept[s.Kind][s.ID] = changedSince
		}
	}
	for _, h := range holds {
		var ids []string
		for _, s := range u.created {
			if s.Kind == h.of {
				ids = append(ids, strconv.FormatInt(s.ID, 10))
			}
		}
		fixed, filter, field := url.Values(nil), h.filter, h.field
		if filter == "" {
			fixed, filter, field = url.Values{field + "_type": {kinds[h.of].model}}, field+"_id", field+"_id"
		}
		err := u.client.listBy(ctx, h.kind, fixed, filter, ids, func(raw map[string]any) {
			o := newObject(h.kind, raw)
			if id, ok := o.fields[field].(int64); ok && (!u.made(o) || u.kept[h.kind][o.id] != "") {
				u.kept[h.of][id] = fmt.Sprintf("%s %d has it and stays", h.kind, o.id)
			}
		})
		if err != nil {
			return err
		}
	}
	u.keepMarks()
	return nil
}

// keepMarks keeps our tag and our fields while a host has them.
func (u *undoer) keepMarks() {
	if len(u.kept[Device])+len(u.kept[VM]) == 0 {
		return
	}
	for _, s := range u.created {
		if s.Kind == CustomField || s.Kind == Tag && s.Key == TagSlug {
			u.kept[s.Kind][s.ID] = "a host that stays has it"
		}
	}
}

const changedSince = "somebody changed it since"

func (u *undoer) made(o object) bool { return u.ours[Cell{o.kind, o.id, ""}] }

func (u *undoer) plan() Plan {
	p := Plan{Steps: []Step{}}
	for _, s := range u.changed {
		p.Steps = append(p.Steps, u.restore(s))
	}
	for _, kind := range slices.Backward(order) {
		for _, s := range slices.Backward(ofKind(u.created, kind)) {
			p.Steps = append(p.Steps, u.remove(s))
		}
	}
	return p
}

// restore gives fields their old value where ours is still there.
func (u *undoer) restore(s Step) Step {
	s.Op = Leave
	there, ok := u.there[s.Kind][s.ID]
	if !ok {
		s.Changes, s.Reason = []Change{}, "it is gone"
		return s
	}
	var back []Change
	for _, c := range s.Changes {
		c.Before = there.fields[c.Field]
		if c.Before == u.last[Cell{s.Kind, s.ID, c.Field}] {
			back = append(back, c)
		} else if !(empty(c.Before) && empty(c.After)) && c.Before != c.After {
			s.Kept = append(s.Kept, c)
		}
	}
	s.Changes = append([]Change{}, back...)
	if len(back) > 0 {
		s.Op = Update
	}
	return s
}

// remove deletes what is still as we left it.
func (u *undoer) remove(s Step) Step {
	s.Op = Leave
	there, ok := u.there[s.Kind][s.ID]
	switch {
	case !ok:
		s.Reason = "it is gone"
		return s
	case u.kept[s.Kind][s.ID] != "":
		s.Kept, s.Reason = u.changedSince(s), u.kept[s.Kind][s.ID]
		return s
	case s.Kind.tagged() && !there.ours:
		s.Reason = "somebody took our tag off"
		return s
	}
	s.Op = Delete
	return s
}

// changedSince lists the fields that no longer hold what we wrote, sorted.
func (u *undoer) changedSince(s Step) []Change {
	there, kept := u.there[s.Kind][s.ID], []Change{}
	for field, last := range u.fields[Cell{s.Kind, s.ID, ""}] {
		now, told := there.fields[field]
		if told && now != last && !(empty(now) && empty(last)) {
			kept = append(kept, Change{field, now, nil})
		}
	}
	slices.SortFunc(kept, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
	return kept
}

// Undo carries out a plan of PlanUndo.
func (c *Client) Undo(ctx context.Context, plan Plan, why string, record Recorder) (Result, error) {
	a := &applier{client: c, record: record, why: why, ids: map[Ref]int64{}, result: Result{Failures: []Failure{}}}
	for _, s := range plan.Steps {
		a.ids[s.ref()] = s.ID
	}
	changes := slices.DeleteFunc(slices.Clone(plan.Steps), func(s Step) bool { return s.Op != Update })
	for _, wave := range waves {
		if err := a.change(ctx, wave, changes, anyField); err != nil {
			return a.result, err
		}
	}
	for _, kind := range slices.Backward(order) {
		gone := slices.DeleteFunc(ofKind(plan.Steps, kind), func(s Step) bool { return s.Op != Delete })
		for part := range slices.Chunk(gone, chunk) {
			if err := a.remove(ctx, kind, part); err != nil {
				return a.result, err
			}
		}
	}
	return a.result, nil
}

// remove deletes one batch, without those that NetBox will not let go.
func (a *applier) remove(ctx context.Context, kind Kind, steps []Step) error {
	var tasks []task
	for _, s := range steps {
		body := map[string]any{"id": s.ID}
		if kind != CustomField {
			body["changelog_message"] = clip(a.why, 200)
		}
		tasks = append(tasks, task{step: s, body: body, done: Written{ID: s.ID, Key: s.Key, Host: s.Host}})
	}
	number, err := a.begin(Delete, kind, tasks)
	if err != nil {
		return err
	}
	for len(tasks) > 0 {
		bodies := make([]map[string]any, len(tasks))
		for i, t := range tasks {
			bodies[i] = t.body
		}
		err := a.client.do(ctx, http.MethodDelete, kinds[kind].path, nil, bodies, nil)
		var refused *StatusError
		switch {
		case err == nil:
			a.result.Deleted += len(tasks)
			return a.record.Wrote(batch(number, Delete, kind, tasks))
		case errors.As(err, &refused) && refused.Status < 500 && !errors.Is(err, ErrToken):
			rest, named := a.refusals(refused, tasks)
			if !named {
				for _, t := range tasks {
					a.fail(t.step, refused.detail())
				}
				return nil
			}
			tasks = rest
		default:
			return err
		}
	}
	return nil
}
