// Package credential keeps passwords from locking anybody out: each is asked for
// once, kept in memory only, tried on one host before any other, and counted
// against what its account may be refused.
package credential

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Ask asks a person for a secret. An empty answer means that there is none; so does
// an error that wraps ErrNone, where the empty one may be an answer.
type Ask func(ctx context.Context, prompt string) (string, error)

// ErrNone says that the person has no answer.
var ErrNone = errors.New("no answer was given")

// ErrRefused says that a host has refused the password, so that it is tried
// nowhere else.
var ErrRefused = errors.New("the password was refused")

// A Ledger counts the attempts of one account. Passwords that are proved are not
// counted.
type Ledger interface {
	// Begin is called, and is to be durable, before an unproved password is sent
	// to a host. An error keeps it from being sent.
	Begin(ctx context.Context, host string) error
	// End says how the host took it. An attempt without an end counts as refused.
	End(ctx context.Context, host string, accepted bool)
}

// A Credential is one password that many hosts may want. It is asked for once,
// when the first host wants it, and tried on that host alone; the others wait.
// The first refusal ends its use everywhere: a wrong password costs one attempt,
// not one on every host.
type Credential struct {
	prompt string
	ask    Ask
	ledger Ledger

	turn chan struct{} // holds one token; who has it may try an unproved password

	mu      sync.Mutex
	asked   bool
	value   string
	proved  bool
	refused string // the host that refused it
}

// New makes a credential that ask provides when it is first wanted. ledger may be
// nil: then nothing is counted.
func New(prompt string, ask Ask, ledger Ledger) *Credential {
	c := &Credential{prompt: prompt, ask: ask, ledger: ledger, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// A Trial is one host's use of a credential; exactly one of its methods must be
// called once.
type Trial struct {
	// Value is what to send; empty when the person has no password.
	Value string

	c      *Credential
	host   string
	canary bool
}

// Try returns the password to send to a host. While it is unproved, one host has
// it at a time.
func (c *Credential) Try(ctx context.Context, host string) (Trial, error) {
	if t, ok, err := c.settled(host); ok || err != nil {
		return t, err
	}
	select {
	case <-c.turn:
	case <-ctx.Done():
		return Trial{}, context.Cause(ctx)
	}
	t, ok, err := c.settled(host) // the one before us may have found out
	if err == nil && !ok {
		t, err = c.first(ctx, host)
	}
	if !t.canary {
		c.turn <- struct{}{}
	}
	return t, err
}

// Ready asks for the password now, when nobody has been asked yet: who wants it later
// does not have to wait for a person.
func (c *Credential) Ready(ctx context.Context) error {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { c.turn <- struct{}{} }()
	_, err := c.answer(ctx)
	return err
}

// settled returns the password when it is proved, or the refusal.
func (c *Credential) settled(host string) (Trial, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused != "" {
		return Trial{}, false, fmt.Errorf("%w by %s, so it is tried nowhere else", ErrRefused, c.refused)
	}
	if c.asked && c.value == "" {
		return Trial{}, true, nil
	}
	return Trial{Value: c.value, c: c, host: host}, c.proved, nil
}

// first asks the person if nobody has, and hands out the trial that decides.
func (c *Credential) first(ctx context.Context, host string) (Trial, error) {
	value, err := c.answer(ctx)
	if err != nil || value == "" {
		return Trial{}, err
	}
	if c.ledger != nil {
		if err := c.ledger.Begin(ctx, host); err != nil {
			return Trial{}, err
		}
	}
	return Trial{Value: value, c: c, host: host, canary: true}, nil
}

// answer is what the person said, now or before. Only who has the turn calls it.
func (c *Credential) answer(ctx context.Context) (string, error) {
	c.mu.Lock()
	asked, value := c.asked, c.value
	c.mu.Unlock()
	if asked {
		return value, nil
	}
	value, err := c.ask(ctx, c.prompt)
	if err != nil && !errors.Is(err, ErrNone) {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.value = true, value
	return value, nil
}

// Accepted says that the host took the password.
func (t Trial) Accepted() {
	t.end(func(c *Credential) { c.proved = true })
	t.count(true)
	t.pass()
}

// Refused says that the host did not take it.
func (t Trial) Refused() {
	t.end(func(c *Credential) { c.refused = t.host })
	t.count(false)
	t.pass()
}

// Untold says that it never came to an answer.
func (t Trial) Untold() { t.pass() }

func (t Trial) end(note func(*Credential)) {
	if t.c == nil {
		return
	}
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	note(t.c)
}

// count tells the ledger. It must outlive the host's own deadline: what is not
// written down counts as refused.
func (t Trial) count(accepted bool) {
	if t.c != nil && t.c.ledger != nil && (t.canary || !accepted) {
		t.c.ledger.End(context.Background(), t.host, accepted)
	}
}

func (t Trial) pass() {
	if t.canary {
		t.c.turn <- struct{}{}
	}
}
