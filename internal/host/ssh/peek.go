package ssh

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// errPeeked ends a handshake as soon as the host has proved its key.
var errPeeked = errors.New("only looked at the host key")

// A NewKey is a host key that nobody has trusted yet.
type NewKey struct {
	KeyEvent
	hop Hop
	key ssh.PublicKey
}

// Peek connects to the end of the route far enough to see its host key, and
// reports it when it is new here. A key that is known or changed is left for Dial
// to judge. The error says why a key could not be seen; it wraps ErrUnspoken where
// another wire may see it.
func (d *Dialer) Peek(ctx context.Context, route Route) (key NewKey, isNew bool, err error) {
	dial := direct(d.Deadlines.withDefaults().Connect)
	if len(route) > 1 {
		b, done, err := d.bastion(ctx, route)
		if err != nil {
			return NewKey{}, false, err
		}
		defer done()
		dial = b.dial
	}
	return d.peek(ctx, route.Last(), dial)
}

func (d *Dialer) peek(ctx context.Context, h Hop, dial dialFunc) (NewKey, bool, error) {
	if h.ProxyCommand != "" {
		return NewKey{}, false, errProxyCommand
	}
	var legacy legacySet
	for dropped := 0; ; {
		key, err := d.seeKey(ctx, h, dial, legacy)
		if errors.Is(err, errDropped) && dropped < maxDropped {
			if dropped++; pause(ctx, dropped) {
				continue
			}
		}
		var no *ssh.AlgorithmNegotiationError
		if errors.As(err, &no) {
			if more, ok := legacy.widen(no); ok {
				legacy = more
				continue
			}
			return NewKey{}, false, noCommon(no)
		}
		if key == nil {
			return NewKey{}, false, err
		}
		if !d.Trust.isNew(h, key) {
			return NewKey{}, false, nil
		}
		name := xknownhosts.Normalize(keyName(h))
		return NewKey{KeyEvent: KeyEvent{Alias: h.Alias, Name: name, Key: describeKey(key)}, hop: h, key: key}, true, nil
	}
}

// seeKey makes a handshake up to the host key.
func (d *Dialer) seeKey(ctx context.Context, h Hop, dial dialFunc, legacy legacySet) (ssh.PublicKey, error) {
	pinned, err := d.Trust.algorithms(h)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
	raw, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	p := newPhases(raw, d.Deadlines.withDefaults())
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()

	var seen ssh.PublicKey
	config := &ssh.ClientConfig{
		User: h.User, ClientVersion: clientVersion,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			seen = key
			return errPeeked
		},
	}
	legacy.apply(config, pinned)
	_, _, _, err = ssh.NewClientConn(p, address, config)
	if seen == nil {
		err = p.explain(ctx, &login{hop: h, keys: d.Keys}, err)
	}
	return seen, err
}

// isNew reports whether nobody has trusted or refused this key for the hop.
func (t *Trust) isNew(h Hop, key ssh.PublicKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, _ := t.judge(h, keyName(h), nil, key)
	return v == unseen
}

// Accept writes down keys that a person has confirmed.
func (t *Trust) Accept(keys ...NewKey) error {
	for _, k := range keys {
		name := keyName(k.hop)
		e := k.KeyEvent
		e.How = "confirmed by a person"
		if err := t.learn(name, k.key, e); err != nil {
			return err
		}
	}
	return nil
}

// Levels groups the hops of routes by how many bastions come before them, each
// hop once: keys of bastions are confirmed before what is behind them is seen.
func Levels(routes []Route) [][]Route {
	var levels [][]Route
	seen := map[string]bool{}
	for depth := 1; ; depth++ {
		var level []Route
		deeper := false
		for _, r := range routes {
			if len(r) < depth {
				continue
			}
			deeper = true
			prefix := slices.Clone(r[:depth])
			if key := routeKey(prefix); !seen[key] {
				seen[key] = true
				level = append(level, prefix)
			}
		}
		if !deeper {
			return levels
		}
		levels = append(levels, level)
	}
}
