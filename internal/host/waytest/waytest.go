//go:build linux

package waytest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// Settings are what a wire is to log in with.
type Settings struct {
	Trust    *ssh.Trust
	Keys     *ssh.Keys
	Password func(h ssh.Hop, bastion bool) *credential.Credential
	Ask      credential.Ask
}

// A Conn is a login by one of the wires.
type Conn interface {
	shell.Wire
	Describe(inventory.Access) inventory.Access
	Close() error
}

// A Dial logs in at the end of a route.
type Dial func(ctx context.Context, route ssh.Route) (Conn, error)

// Of is a dialer's own way to log in.
func Of[C Conn](dial func(context.Context, ssh.Route) (C, error)) Dial {
	return func(ctx context.Context, route ssh.Route) (Conn, error) {
		conn, err := dial(ctx, route)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}

// A Wire makes a dialer with these settings, and ends what it shares with the
// test.
type Wire func(t *testing.T, s Settings) Dial

// Run puts a wire to all the tests.
func Run(t *testing.T, wire Wire) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Wire){
		"one session at a time":        oneSessionAtATime,
		"one-time code at the bastion": oneTimeCodeAtTheBastion,
		"no code without a key":        noCodeWithoutAKey,
		"a key and then a password":    keyAndPassword,
		"a password and then a code":   passwordAndCode,
		"a code that nobody can give":  nobodyKnowsTheCode,
		"nested jumps":                 nestedJumps,
		"passwords through PAM":        passwordsThroughPAM,
		"an agent with many keys":      agentWithManyKeys,
		"an agent with too many keys":  agentWithTooManyKeys,
		"the pinned type of key":       pinnedType,
		"hashed known_hosts":           hashedKnownHosts,
		"an authority of host keys":    authority,
		"an authority, expired":        authorityExpired,
		"an authority of another's":    authorityOfAnother,
		"an authority, key revoked":    authorityRevoked,
		"a revoked key":                revokedKey,
		"a name for keys":              nameForKeys,
		"a server that drops logins":   droppedLogins,
		"a DSA host key":               dsaHostKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, wire)
		})
	}
}

// settings have a known_hosts of their own and accept new keys.
func settings(t *testing.T) Settings {
	t.Helper()
	return knowing(t, filepath.Join(t.TempDir(), "known_hosts"), true)
}

// knowing are settings with this known_hosts of the incident.
func knowing(t *testing.T, knownHosts string, acceptNew bool) Settings {
	t.Helper()
	trust := NewTrust(t, knownHosts)
	trust.AcceptNew = acceptNew
	return Settings{Trust: trust, Keys: ssh.NewKeys(nil)}
}

// as is the way to a machine as one of its users.
func as(user string, m *hosttest.Machine) ssh.Hop {
	hop := HopTo(&m.SSHD)
	hop.User = user
	return hop
}

// enter logs in, or ends the test.
func (w Wire) enter(t *testing.T, s Settings, route ...ssh.Hop) Conn {
	t.Helper()
	conn, err := w(t, s)(t.Context(), route)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// refused tries to log in, and ends the test when that succeeds.
func (w Wire) refused(t *testing.T, s Settings, route ...ssh.Hop) error {
	t.Helper()
	conn, err := w(t, s)(t.Context(), route)
	if err == nil {
		_ = conn.Close()
		t.Fatal("logged in")
	}
	return err
}

// password is a credential that answers with text, for every hop.
func password(text string) func(ssh.Hop, bool) *credential.Credential {
	c := credential.New("Password", func(context.Context, string) (string, error) { return text, nil }, nil)
	return func(ssh.Hop, bool) *credential.Credential { return c }
}
