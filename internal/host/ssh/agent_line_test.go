package ssh

import (
	"crypto/ed25519"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/agent"
)

// A mutedAgent does not answer while the test runs.
type mutedAgent struct {
	agent.ExtendedAgent
	until <-chan struct{}
}

func (a mutedAgent) List() ([]*agent.Key, error) {
	<-a.until
	return a.ExtendedAgent.List()
}

// An agent that is there and hangs is given up, and not asked again.
func TestAgentThatHangs(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keyring := agent.NewKeyring().(agent.ExtendedAgent)
	if err := keyring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_ = agent.ServeAgent(mutedAgent{keyring, t.Context().Done()}, conn)
		}
	}()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	client := agent.NewClient(&agentLine{Conn: conn, patience: 20 * time.Millisecond})
	if _, err := client.List(); err == nil || !strings.Contains(err.Error(), "no answer for 20ms") {
		t.Errorf("an agent that hangs: %v", err)
	}
	if _, err := conn.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it could be asked again: %v", err)
	}
}
