package ssh_test

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
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
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
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	return socket
}

// The key that the configuration names comes first, whatever else the agent
// holds; a server that allows few attempts is not bothered with the rest.
func TestAgentWithManyKeys(t *testing.T) {
	t.Parallel()
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
	hop := hopTo(s)
	hop.Identities, hop.OnlyThese, hop.Agent = []string{onlyPublic}, false, agentWith(t, 12, right)
	_ = dial(t, newDialer(t), hop)
}

// Where nothing says which key is the right one, we stop before the server hangs
// up, and say what was left out.
func TestAgentWithTooManyKeys(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "MaxAuthTries 6")
	hop := hopTo(s)
	hop.Identities, hop.OnlyThese, hop.Agent = nil, false, agentWith(t, 12)
	_, err := newDialer(t).Dial(t.Context(), ssh.Route{hop})
	if !errors.Is(err, host.ErrAuth) || !strings.Contains(err.Error(), "7 keys were not offered") {
		t.Errorf("err = %v, want ErrAuth and what was not offered", err)
	}
	log, err := os.ReadFile(s.Log)
	if err != nil || strings.Contains(string(log), "Too many authentication failures") || strings.Count(string(log), "Failed publickey") != 5 {
		t.Errorf("the server saw (%v):\n%s", err, log)
	}
}
