package shell

import (
	"context"
	"sync"
	"time"
)

// A Clock times the work on hosts. It stands still while a person is asked
// something: how long somebody looks for a code says nothing about a host. The zero
// value runs, and so does nil, always.
type Clock struct {
	mu     sync.Mutex
	asked  int // questions that are open
	limits map[*limit]bool
}

// A limit is what one piece of work may still take.
type limit struct {
	left  time.Duration
	since time.Time // that the timer runs
	timer *time.Timer
	end   func()
}

func (l *limit) run() {
	l.since = time.Now()
	l.timer = time.AfterFunc(l.left, l.end)
}

// WithTimeout is context.WithTimeoutCause by this clock. The context's Err is
// context.Canceled in either case; its cause tells.
func (c *Clock) WithTimeout(ctx context.Context, most time.Duration, cause error) (context.Context, context.CancelFunc) {
	if c == nil {
		return context.WithTimeoutCause(ctx, most, cause)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	l := &limit{left: most, end: func() { cancel(cause) }}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limits == nil {
		c.limits = map[*limit]bool{}
	}
	c.limits[l] = true
	if c.asked == 0 {
		l.run()
	}
	return ctx, func() {
		c.forget(l)
		cancel(context.Canceled)
	}
}

func (c *Clock) forget(l *limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	delete(c.limits, l)
}

// Stand stops the clock until goOn is called, and as long as it stands for another.
func (c *Clock) Stand() (goOn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked++; c.asked == 1 {
		for l := range c.limits {
			l.timer.Stop()
			l.left -= time.Since(l.since)
		}
	}
	return sync.OnceFunc(c.goOn)
}

func (c *Clock) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked--; c.asked > 0 {
		return
	}
	for l := range c.limits {
		l.run()
	}
}
