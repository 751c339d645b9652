package ssh_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	xssh "golang.org/x/crypto/ssh"
)

// codeBastion is an SSH server that wants any key, then a one-time code, and
// forwards connections. It runs in the process because a real sshd takes codes
// only from the machine's own PAM.
func codeBastion(t *testing.T, code string) int {
	t.Helper()
	second := xssh.ServerAuthCallbacks{
		KeyboardInteractiveCallback: func(_ xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			answers, err := ask("", "", []string{"Verification code: "}, []bool{false})
			if err != nil || len(answers) != 1 || answers[0] != code {
				return nil, errors.New("wrong code")
			}
			return nil, nil
		},
	}
	config := &xssh.ServerConfig{
		PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) {
			return nil, &xssh.PartialSuccessError{Next: second}
		},
		KeyboardInteractiveCallback: func(xssh.ConnMetadata, xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			t.Error("codes before a key")
			return nil, errors.New("a key first")
		},
	}
	config.AddHostKey(newSigner(t))
	return serve(t, func(c net.Conn) {
		conn, chans, reqs, err := xssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go xssh.DiscardRequests(reqs)
		go forward(chans)
		_ = conn.Wait()
	})
}

// forward connects direct-tcpip channels to where they want to go.
func forward(chans <-chan xssh.NewChannel) {
	for ch := range chans {
		var to struct {
			Host   string
			Port   uint32
			Origin string
			From   uint32
		}
		if ch.ChannelType() != "direct-tcpip" || xssh.Unmarshal(ch.ExtraData(), &to) != nil {
			_ = ch.Reject(xssh.Prohibited, "no sessions here")
			continue
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
		if err != nil {
			_ = ch.Reject(xssh.ConnectionFailed, err.Error())
			continue
		}
		stream, reqs, err := ch.Accept()
		if err != nil {
			_ = conn.Close()
			continue
		}
		go xssh.DiscardRequests(reqs)
		go func() { _, _ = io.Copy(stream, conn); _ = stream.Close() }()
		go func() { _, _ = io.Copy(conn, stream); _ = conn.Close() }()
	}
}

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
