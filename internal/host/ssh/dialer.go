// Package ssh is the native wire: it reaches hosts over SSH, through bastions,
// with the user's keys and configuration.
package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
)

// Deadlines bound each step of a login by itself; the zero value of each means
// its default.
type Deadlines struct {
	Connect time.Duration // TCP: 10 s
	Banner  time.Duration // the server's first line: 10 s
	Kex     time.Duration // key exchange: 15 s
	Auth    time.Duration // logging in, without the time a person types: 20 s
}

func (d Deadlines) withDefaults() Deadlines {
	d.Connect = cmp.Or(d.Connect, 10*time.Second)
	d.Banner = cmp.Or(d.Banner, 10*time.Second)
	d.Kex = cmp.Or(d.Kex, 15*time.Second)
	d.Auth = cmp.Or(d.Auth, 20*time.Second)
	return d
}

// clientVersion is how we greet: whoever reads the host's log sees who came.
const clientVersion = "SSH-2.0-nightcall"

// A Dialer logs in to hosts. Bastions are logged in to once and shared.
type Dialer struct {
	Trust     *Trust
	Keys      *Keys
	Deadlines Deadlines

	// Password is the credential for a hop; bastions may have others than the
	// hosts behind them. Nil when no passwords are used.
	Password func(h Hop, bastion bool) *credential.Credential
	// Ask answers what hosts ask beside a password, like one-time codes. Nil when
	// nobody is there.
	Ask credential.Ask

	bastions Bastions[*Conn]
}

// Dial logs in to the host at the end of the route. Its error wraps one of
// package host's sentinels.
func (d *Dialer) Dial(ctx context.Context, route Route) (*Conn, error) {
	return d.dial(ctx, route, false)
}

func (d *Dialer) dial(ctx context.Context, route Route, bastion bool) (*Conn, error) {
	way := attempt{hop: route.Last(), bastion: bastion, dial: direct(d.Deadlines.withDefaults().Connect)}
	if len(route) == 1 {
		return d.login(ctx, way)
	}
	b, done, err := d.bastion(ctx, route)
	if err != nil {
		return nil, err
	}
	defer done()
	way.dial = b.dial
	return d.login(ctx, way)
}

// bastion returns the shared connection to the last hop but one, and what to call
// when the login through it is over.
func (d *Dialer) bastion(ctx context.Context, route Route) (*Conn, func(), error) {
	return d.bastions.Through(ctx, route[:len(route)-1], func(ctx context.Context, route Route) (*Conn, error) {
		return d.dial(ctx, route, true)
	})
}

// Close ends the shared bastions.
func (d *Dialer) Close() error { return d.bastions.Close() }

type dialFunc func(ctx context.Context, address string) (net.Conn, error)

func direct(timeout time.Duration) dialFunc {
	return func(ctx context.Context, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, dialError(ctx, err)
		}
		return conn, nil
	}
}

// An attempt is how one connection and handshake with a hop is to be made.
type attempt struct {
	hop     Hop
	bastion bool // others wait behind it
	dial    dialFunc
	legacy  legacySet
	factors bool // the key was not enough: answer questions too
	again   bool // it hung up while somebody was asked: what was answered is known now
}

// login connects and logs in: with today's algorithms first, then, for this host
// only, with exactly those older ones its refusal shows it needs. Questions are
// answered only after a key was accepted, or where passwords are used: to begin
// that on every host would count as failed logins.
func (d *Dialer) login(ctx context.Context, a attempt) (*Conn, error) {
	if a.hop.ProxyCommand != "" {
		return nil, errProxyCommand
	}
	for drops := (Drops{}); ; {
		conn, l, err := d.try(ctx, a)
		var no *ssh.AlgorithmNegotiationError
		switch {
		case err == nil:
			return conn, nil
		case errors.As(err, &no):
			more, ok := a.legacy.widen(no)
			if !ok {
				return nil, noCommon(no)
			}
			a.legacy = more
		case drops.Again(ctx, err):
		case errors.Is(err, errImpatient) && l.answers.trial == nil && !a.again:
			a.again = true
		case errors.Is(err, host.ErrAuth) && l != nil && l.signed != "" && d.Ask != nil && !a.factors:
			a.factors = true
		case errors.Is(err, host.ErrAuth) && l != nil && a.hop.otherWay(l.offered):
			return nil, unspoken(err)
		default:
			return nil, err
		}
	}
}

// try makes one connection and one handshake. The login is returned when it came
// that far.
func (d *Dialer) try(ctx context.Context, a attempt) (*Conn, *login, error) {
	h := a.hop
	address := net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
	raw, err := a.dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	p := newPhases(raw, d.Deadlines.withDefaults())
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()

	l := &login{hop: h, keys: d.Keys, answers: Answers{Hop: h, Busy: p.busy}, ctx: ctx}
	if d.Password != nil {
		l.answers.Secret = d.Password(h, a.bastion)
	}
	if l.answers.Secret != nil || a.factors {
		l.answers.Ask = d.Ask
	}
	config, err := d.clientConfig(ctx, h, l, p, a.legacy)
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	c, chans, reqs, err := ssh.NewClientConn(p, address, config)
	l.answers.Settle(err)
	if err != nil {
		_ = raw.Close()
		return nil, l, p.explain(ctx, l, err)
	}
	if !stop() { // cancelled at the last moment
		return nil, nil, reason(ctx, ctx.Err())
	}
	p.finish()
	d.Keys.opened(l.signed)
	return newConn(ssh.NewClient(c, chans, reqs), l, p, a.legacy), l, nil
}

func (d *Dialer) clientConfig(ctx context.Context, h Hop, l *login, p *phases, legacy legacySet) (*ssh.ClientConfig, error) {
	pinned, err := d.Trust.algorithms(h)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", host.ErrHostKey, err)
	}
	config := &ssh.ClientConfig{
		User:         h.User,
		Auth:         l.methods(),
		AuthCallback: l.next,
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			p.pause()
			defer p.to(phaseAuth)
			p.key = key
			p.verdict = d.Trust.check(ctx, h, remote, key)
			if what := Appliance(p.version()); what != "" && p.verdict == nil {
				p.verdict = &ApplianceError{What: what, Server: p.version(), Key: describeKey(key), Wire: "ssh"}
			}
			return p.verdict
		},
		BannerCallback: func(string) error { return nil },
		ClientVersion:  clientVersion,
	}
	legacy.apply(config, pinned)
	return config, nil
}
