package netbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// chunk is how many objects one request writes: NetBox takes some 50 ms for each,
// in one transaction, and proxies wait a minute.
const chunk = 100

// A Batch is one bulk request, as the record keeps it.
type Batch struct {
	Number  int       `json:"number"` // in its run
	Op      Op        `json:"op"`     // create, update, delete
	Kind    Kind      `json:"kind"`
	Objects []Written `json:"objects"`
}

// Delete is what undo does with what we created. No plan has it.
const Delete Op = "delete"

// Written is one object of a batch.
type Written struct {
	ID     int64          `json:"id,omitempty"` // zero while it is about to be made
	Key    string         `json:"key"`
	Host   string         `json:"host,omitempty"`
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
}

// A Recorder keeps what is written, durably: first that it will be, then that it
// was. It is called by one at a time; two batches may be open at once.
type Recorder interface {
	Writing(Batch) error
	Wrote(Batch) error
}

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

// writers is how many batches are on their way at once: a NetBox works at each with
// one process.
const writers = 2

// A lane is batches that go one after the other.
type lane struct {
	op    Op
	kind  Kind
	parts [][]task
}

// lanes cuts the tasks of a wave into batches. What is in different hosts goes side
// by side. What is in no host, and new devices, share rows that count them, and
// stay in one lane.
func lanes(op Op, wave []Kind, tasks map[Kind][]task) []lane {
	total := 0
	for _, list := range tasks {
		total += len(list)
	}
	most := min(chunk, max(chunk/10, total/(2*writers)+1)) // enough batches for every writer
	var list []lane
	for _, kind := range wave {
		if len(tasks[kind]) == 0 {
			continue
		}
		parts := byHost(tasks[kind], most)
		if slices.Index(order, kind) < slices.Index(order, Device) || kind == Prefix || kind == Picture || kind == Device && op == Create {
			list = append(list, lane{op, kind, parts})
			continue
		}
		for _, part := range parts {
			list = append(list, lane{op, kind, [][]task{part}})
		}
	}
	return list
}

// byHost cuts tasks into batches of much the same length, and not above chunk,
// between hosts where that is possible.
func byHost(tasks []task, most int) [][]task {
	var parts [][]task
	for len(tasks) > 0 {
		left := (len(tasks) + most - 1) / most
		n := boundary(tasks, (len(tasks)+left-1)/left)
		parts, tasks = append(parts, tasks[:n:n]), tasks[n:]
	}
	return parts
}

// boundary is the end of a host nearest to n, or n when the host is larger than a batch.
func boundary(tasks []task, n int) int {
	between := func(at int) bool {
		return at == len(tasks) || tasks[at].step.Host != tasks[at-1].step.Host
	}
	for at := n; at <= min(chunk, len(tasks)); at++ {
		if between(at) {
			return at
		}
	}
	for at := n; at > 0; at-- {
		if between(at) {
			return at
		}
	}
	return n
}

// writeAll writes lanes, some at once. What is on its way when one fails is still
// waited for.
func (a *applier) writeAll(ctx context.Context, list []lane) error {
	next, errs := make(chan lane), make(chan error, writers)
	var stopped atomic.Bool
	for range writers {
		go func() {
			var failed error
			for l := range next {
				for _, part := range l.parts {
					if stopped.Load() {
						break
					}
					if failed = a.write(ctx, l.op, l.kind, part); failed != nil {
						stopped.Store(true)
					}
				}
			}
			errs <- failed
		}()
	}
	for _, l := range list {
		next <- l
	}
	close(next)
	var failed error
	for range writers {
		failed = errors.Join(failed, <-errs)
	}
	return failed
}

// begin records that a batch is about to be written, and numbers it.
func (a *applier) begin(op Op, kind Kind, tasks []task) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.number++
	return a.number, a.record.Writing(batch(a.number, op, kind, tasks))
}

