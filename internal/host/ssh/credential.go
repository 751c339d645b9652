package ssh

import (
	"context"
	"fmt"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// Ask asks a person for a secret. An empty answer means that there is none.
type Ask func(ctx context.Context, prompt string) (string, error)

// A Credential is one password that many hosts may want. It is asked for once,
// when the first host wants it, and tried on that host alone; the others wait.
// The first refusal ends its use everywhere: a wrong password costs one attempt,
// not one on every host.
type Credential struct {
	prompt string
	ask    Ask

	turn chan struct{} // holds one token; who has it may try an unproved password

	mu      sync.Mutex
	asked   bool
	value   string
	proved  bool
	refused string // the host that refused it
}

// NewCredential makes a credential that ask provides when it is first wanted.
func NewCredential(prompt string, ask Ask) *Credential {
	c := &Credential{prompt: prompt, ask: ask, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// A trial is one host's use of a credential; exactly one of its methods must be
// called once.
type trial struct {
	c      *Credential
	value  string
	canary bool
}

// try returns the password to send to a host. The value is empty when the person
// has none.
func (c *Credential) try(ctx context.Context) (trial, error) {
	if t, ok, err := c.settled(); ok || err != nil {
		return t, err
	}
	select {
	case <-c.turn:
	case <-ctx.Done():
		return trial{}, context.Cause(ctx)
	}
	t, ok, err := c.settled() // the one before us may have found out
	if err == nil && !ok {
		t, err = c.first(ctx)
	}
	if !t.canary {
		c.turn <- struct{}{}
	}
	return t, err
}

// settled returns the password when it is proved, or the refusal.
func (c *Credential) settled() (trial, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused != "" {
		return trial{}, false, fmt.Errorf("%w: %s refused this password, so it is tried nowhere else", host.ErrAuth, c.refused)
	}
	if c.asked && c.value == "" {
		return trial{}, true, nil
	}
	return trial{c: c, value: c.value}, c.proved, nil
}

// first asks the person if nobody has, and hands out the trial that decides.
func (c *Credential) first(ctx context.Context) (trial, error) {
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	if !asked {
		value, err := c.ask(ctx, c.prompt)
		if err != nil {
			return trial{}, err
		}
		c.mu.Lock()
		c.asked, c.value = true, value
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return trial{c: c, value: c.value, canary: c.value != ""}, nil
}

// accepted says that the host took the password.
func (t trial) accepted() { t.end(func(c *Credential) { c.proved = true }) }

// wasRefused says that the host named did not.
func (t trial) wasRefused(name string) { t.end(func(c *Credential) { c.refused = name }) }

// untold says that it never came to an answer.
func (t trial) untold() { t.end(func(*Credential) {}) }

func (t trial) end(note func(*Credential)) {
	if t.c == nil {
		return
	}
	t.c.mu.Lock()
	note(t.c)
	t.c.mu.Unlock()
	if t.canary {
		t.c.turn <- struct{}{}
	}
}
