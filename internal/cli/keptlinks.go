package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/scan"
)

// maxKept bounds the connections that stay open between the parts of a look.
const maxKept = 200

// keptLinks are connections that one part of a command leaves to the next: a
// login costs more than what is asked after it.
type keptLinks struct {
	mu    sync.Mutex
	links map[string]scan.Link
}

// keeper is what a scan hands its connections to; nil keeps none.
func (k *keptLinks) keeper() func(string, scan.Link) {
	if k == nil {
		return nil
	}
	return func(name string, l scan.Link) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.links[name] != nil || len(k.links) >= maxKept {
			_ = l.Close()
			return
		}
		k.links[name] = l
	}
}

func (k *keptLinks) find(name string) (scan.Link, bool) {
	if k == nil {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.links[name]
	return l, ok
}

// Close ends them all, at once: each says goodbye to its host.
func (k *keptLinks) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var (
		wait sync.WaitGroup
		errs = make(chan error, len(k.links))
	)
	for _, l := range k.links {
		wait.Go(func() { errs <- l.Close() })
	}
	wait.Wait()
	close(errs)
	k.links = map[string]scan.Link{}
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// connect returns a connection to a host of the inventory, one that is open where
// there is one, and what to call in the end.
func (r *reach) connect(ctx context.Context, h inventory.Host, kept *keptLinks) (scan.Link, func() error, error) {
	if l, ok := kept.find(h.Name); ok {
		return l, func() error { return nil }, nil
	}
	target, err := r.known(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	l, err := target.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	return l, l.Close, nil
}
