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
// since stays, and so does what holds something that is not ours.
func (c *Client) PlanUndo(ctx context.Context, batches []Batch) (Plan, error) {
	u := &undoer{client: c, last: Remember(batches), there: map[Kind]map[int64]object{}, kept: map[Kind]map[int64]string{}}
	u.collect(batches)
	if err := u.read(ctx); err != nil {
		return Plan{}, err
	}
	if err := u.strangers(ctx); err != nil {
		return Plan{}, err
	}
	return u.plan(), nil
}

// An undoer compares the record with what is there.
type undoer struct {
	client  *Client
	last    Memory
	created []Step // in the order of creation
	changed []Step
	there   map[Kind]map[int64]object
	kept    map[Kind]map[int64]string // objects that must stay, and why
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

// inside says where NetBox keeps what would be deleted together with something.
var inside = []struct {
	kind, of Kind
	filter   string
}{
	{Address, Interface, "interface_id"},
	{Address, VMInterface, "vminterface_id"},
	{Interface, Device, "device_id"},
	{VMInterface, VM, "virtual_machine_id"},
	{Disk, VM, "virtual_machine_id"},
	{Service, Device, "device_id"},
	{Service, VM, "virtual_machine_id"},
}

// strangers finds objects of others inside of ours: deleting a host would delete
// its interfaces, and an interface its addresses.
func (u *undoer) strangers(ctx context.Context) error {
	for _, in := range inside {
		var ids []string
		for _, s := range u.created {
			if s.Kind == in.of {
				ids = append(ids, strconv.FormatInt(s.ID, 10))
			}
		}
		fixed, filter := url.Values(nil), in.filter
		if in.kind == Service {
			fixed, filter = url.Values{"parent_object_type": {kinds[in.of].model}}, "parent_object_id"
		}
		err := u.client.listBy(ctx, in.kind, fixed, filter, ids, func(raw map[string]any) {
			o := newObject(in.kind, raw)
			if !u.made(o) || u.kept[in.kind][o.id] != "" {
				u.kept[in.of][holder(o)] = fmt.Sprintf("%s %d is in it and is not ours", in.kind, o.id)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
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

func (u *undoer) made(o object) bool {
	return slices.ContainsFunc(u.created, func(s Step) bool { return s.Kind == o.kind && s.ID == o.id })
}

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
		s.Reason = u.kept[s.Kind][s.ID]
		return s
	case s.Kind.tagged() && !there.ours:
		s.Reason = "somebody took our tag off"
		return s
	}
	for cell, last := range u.last {
		now, told := there.fields[cell.Field]
		if cell.Kind == s.Kind && cell.ID == s.ID && told && now != last && !(empty(now) && empty(last)) {
			s.Kept = append(s.Kept, Change{cell.Field, now, nil})
		}
	}
	if len(s.Kept) > 0 {
		slices.SortFunc(s.Kept, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
		s.Reason = "somebody changed it since"
		return s
	}
	s.Op = Delete
	return s
}

// Undo carries out a plan of PlanUndo.
func (c *Client) Undo(ctx context.Context, plan Plan, why string, record Recorder) (Result, error) {
	a := &applier{client: c, record: record, why: why, ids: map[Ref]int64{}, result: Result{Failures: []Failure{}}}
	for _, s := range plan.Steps {
		a.ids[s.ref()] = s.ID
	}
	for _, kind := range order {
		changes := slices.DeleteFunc(ofKind(plan.Steps, kind), func(s Step) bool { return s.Op != Update })
		if err := a.change(ctx, kind, changes, func(string) bool { return true }); err != nil {
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
	if err := a.record.Writing(batch(Delete, kind, tasks)); err != nil {
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
			return a.record.Wrote(batch(Delete, kind, tasks))
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
