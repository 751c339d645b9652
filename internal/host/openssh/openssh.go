//go:build unix

// Package openssh is the second wire: it reaches hosts with the system's ssh,
// for what the native wire does not speak (aes256-cbc or hmac-md5 alone,
// ProxyCommand, GSSAPI, keys in hardware and on tokens).
//
// # One master per host
//
// For each login we run one `ssh -M` in the foreground, with a configuration of
// its own in a private directory. Sessions are asked of it over its control
// socket, in the protocol of OpenSSH's PROTOCOL.mux; no ssh is started for them.
//
// # Death
//
// The master's parent is a small shell whose standard input is a pipe that only
// we hold. When that closes, because we are done or were killed, it ends the
// master and removes the directory.
//
// # Trust
//
// This wire decides nothing about host keys. It gives ssh exactly those keys
// that [ssh.Trust] holds for the hop; a key that is not among them is fetched
// without logging in and put before the same Trust.
package openssh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// A Dialer logs in to hosts with the system's ssh. Bastions are logged in to once
// and shared.
type Dialer struct {
	Trust     *ssh.Trust
	Keys      *ssh.Keys
	Deadlines ssh.Deadlines

	// Password is the credential for a hop; bastions may have others than the
	// hosts behind them. Nil when no passwords are used.
	Password func(h ssh.Hop, bastion bool) *credential.Credential

	// Ask answers what hosts ask beside a password, like one-time codes. Nil when
	// nobody is there.
	Ask credential.Ask

	bastions ssh.Bastions[*Conn]

	mu    sync.Mutex
	found *client
	pins  map[string]*credential.Credential // of tokens, by ssh's question
}

// Dial logs in to the host at the end of the route. Its error wraps one of
// package host's sentinels.
func (d *Dialer) Dial(ctx context.Context, route ssh.Route) (*Conn, error) {
	return d.dial(ctx, route, false)
}

func (d *Dialer) dial(ctx context.Context, route ssh.Route, bastion bool) (*Conn, error) {
	var conn *Conn
	err := d.through(ctx, route, func(l *login) (err error) {
		if d.Password != nil {
			l.secret = d.Password(l.hop, bastion)
		}
		conn, err = l.enter(ctx)
		return err
	})
	return conn, err
}

// Peek sees the host key at the end of the route, without logging in there, and
// reports it when it is new here.
func (d *Dialer) Peek(ctx context.Context, route ssh.Route) (ssh.NewKey, bool) {
	var key inventory.HostKey
	err := d.through(ctx, route, func(l *login) (err error) {
		key, err = l.see(ctx)
		return err
	})
	if err != nil {
		return ssh.NewKey{}, false
	}
	return d.Trust.New(route.Last(), key)
}

// through calls visit with a login at the end of the route, once the bastions
// before it are connected.
func (d *Dialer) through(ctx context.Context, route ssh.Route, visit func(*login) error) error {
	c, err := d.client(ctx)
	if err != nil {
		return err
	}
	l := &login{dialer: d, client: c, hop: route.Last()}
	if len(route) == 1 {
		return visit(l)
	}
	b, done, err := d.bastions.Through(ctx, route[:len(route)-1], func(ctx context.Context, route ssh.Route) (*Conn, error) {
		return d.dial(ctx, route, true)
	})
	if err != nil {
		return err
	}
	defer done()
	l.bastion = b
	return visit(l)
}

// client asks the system's ssh what it is, once.
func (d *Dialer) client(ctx context.Context) (*client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.found != nil {
		return d.found, nil
	}
	c, err := findClient(ctx)
	if err == nil {
		d.found = c
	}
	return c, err
}

// pin is the credential that answers ssh's question for the PIN of a token.
func (d *Dialer) pin(question string) *credential.Credential {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pins == nil {
		d.pins = map[string]*credential.Credential{}
	}
	if d.pins[question] == nil {
		d.pins[question] = credential.New(strings.TrimRight(word.OneLine(question), ": "), d.Ask, nil)
	}
	return d.pins[question]
}

// Close ends the shared bastions.
func (d *Dialer) Close() error { return d.bastions.Close() }

// reason is why ctx ended: a limit of ours, or a cancellation, which stays one.
func reason(ctx context.Context) error {
	why := context.Cause(ctx)
	if errors.Is(why, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", host.ErrTimeout, why)
	}
	return why
}
