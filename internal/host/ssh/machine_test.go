//go:build linux

package ssh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// as is the way to a machine as one of its users.
func as(user string, m *hosttest.Machine) ssh.Hop {
	hop := hopTo(&m.SSHD)
	hop.User = user
	return hop
}

// TestMachineKeepsTheContract proves that namespaces and PAM are no hindrance.
func TestMachineKeepsTheContract(t *testing.T) {
	t.Parallel()
	m := hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim"}},
		SSHD:     []string{"MaxSessions 100"},
	})
	conn := dial(t, newDialer(t), as("kim", m))
	h := shell.New("web1", conn, shell.Options{Now: time.Now})
	out, err := h.Probe(t.Context(), host.Command{Argv: []string{"sh", "-c", "mktemp -d $HOME/XXXXXX"}})
	if err != nil || out.Exit != 0 {
		t.Fatalf("%v, %s", err, out.Stderr)
	}
	hosttest.Contract(t, h, strings.TrimSpace(string(out.Stdout)))
}

// TestLoginPasswordsThroughPAM logs in with the password of a real account, by
// each of the two methods that servers take passwords with.
func TestLoginPasswordsThroughPAM(t *testing.T) {
	t.Parallel()
	methods := map[string][]string{
		"password":             {"PasswordAuthentication yes", "KbdInteractiveAuthentication no"},
		"keyboard-interactive": {"PasswordAuthentication no", "KbdInteractiveAuthentication yes"},
	}
	for name, lines := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.StartMachine(t, hosttest.Setup{
				Accounts: []hosttest.Account{{Name: "kim", Password: "correct horse"}},
				SSHD:     lines,
			})
			for _, password := range []string{"correct horse", "wrong horse"} {
				d := newDialer(t)
				ask := func(context.Context, string) (string, error) { return password, nil }
				d.Password = func(ssh.Hop, bool) *credential.Credential { return credential.New("Password", ask, nil) }
				hop := as("kim", m)
				hop.Identities = nil
				conn, err := d.Dial(t.Context(), ssh.Route{hop})
				if password == "correct horse" {
					if err != nil {
						t.Fatal(err)
					}
					_ = conn.Close()
					continue
				}
				if !errors.Is(err, host.ErrAuth) {
					t.Errorf("err = %v, want ErrAuth", err)
				}
			}
			log := m.Read(t, "/var/log/sshd.log")
			if n := strings.Count(log, "Failed "); n != 1 || !strings.Contains(log, "Accepted "+name) {
				t.Errorf("%d failures; log:\n%s", n, log)
			}
		})
	}
}
