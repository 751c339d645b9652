package ssh

import (
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// How long the user's agent may take. To sign, it may wait for a person's touch;
// longer than a login may take in all helps nobody.
const (
	agentLists = 5 * time.Second
	agentSigns = 15 * time.Second
)

// An agentLine is the connection to the user's agent, which is asked one thing after
// another: a person touches a key for one login at a time. An agent that does not
// answer in time is given up for good, or it would hold up every host.
type agentLine struct {
	conn net.Conn
	turn chan struct{} // holds one while somebody asks
}

func newAgentLine(conn net.Conn) *agentLine {
	return &agentLine{conn: conn, turn: make(chan struct{}, 1)}
}

// within asks the agent, and hangs up when that takes longer than its patience.
func (l *agentLine) within(patience time.Duration, ask func() error) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	late := time.AfterFunc(patience, func() { _ = l.conn.Close() })
	err := ask()
	if !late.Stop() && err != nil {
		return fmt.Errorf("no answer for %s; ssh-add -l asks it too", patience)
	}
	return err
}

// keys lists what the agent holds. The line stays open: the keys sign through it.
func (l *agentLine) keys() ([]ssh.Signer, error) {
	var held []ssh.Signer
	err := l.within(agentLists, func() (err error) {
		held, err = agent.NewClient(l.conn).Signers()
		return err
	})
	if err != nil {
		return nil, err
	}
	keys := make([]ssh.Signer, len(held))
	for n, k := range held {
		keys[n] = agentKey{k.(ssh.AlgorithmSigner), l}
	}
	return keys, nil
}

// An agentKey signs by the agent.
type agentKey struct {
	ssh.AlgorithmSigner
	line *agentLine
}

func (k agentKey) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(random, data, "")
}

func (k agentKey) SignWithAlgorithm(random io.Reader, data []byte, algorithm string) (signature *ssh.Signature, err error) {
	err = k.line.within(agentSigns, func() (err error) {
		signature, err = k.AlgorithmSigner.SignWithAlgorithm(random, data, algorithm)
		return err
	})
	return signature, err
}