// write sends one batch, around which the record is kept.
func (a *applier) write(ctx context.Context, op Op, kind Kind, tasks []task) error {
	number, err := a.begin(op, kind, tasks)
	if err != nil {
		return err
	}
	done, err := a.send(ctx, op, kind, tasks)
	if len(done) == 0 && err != nil {
		return err // whether it was done is not known
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch op {
	case Create:
		a.result.Created += len(done)
	case Update:
		a.result.Updated += len(done)
	}
	return errors.Join(a.record.Wrote(batch(number, op, kind, done)), err)
}

func batch(number int, op Op, kind Kind, tasks []task) Batch {
	b := Batch{Number: number, Op: op, Kind: kind}
	for _, t := range tasks {
		b.Objects = append(b.Objects, t.done)
	}
	return b
}

// send writes tasks and returns those that were done. NetBox takes all of a list
// or nothing, so what it refuses is taken out and the rest sent again.
func (a *applier) send(ctx context.Context, op Op, kind Kind, tasks []task) ([]task, error) {
	var done []task
	for try := 0; len(tasks) > 0; {
		err := a.post(ctx, op, kind, tasks)
		var refused *StatusError
		switch {
		case err == nil:
			return append(done, tasks...), nil
		case errors.Is(err, ErrUnheard):
			if try == len(a.client.pauses) || !wait(ctx, a.client.pauses[try]) {
				return done, err
			}
			try++
			found, rest, err := a.reread(ctx, op, kind, tasks)
			if err != nil {
				return done, err
			}
			done, tasks = append(done, found...), rest
		case errors.As(err, &refused) && refused.Status < 500 && !errors.Is(err, ErrToken):
			rest, all := a.refusals(refused, tasks)
			if !all {
				return a.bisect(ctx, op, kind, tasks, done, refused)
			}
			tasks = rest
		default:
			return done, err
		}
	}
	return done, nil
}

// bisect finds what is wrong with a list of which NetBox says only that it is.
func (a *applier) bisect(ctx context.Context, op Op, kind Kind, tasks, done []task, refused *StatusError) ([]task, error) {
	if len(tasks) == 1 {
		a.fail(tasks[0].step, refused.detail())
		return done, nil
	}
	for _, half := range [][]task{tasks[:len(tasks)/2], tasks[len(tasks)/2:]} {
		part, err := a.send(ctx, op, kind, half)
		done = append(done, part...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// refusals reports each object that NetBox names as wrong, and returns the
// others; it reports false when NetBox named none.
func (a *applier) refusals(refused *StatusError, tasks []task) ([]task, bool) {
	var reply struct {
		Errors []struct {
			Index  *int            `json:"index"`
			ID     *int64          `json:"id"`
			Errors json.RawMessage `json:"errors"`
		} `json:"errors"`
	}
	if json.Unmarshal(refused.Body, &reply) != nil {
		return nil, false
	}
	wrong := map[int]string{}
	for _, e := range reply.Errors {
		for i, t := range tasks {
			if e.Index != nil && *e.Index == i || e.ID != nil && *e.ID == t.done.ID {
				wrong[i] = complaint(e.Errors)
			}
		}
	}
	var rest []task
	for i, t := range tasks {
		if reason, bad := wrong[i]; bad {
			a.fail(t.step, reason)
		} else {
			rest = append(rest, t)
		}
	}
	return rest, len(wrong) > 0
}

// complaint is what NetBox says about the fields of one object, in one line.
func complaint(raw json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return string(raw)
	}
	var said []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		words := fmt.Sprint(fields[field])
		if list, ok := fields[field].([]any); ok && len(list) == 1 {
			words = fmt.Sprint(list[0])
		}
		if field != "__all__" {
			words = field + ": " + words
		}
		said = append(said, words)
	}
	return strings.Join(said, "; ")
}

// post sends one list, and takes the numbers of what was made from the reply,
// which is in the order of the request.
func (a *applier) post(ctx context.Context, op Op, kind Kind, tasks []task) error {
	if kind == Picture {
		return a.upload(ctx, op, tasks)
	}
	bodies := make([]map[string]any, len(tasks))
	for i, t := range tasks {
		bodies[i] = t.body
	}
	method, query := http.MethodPost, url.Values{}
	if op == Update {
		method, query = http.MethodPatch, nil
	}
	if kind == Device || kind == VM {
		query = url.Values{"omit": {"config_context"}} // which costs the server much
	}
	var reply []map[string]any
	if err := a.client.do(ctx, method, kinds[kind].path, query, bodies, &reply); err != nil || op == Update {
		return err
	}
	if len(reply) != len(tasks) {
		return fmt.Errorf("netbox: %d objects were sent and %d came back", len(tasks), len(reply))
	}
	for i := range tasks {
		a.made(&tasks[i], number(reply[i]["id"]))
	}
	return nil
}

// upload sends pictures, of which NetBox takes one a request, as a form.
func (a *applier) upload(ctx context.Context, op Op, tasks []task) error {
	for i := range tasks {
		t := &tasks[i]
		method, path := http.MethodPost, kinds[Picture].path
		if op == Update {
			method, path = http.MethodPatch, fmt.Sprintf("%s/%d", path, t.done.ID)
		}
		p := a.pictures[t.step.ref()]
		t.body["object_type"], t.body["object_id"] = p.model, a.ids[p.at] // without which a change ends in an error of NetBox's
		body, err := newForm(t.body, p.png)
		if err != nil {
			return err
		}
		var reply map[string]any
		if err := a.client.do(ctx, method, path, nil, body, &reply); err != nil {
			return err
		}
		a.made(t, number(reply["id"]))
	}
	return nil
}

func (a *applier) made(t *task, id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.done.ID = id
	a.ids[t.step.ref()] = id
}

// reread finds out which of the tasks were done by a request that got no answer.
// A change may be sent again without harm; what exists must not be made twice.
func (a *applier) reread(ctx context.Context, op Op, kind Kind, tasks []task) (done, rest []task, err error) {
	if op == Update {
		return nil, tasks, nil
	}
	var wanted []Wanted
	for _, t := range tasks {
		w := Wanted{Kind: kind, Key: t.step.Key, Host: t.step.Host, Fields: map[string]any{}}
		for _, c := range t.step.Changes {
			w.Fields[c.Field] = c.After
		}
		wanted = append(wanted, w)
	}
	r := newReader(a.client, wanted)
	a.mu.Lock()
	r.ids, r.uid = maps.Clone(a.ids), true
	a.mu.Unlock()
	if err := r.fetch(ctx, fetchedAs(kind)); err != nil {
		return nil, tasks, err
	}
	for i, w := range wanted {
		found, why := r.match(w)
		if why != "" || found == nil || kind.tagged() && !found.ours {
			rest = append(rest, tasks[i])
			continue
		}
		a.made(&tasks[i], found.id)
		done = append(done, tasks[i])
	}
	return done, rest, nil
}

// fetchedAs is the kind under which a reader looks for both sides of hosts.
func fetchedAs(kind Kind) Kind {
	if kind == VM {
		return Device
	}
	return kind
}

func isDenied(err error) bool { return errors.Is(err, ErrDenied) }

// Remember folds what the record says was written into what we wrote last.
func Remember(batches []Batch) Memory {
	m := Memory{}
	for _, b := range batches {
		for _, o := range b.Objects {
			for field, value := range o.After {
				m[Cell{b.Kind, o.ID, field}] = normal(field, value)
			}
		}
	}
	return m
}
