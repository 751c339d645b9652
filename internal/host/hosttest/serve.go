package hosttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Serve listens on loopback until the test ends, and hands each connection to
// handle, after which it is closed.
func Serve(t testing.TB, handle func(net.Conn)) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Accept(t, l, handle)
	return l.Addr().(*net.TCPAddr)
}

// Accept hands each connection to handle, after which it is closed, until the test
// ends and the listener with it.
func Accept(t testing.TB, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				handle(c)
				_ = c.Close()
			}()
		}
	}()
}

// ServeSSH runs an SSH server in this process until the test ends. It logs in whom
// config lets in, shows a new host key, and gives nobody a session.
func ServeSSH(t testing.TB, config *ssh.ServerConfig) *net.TCPAddr {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(signer)
	return Serve(t, func(c net.Conn) {
		conn, chans, reqs, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(reqs)
		go func() {
			for ch := range chans {
				_ = ch.Reject(ssh.Prohibited, "no sessions here")
			}
		}()
		_ = conn.Wait()
	})
}

// OnePassword lets in one password, over both of OpenSSH's doors, and counts what
// it is offered: a real sshd checks passwords against the accounts of the machine.
func OnePassword(password string, attempts *atomic.Int32) *ssh.ServerConfig {
	check := func(given string) (*ssh.Permissions, error) {
		attempts.Add(1)
		if given != password {
			return nil, errors.New("wrong password")
		}
		return nil, nil
	}
	return &ssh.ServerConfig{
		PasswordCallback: func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) { return check(string(given)) },
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Mot de passe : "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errors.New("no answer")
			}
			return check(answers[0])
		},
	}
}
