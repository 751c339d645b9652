//go:build linux

package waytest

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// agentWith serves an agent that holds many strangers' keys and then these.
func agentWith(t *testing.T, strangers int, keys ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	add := func(key any) {
		if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	for range strangers {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		add(private)
	}
	for _, key := range keys {
		add(key)
	}
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Accept(t, l, func(c net.Conn) { _ = agent.ServeAgent(ring, c) })
	return socket
}

// agentWithManyKeys has the key that the configuration names come first, whatever
// else the agent holds; a server that allows few attempts is not bothered with the
// rest.
func agentWithManyKeys(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t, "MaxAuthTries 2")
	data, err := os.ReadFile(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	right, err := xssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(s.Identity + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	onlyPublic := filepath.Join(t.TempDir(), "work") // its private half is in the agent alone
	if err := os.WriteFile(onlyPublic+".pub", public, 0o600); err != nil {
		t.Fatal(err)
	}
	hop := HopTo(s)
	hop.Identities, hop.OnlyThese, hop.Agent = []string{onlyPublic}, false, agentWith(t, 12, right)
	_ = wire.enter(t, settings(t), hop)
}

// agentWithTooManyKeys stops before the server hangs up, where nothing says which
// key is the right one, and says what was left out.
func agentWithTooManyKeys(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t, "MaxAuthTries 6")
	hop := HopTo(s)
	hop.Identities, hop.OnlyThese, hop.Agent = nil, false, agentWith(t, 12)
	err := wire.refused(t, settings(t), hop)
	if !errors.Is(err, host.ErrAuth) || !strings.Contains(err.Error(), "7 keys were not offered") {
		t.Errorf("err = %v, want ErrAuth and what was not offered", err)
	}
	if log := s.AwaitLog(t, "Failed publickey", 5); strings.Contains(log, "Too many authentication failures") {
		t.Errorf("the server saw:\n%s", log)
	}
}
