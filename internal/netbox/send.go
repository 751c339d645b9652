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
)

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
