package netbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Failure is one object that could not be written.
type Failure struct {
	Kind   Kind   `json:"kind"`
	Key    string `json:"key"`
	Host   string `json:"host,omitempty"`
	Reason string `json:"reason"`
}

// A Result is what applying a plan came to.
type Result struct {
	Created  int       `json:"created"`
	Updated  int       `json:"updated"`
	Deleted  int       `json:"deleted"`
	Failures []Failure `json:"failures"`
}

// Apply carries out a plan. One object that NetBox refuses never stops the others;
// an error means that NetBox or the record could not be reached, and the result
// says how far it came. Applying again goes on from there.
func (c *Client) Apply(ctx context.Context, plan Plan, why string, record Recorder) (Result, error) {
	a := &applier{client: c, record: record, why: why, ids: map[Ref]int64{}, pictures: plan.pictures, result: Result{Failures: []Failure{}}}
	for _, s := range plan.Steps {
		if s.ID != 0 {
			a.ids[s.ref()] = s.ID
		}
	}
	err := a.run(ctx, plan.Steps)
	return a.result, err
}

type applier struct {
	client   *Client
	why      string // told to NetBox's changelog
	pictures map[Ref]picture

	mu     sync.Mutex // over the following
	record Recorder
	ids    map[Ref]int64
	result Result
	number int
}

// A task is one object on its way into NetBox.
type task struct {
	step Step
	body map[string]any // as it is sent
	done Written        // as it is kept
}

func (a *applier) run(ctx context.Context, steps []Step) error {
	freed := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return !s.release })
	fresh := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.release || s.Op != Create })
	old := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.release || s.Op != Update })
	for _, wave := range waves {
		if err := a.change(ctx, wave, freed, anyField); err != nil {
			return err
		}
	}
	for _, wave := range waves {
		if err := a.create(ctx, wave, fresh); err != nil {
			return err
		}
		if err := a.change(ctx, wave, old, early); err != nil {
			return err
		}
	}
	for _, wave := range waves {
		if err := a.change(ctx, wave, append(fresh, old...), func(field string) bool { return !early(field) }); err != nil {
			return err
		}
	}
	return nil
}

func anyField(string) bool { return true }

// early says of a field that it is written together with its object.
func early(field string) bool { return !slices.Contains(late, field) }

func ofKind(steps []Step, kind Kind) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Kind != kind })
}

func (a *applier) fail(s Step, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.result.Failures = append(a.result.Failures, Failure{s.Kind, s.Key, s.Host, clip(reason, 500)})
}

// prepare makes the task of a step, of the fields that are wanted now. It reports
// false when there is nothing to send.
func (a *applier) prepare(s Step, want func(string) bool) (task, bool) {
	t := task{step: s, body: map[string]any{}, done: Written{ID: a.ids[s.ref()], Key: s.Key, Host: s.Host, Before: map[string]any{}, After: map[string]any{}}}
	for _, c := range s.Changes {
		if !want(c.Field) {
			continue
		}
		after := c.After
		if ref, ok := after.(Ref); ok {
			id, made := a.ids[ref]
			if !made {
				a.fail(s, fmt.Sprintf("%s needs %s %s, which was not made", c.Field, ref.Kind, ref.Key))
				return t, false
			}
			after = id
		}
		t.done.Before[c.Field], t.done.After[c.Field] = c.Before, after
		if c.Field == findings {
			t.body["add_tags"], t.body["remove_tags"] = tagChanges(text(c.Before), text(after))
			continue
		}
		encode(t.body, c.Field, after)
	}
	if len(t.done.After) == 0 {
		return t, false
	}
	if s.Kind.tagged() || s.Kind == Tag {
		t.body["changelog_message"] = clip(a.why, 200)
	}
	return t, true
}

// tagChanges are the tags to add and those to take off.
func tagChanges(before, after string) (add, remove []map[string]string) {
	add, remove = []map[string]string{}, []map[string]string{}
	old, now := strings.Fields(before), strings.Fields(after)
	for _, slug := range now {
		if !slices.Contains(old, slug) {
			add = append(add, map[string]string{"slug": slug})
		}
	}
	for _, slug := range old {
		if !slices.Contains(now, slug) {
			remove = append(remove, map[string]string{"slug": slug})
		}
	}
	return add, remove
}

// encode puts a field where NetBox wants it.
func encode(body map[string]any, field string, value any) {
	if name, ok := strings.CutPrefix(field, custom); ok {
		fields, _ := body["custom_fields"].(map[string]any)
		if fields == nil {
			fields = map[string]any{}
			body["custom_fields"] = fields
		}
		fields[name] = value
		return
	}
	if list, ok := value.(string); ok && (field == "port_mappings" || field == "object_types") {
		body[field] = strings.Fields(list)
		return
	}
	body[field] = value
}

func (a *applier) create(ctx context.Context, wave []Kind, steps []Step) error {
	tasks := map[Kind][]task{}
	for _, kind := range wave {
		for _, s := range ofKind(steps, kind) {
			t, ok := a.prepare(s, early)
			if !ok {
				continue
			}
			if kind.tagged() {
				more, _ := t.body["add_tags"].([]map[string]string)
				t.body["tags"] = append([]map[string]string{{"slug": TagSlug}}, more...)
				delete(t.body, "add_tags")
				delete(t.body, "remove_tags")
			}
			tasks[kind] = append(tasks[kind], t)
		}
	}
	return a.writeAll(ctx, lanes(Create, wave, tasks))
}

func (a *applier) change(ctx context.Context, wave []Kind, steps []Step, want func(string) bool) error {
	tasks := map[Kind][]task{}
	for _, kind := range wave {
		for _, s := range ofKind(steps, kind) {
			if a.ids[s.ref()] == 0 {
				continue // it was not made, and that was said
			}
			if t, ok := a.prepare(s, want); ok {
				t.body["id"] = t.done.ID
				tasks[kind] = append(tasks[kind], t)
			}
		}
	}
	return a.writeAll(ctx, lanes(Update, wave, tasks))
}
