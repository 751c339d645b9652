package ssh_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	xssh "golang.org/x/crypto/ssh"
)

func newSigner(t *testing.T) xssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := xssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// passwordServer is an SSH server that lets in one password, over both of
// OpenSSH's doors, and counts what it is offered. It runs in the process because
// a real sshd checks passwords against the accounts of the machine.
func passwordServer(t *testing.T, password string, attempts *atomic.Int32) int {
	t.Helper()
	check := func(given string) (*xssh.Permissions, error) {
		attempts.Add(1)
		if given != password {
			return nil, errors.New("wrong password")
		}
		return nil, nil
	}
	config := &xssh.ServerConfig{
		PasswordCallback: func(_ xssh.ConnMetadata, given []byte) (*xssh.Permissions, error) { return check(string(given)) },
		KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			answers, err := ask("", "", []string{"Mot de passe : "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errors.New("no answer")
			}
			return check(answers[0])
		},
	}
	config.AddHostKey(newSigner(t))
	return serve(t, func(c net.Conn) {
		conn, chans, reqs, err := xssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go xssh.DiscardRequests(reqs)
		go func() {
			for ch := range chans {
				_ = ch.Reject(xssh.Prohibited, "no sessions here")
			}
		}()
		_ = conn.Wait()
	})
}
