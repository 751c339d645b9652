//go:build linux

package ssh_test

import (
	"strings"
	"testing"
	"time"

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
