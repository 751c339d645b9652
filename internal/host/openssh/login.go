//go:build unix

package openssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A login is the way into one host: as many runs of ssh as it takes to find out
// what the host needs.
type login struct {
	dialer  *Dialer
	client  *client
	hop     ssh.Hop
	bastion *Conn // nil when the host is reached directly

	secret *credential.Credential // the password; nil when there is none

	authorities, revoked []inventory.HostKey // of host keys, where none is known

	drops   ssh.Drops
	need    legacy
	server  string   // the version line it greets with, once its key was fetched
	offered []string // the methods the server takes, as far as it told
	partial bool     // the keys were right, and are not enough
	trial   string   // the method that questions are answered in; empty for keys alone
}

// enter logs in. What one attempt shows to be missing, the next one has.
func (l *login) enter(ctx context.Context) (*Conn, error) {
	keys, err := l.keys(ctx)
	if err != nil {
		return nil, err
	}
	refetched := false
	for {
		conn, err := l.attempt(ctx, keys)
		var no *refusal
		switch {
		case err == nil:
			return l.learn(ctx, conn, keys)
		case errors.As(err, &no):
			err = l.need.widen(ctx, l.client, no)
		case (errors.Is(err, errOtherKey) || errors.Is(err, errAppliance)) && !refetched:
			refetched = true
			keys, err = l.fetch(ctx)
		case l.drops.Again(ctx, err):
			err = nil
		case errors.Is(err, errSignature) && l.need.Signature == nil:
			l.need.Signature = []string{"ssh-rsa"}
			err = nil
		case errors.Is(err, host.ErrAuth) && l.mayAnswer():
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// keys are the host keys to trust: those that are known, or one that is seen now.
func (l *login) keys(ctx context.Context) ([]inventory.HostKey, error) {
	keys, err := l.dialer.Trust.Pinned(l.hop)
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	l.authorities, l.revoked, err = l.dialer.Trust.Authorities(l.hop)
	if err != nil || len(l.authorities) > 0 {
		return nil, err
	}
	return l.fetch(ctx)
}

// fetch sees the host's key and has Trust decide about it. An appliance goes no
// further.
func (l *login) fetch(ctx context.Context) ([]inventory.HostKey, error) {
	key, err := l.see(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.dialer.Trust.Judge(ctx, l.hop, key); err != nil {
		return nil, err
	}
	if what := ssh.Appliance(l.server); what != "" {
		return nil, &ssh.ApplianceError{What: what, Server: l.server, Key: key, Wire: "openssh"}
	}
	return []inventory.HostKey{key}, nil
}

// learn tells Trust which key was shown: one that only the user's known_hosts had
// belongs to the incident's from now on.
func (l *login) learn(ctx context.Context, conn *Conn, keys []inventory.HostKey) (*Conn, error) {
	if len(keys) == 0 {
		return l.vouched(ctx, conn)
	}
	shown := slices.IndexFunc(keys, func(k inventory.HostKey) bool { return k.Fingerprint == conn.HostKey.Fingerprint })
	err := fmt.Errorf("%w: ssh took a key that it was not given", host.ErrHostKey)
	if shown >= 0 {
		conn.HostKey = keys[shown]
		err = l.dialer.Trust.Judge(ctx, l.hop, conn.HostKey)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// vouched completes a login that ssh made because an authority has signed the host
// key: that key is fetched and known from now on.
func (l *login) vouched(ctx context.Context, conn *Conn) (*Conn, error) {
	var plain []string
	for _, name := range conn.Algorithms.HostKey {
		plain = append(plain, strings.TrimSuffix(name, "-cert-v01@openssh.com"))
	}
	key, err := l.glance(ctx, plain)
	if err == nil && key.Fingerprint != conn.HostKey.Fingerprint {
		err = fmt.Errorf("%w: the key is not the one that was certified", host.ErrHostKey)
	}
	if err == nil {
		conn.HostKey = key
		err = l.dialer.Trust.Vouch(l.hop, key)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// see fetches the host key without logging in. Types that are known are asked for
// first, because only those can be compared.
func (l *login) see(ctx context.Context) (inventory.HostKey, error) {
	pinned, err := l.dialer.Trust.Pinned(l.hop)
	if err != nil {
		return inventory.HostKey{}, err
	}
	only := algorithmsOf(pinned)
	for {
		key, err := l.glance(ctx, only)
		if l.drops.Again(ctx, err) {
			continue
		}
		var no *refusal
		if !errors.As(err, &no) {
			return key, err
		}
		if no.what == "host key type" && only != nil {
			only = nil
			continue
		}
		if err := l.need.widen(ctx, l.client, no); err != nil {
			return inventory.HostKey{}, err
		}
	}
}

func algorithmsOf(keys []inventory.HostKey) []string {
	var out []string
	for _, k := range keys {
		names := []string{k.Type}
		if k.Type == "ssh-rsa" {
			names = []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}
		}
		for _, name := range names {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// glance is one connection that ends when the host has proved its key.
func (l *login) glance(ctx context.Context, only []string) (inventory.HostKey, error) {
	dir, err := newDir()
	if err != nil {
		return inventory.HostKey{}, err
	}
	if err := l.forKey(dir, only); err != nil {
		return inventory.HostKey{}, errors.Join(err, os.RemoveAll(dir))
	}
	r, err := l.start(dir)
	if err != nil {
		return inventory.HostKey{}, err
	}
	defer r.end()
	if err := r.await(ctx, stepAuth); err != nil {
		return inventory.HostKey{}, err
	}
	l.server = r.greeting()
	text, err := os.ReadFile(filepath.Join(dir, knownFile))
	if err != nil {
		return inventory.HostKey{}, fmt.Errorf("%w: ssh wrote no host key down: %w", host.ErrHostKey, err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return inventory.HostKey{}, fmt.Errorf("%w: ssh wrote no host key down", host.ErrHostKey)
	}
	return ssh.ParseHostKey(fields[2])
}

// attempt is one run of ssh as a master, with the keys lent to it and, in a trial,
// with answers to what it asks.
func (l *login) attempt(ctx context.Context, keys []inventory.HostKey) (*Conn, error) {
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	if err := l.forLogin(dir, keys); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r, err := l.run(ctx, dir)
	if r == nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l.offered, l.partial = r.methods()
	if err != nil {
		r.end()
		return nil, err
	}
	return newConn(r), nil
}

// run starts ssh and waits until it is logged in. It is nil when ssh did not
// start.
func (l *login) run(ctx context.Context, dir string) (*run, error) {
	listener, err := l.lend(dir)
	if err != nil {
		return nil, err
	}
	answer := noAnswers
	if l.asks() {
		if answer, err = newAskpass(dir); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	r, err := l.start(dir)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), answer.close())
	}
	lender := r.serveKeys(ctx, listener)
	answer.serve(ctx, r)
	return r, answer.settle(lender.settle(r.await(ctx, stepOpen)))
}

// asks reports whether this run of ssh may ask something: in a trial, or the PIN of a
// token.
func (l *login) asks() bool { return l.trial != "" || l.hop.Tokens != "" && l.dialer.Ask != nil }

// mayAnswer reports whether answers may open what the keys alone did not, and
// chooses the one method to give them in: in two the password would be tried
// twice. Questions that only a person can answer are listened to once a key was
// accepted: to begin with them on every host would count as failed logins.
func (l *login) mayAnswer() bool {
	if l.trial != "" {
		return false
	}
	asking := l.secret != nil || l.partial && l.dialer.Ask != nil
	switch {
	case l.secret != nil && slices.Contains(l.offered, "password"):
		l.trial = "password"
	case asking && slices.Contains(l.offered, "keyboard-interactive"):
		l.trial = "keyboard-interactive"
	}
	return l.trial != ""
}
