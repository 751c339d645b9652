package cli

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// servers are the sshds of all scripts, by work directory and name.
var servers sync.Map

// scriptSSHD is `sshd NAME [LINE...]`: starts a real OpenSSH server with these
// lines in its configuration, and adds it to ~/.ssh/config under NAME.
func scriptSSHD(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sshd NAME [LINE...]")
	}
	dir := ts.MkAbs("sshd-" + args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	s, stop, err := hosttest.NewSSHD(dir, args[1:]...)
	ts.Check(err)
	ts.Defer(stop)
	servers.Store(ts.MkAbs(args[0]), s)
	ts.Setenv(args[0]+"_port", fmt.Sprint(s.Port))
	addHost(ts, args[0], s.Port, "User "+s.User, "IdentityFile "+s.Identity, "IdentitiesOnly yes")
}

// scriptRekey is `rekey NAME`: the server comes back with another host key.
func scriptRekey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rekey NAME")
	}
	s, ok := servers.Load(ts.MkAbs(args[0]))
	if !ok {
		ts.Fatalf("there is no sshd %s", args[0])
	}
	ts.Check(s.(*hosttest.SSHD).Rekey())
}

// scriptServer is `server NAME silent|closed|TEXT`: a TCP server that says TEXT
// and nothing more, or nothing at all, or does not even listen.
func scriptServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: server NAME silent|closed|TEXT")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	addHost(ts, args[0], l.Addr().(*net.TCPAddr).Port, "User root")
	if args[1] == "closed" {
		ts.Check(l.Close())
		return
	}
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if args[1] != "silent" {
				_, _ = io.WriteString(c, args[1]+"\r\n")
			}
			go func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
}

// addHost adds a server on loopback to the script's ssh configuration.
func addHost(ts *testscript.TestScript, name string, port int, lines ...string) {
	file := filepath.Join(ts.Getenv("HOME"), ".ssh", "config")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = fmt.Fprintf(f, "Host %s\n  HostName 127.0.0.1\n  Port %d\n  %s\n", name, port, strings.Join(lines, "\n  "))
	ts.Check(err)
	ts.Check(f.Close())
}

// scriptAwait is `await TEXT COMMAND [ARG...]`: runs nightcall's command until its
// standard output holds TEXT.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await TEXT COMMAND [ARG...]")
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if err := ts.Exec(args[1], args[2:]...); err == nil && strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("%q never came", args[0])
}

// scriptSecurityKey is `securitykey LIBRARY`: builds a security key in software.
func scriptSecurityKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: securitykey LIBRARY")
	}
	ts.Check(hosttest.BuildSecurityKey(ts.MkAbs(args[0])))
}
