package ssh

import (
	"crypto/ed25519"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A slowAgent takes its time to list its keys, and to sign.
type slowAgent struct {
	agent.ExtendedAgent
	lists, signs time.Duration
}

func (a slowAgent) List() ([]*agent.Key, error) {
	time.Sleep(a.lists)
	return a.ExtendedAgent.List()
}

func (a slowAgent) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	time.Sleep(a.signs)
	return a.ExtendedAgent.Sign(key, data)
}

func (a slowAgent) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	time.Sleep(a.signs)
	return a.ExtendedAgent.SignWithFlags(key, data, flags)
}

// lineTo serves such an agent that holds one key.
func lineTo(t *testing.T, slow slowAgent) *agentLine {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	slow.ExtendedAgent = agent.NewKeyring().(agent.ExtendedAgent)
	if err := slow.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	t.Cleanup(func() { _ = here.Close() })
	go func() { _ = agent.ServeAgent(slow, there) }()
	return newAgentLine(here)
}

// An agent that is there and hangs is given up, and not asked again.
func TestAgentThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := lineTo(t, slowAgent{lists: time.Minute})
		if _, err := line.keys(); err == nil || !strings.Contains(err.Error(), "no answer for 5s") {
			t.Errorf("an agent that hangs: %v", err)
		}
		began := time.Now()
		if _, err := line.keys(); err == nil || time.Since(began) > 0 {
			t.Errorf("it was asked again for %s: %v", time.Since(began), err)
		}
		synctest.Wait()
		time.Sleep(time.Minute) // the agent ends
	})
}

// An agent that is asked rarely, and by many at once, answers all of them.
func TestAgentThatTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, err := lineTo(t, slowAgent{lists: 4 * time.Second, signs: 10 * time.Second}).keys()
		if err != nil || len(keys) != 1 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		time.Sleep(time.Hour)
		const logins = 5
		errs := make(chan error)
		for range logins {
			go func() {
				signature, err := keys[0].(ssh.AlgorithmSigner).SignWithAlgorithm(nil, []byte("data"), ssh.KeyAlgoED25519)
				if err == nil {
					err = keys[0].PublicKey().Verify([]byte("data"), signature)
				}
				errs <- err
			}()
		}
		for range logins {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
