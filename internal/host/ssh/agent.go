package ssh

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A Lent is the user's keys for one login by another wire. They stay here: the
// other side lists them and has them sign, in the protocol of ssh-agent.
type Lent struct {
	keys *Keys
	hop  Hop
	busy func(bool) // hears while a person may be typing

	mu      sync.Mutex
	trouble []string
	signed  string // fingerprint of the key that signed last
}

// Lend makes the keys for a hop ready. busy is called around what may ask a
// person.
func (k *Keys) Lend(h Hop, busy func(bool)) *Lent { return &Lent{keys: k, hop: h, busy: busy} }

// Serve answers one client until it hangs up.
func (l *Lent) Serve(ctx context.Context, conn io.ReadWriter) error {
	return agent.ServeAgent(lentAgent{l, ctx}, conn)
}

// Opened says that the login went well: the key that signed is offered first from
// now on.
func (l *Lent) Opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys.opened(l.signed)
}

// Trouble is what could not be read of the keys, for a sentence.
func (l *Lent) Trouble() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.trouble, "; ")
}

func (l *Lent) signers(ctx context.Context) []ssh.Signer {
	l.busy(true)
	defer l.busy(false)
	signers, trouble := l.keys.signers(ctx, l.hop)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = trouble
	return signers
}

// errLent refuses what changes an agent.
var errLent = errors.New("these keys are only lent")

// A lentAgent is one conversation with a client.
type lentAgent struct {
	*Lent
	ctx context.Context //nolint:containedctx // the library's methods carry none
}

func (a lentAgent) List() ([]*agent.Key, error) {
	var keys []*agent.Key
	for _, s := range a.signers(a.ctx) {
		public := s.PublicKey()
		keys = append(keys, &agent.Key{Format: public.Type(), Blob: public.Marshal()})
	}
	return keys, nil
}

func (a lentAgent) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return a.SignWithFlags(key, data, 0)
}

func (a lentAgent) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	for _, s := range a.signers(a.ctx) {
		if !bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			continue
		}
		a.mu.Lock()
		a.signed = ssh.FingerprintSHA256(key)
		a.mu.Unlock()
		return sign(s, data, flags)
	}
	return nil, fmt.Errorf("key %s is not lent", ssh.FingerprintSHA256(key))
}

// sign makes the signature that the flags ask for; they are about RSA alone.
func sign(s ssh.Signer, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	algorithm := ""
	switch {
	case flags&agent.SignatureFlagRsaSha512 != 0:
		algorithm = ssh.KeyAlgoRSASHA512
	case flags&agent.SignatureFlagRsaSha256 != 0:
		algorithm = ssh.KeyAlgoRSASHA256
	}
	able, ok := s.(ssh.AlgorithmSigner)
	if algorithm == "" || !ok {
		return s.Sign(rand.Reader, data)
	}
	return able.SignWithAlgorithm(rand.Reader, data, algorithm)
}

func (lentAgent) Extension(string, []byte) ([]byte, error) { return nil, agent.ErrExtensionUnsupported }
func (lentAgent) Add(agent.AddedKey) error                 { return errLent }
func (lentAgent) Remove(ssh.PublicKey) error               { return errLent }
func (lentAgent) RemoveAll() error                         { return errLent }
func (lentAgent) Lock([]byte) error                        { return errLent }
func (lentAgent) Unlock([]byte) error                      { return errLent }
func (lentAgent) Signers() ([]ssh.Signer, error)           { return nil, errLent }
