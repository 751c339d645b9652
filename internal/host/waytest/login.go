// Package waytest holds the ways in that every wire over SSH must know: both are
// put to the same tests, against real servers.
package waytest

import (
	"os"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// NewTrust is trust in what this known_hosts says, which is made, empty, where it is
// not there. It refuses keys that are new.
func NewTrust(t testing.TB, knownHosts string) *ssh.Trust {
	t.Helper()
	f, err := os.OpenFile(knownHosts, os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	trust, err := ssh.NewTrust(knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// HopTo is the way to a server, with the key that it lets in and nothing else.
func HopTo(s *hosttest.SSHD) ssh.Hop {
	return ssh.Hop{
		Alias: "web1", Address: "127.0.0.1", Port: s.Port, User: s.User,
		Identities: []string{s.Identity}, OnlyThese: true, Agent: "none",
	}
}
