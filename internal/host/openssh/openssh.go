//go:build unix

// Package openssh is the second wire: it reaches hosts with the system's ssh,
// for what the native wire does not speak (aes256-cbc or hmac-md5 alone,
// ProxyCommand, GSSAPI, keys in hardware).
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
	"sync"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
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

	mu       sync.Mutex
	found    *client
	bastions map[string]*bastion
}

// perBastion is how many logins through one bastion may be under way at once.
const perBastion = 4

// A bastion is a connection that hosts behind it share.
type bastion struct {
	ready chan struct{} // closed once conn or err is set
	conn  *Conn
	err   error
	slots chan struct{} // logins through it that are under way
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
			l.password = d.Password(l.hop, bastion)
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
	b, err := d.bastion(ctx, route[:len(route)-1])
	if err != nil {
		return err
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return reason(ctx)
	}
	l.bastion = b.conn
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

// bastion returns the shared connection to the end of the route, and makes it
// when it is the first to want it.
func (d *Dialer) bastion(ctx context.Context, route ssh.Route) (*bastion, error) {
	key := ssh.RouteKey(route)
	d.mu.Lock()
	b, ok := d.bastions[key]
	if !ok {
		b = &bastion{ready: make(chan struct{}), slots: make(chan struct{}, perBastion)}
		if d.bastions == nil {
			d.bastions = map[string]*bastion{}
		}
		d.bastions[key] = b
	}
	d.mu.Unlock()
	if !ok {
		// Others wait for this login: it must not end because the first host that
		// wanted it was given up.
		b.conn, b.err = d.dial(context.WithoutCancel(ctx), route, true)
		close(b.ready)
	}
	select {
	case <-b.ready:
	case <-ctx.Done():
		return nil, reason(ctx)
	}
	if b.err != nil {
		return nil, fmt.Errorf("bastion %s: %w", route.Last().Alias, b.err)
	}
	return b, nil
}

// Close ends the shared bastions.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, b := range d.bastions {
		select {
		case <-b.ready:
			if b.conn != nil {
				errs = append(errs, b.conn.Close())
			}
		default:
		}
	}
	d.bastions = nil
	return errors.Join(errs...)
}

// reason is why ctx ended: a limit of ours, or a cancellation, which stays one.
func reason(ctx context.Context) error {
	why := context.Cause(ctx)
	if errors.Is(why, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", host.ErrTimeout, why)
	}
	return why
}
