package netbox

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
)

// chunk is how many objects one request writes: NetBox takes some 50 ms for each,
// in one transaction, and proxies wait a minute.
const chunk = 100

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
