package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// perBastion is how many logins through one bastion may be under way at once:
// sshd drops more than ten unfinished ones by default (MaxStartups).
const perBastion = 4

// Bastions are the connections of one wire that hosts behind them share. Each is
// logged in to once. The zero value has none.
type Bastions[C io.Closer] struct {
	mu    sync.Mutex
	known map[string]*bastion[C]
}

type bastion[C io.Closer] struct {
	ready chan struct{} // closed once conn or err is set
	conn  C
	err   error
	slots chan struct{} // logins through it that are under way
}

// Through returns the connection to the end of the route, made with dial by who
// wants it first, once a login through it may begin. done says that this login is
// over.
func (b *Bastions[C]) Through(ctx context.Context, route Route, dial func(context.Context, Route) (C, error)) (conn C, done func(), err error) {
	s, first := b.find(routeKey(route))
	if first {
		// Others wait for this login: it must not end because the first host that
		// wanted it was given up.
		s.conn, s.err = dial(context.WithoutCancel(ctx), route)
		close(s.ready)
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return conn, nil, reason(ctx, ctx.Err())
	}
	if s.err != nil {
		return conn, nil, fmt.Errorf("bastion %s: %w", route.Last().Alias, s.err)
	}
	select {
	case s.slots <- struct{}{}:
		return s.conn, func() { <-s.slots }, nil
	case <-ctx.Done():
		return conn, nil, reason(ctx, ctx.Err())
	}
}

// find returns the bastion of that key, and whether the caller is the first to
// want it.
func (b *Bastions[C]) find(key string) (s *bastion[C], first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.known[key]; ok {
		return s, false
	}
	s = &bastion[C]{ready: make(chan struct{}), slots: make(chan struct{}, perBastion)}
	if b.known == nil {
		b.known = map[string]*bastion[C]{}
	}
	b.known[key] = s
	return s, true
}

// Close ends the connections.
func (b *Bastions[C]) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, s := range b.known {
		select {
		case <-s.ready:
			if s.err == nil {
				errs = append(errs, s.conn.Close())
			}
		default:
		}
	}
	b.known = nil
	return errors.Join(errs...)
}

// routeKey is equal for routes that end at the same login.
func routeKey(route Route) string {
	var b strings.Builder
	for _, h := range route {
		fmt.Fprintf(&b, "%s@%s %d %s\n", h.User, h.Address, h.Port, h.KeyName)
	}
	return b.String()
}
