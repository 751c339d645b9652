package ssh_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// newDialer makes a dialer with an empty known_hosts that accepts new keys, and
// has no key but the given ones.
func newDialer(t *testing.T) *ssh.Dialer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	trust, err := ssh.NewTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	trust.AcceptNew = true
	d := &ssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil)}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func hopTo(s *hosttest.SSHD) ssh.Hop {
	return ssh.Hop{
		Alias: "web1", Address: "127.0.0.1", Port: s.Port, User: s.User,
		Identities: []string{s.Identity}, OnlyThese: true, Agent: "none",
	}
}

func dial(t *testing.T, d *ssh.Dialer, route ...ssh.Hop) *ssh.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context(), route)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "MaxSessions 100")
	conn := dial(t, newDialer(t), hopTo(s))
	hosttest.Contract(t, shell.New("web1", conn, shell.Options{Now: time.Now}), t.TempDir())
}

func TestContractThroughTwoBastions(t *testing.T) {
	t.Parallel()
	outer, inner, target := hosttest.StartSSHD(t), hosttest.StartSSHD(t), hosttest.StartSSHD(t, "MaxSessions 100")
	d := newDialer(t)
	conn := dial(t, d, hopTo(outer), hopTo(inner), hopTo(target))
	h := shell.New("web1", conn, shell.Options{Now: time.Now})
	hosttest.Contract(t, h, t.TempDir())
}

var _ = context.Background
