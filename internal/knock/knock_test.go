//go:build linux

package knock

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
)

// login logs in to a real server.
func login(t *testing.T, lines ...string) (*ssh.Conn, host.Reader) {
	t.Helper()
	s := hosttest.StartSSHD(t, lines...)
	trust := waytest.NewTrust(t, filepath.Join(t.TempDir(), "known_hosts"))
	trust.AcceptNew = true
	trust.Tell = func(ssh.KeyEvent) error { return nil }
	d := &ssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil), Deadlines: ssh.Deadlines{Connect: 10 * time.Second, Banner: 10 * time.Second, Kex: 10 * time.Second, Auth: 10 * time.Second}}
	t.Cleanup(func() { _ = d.Close() })
	conn, err := d.Dial(t.Context(), ssh.Route{{Address: "127.0.0.1", Port: s.Port, User: s.User, Identities: []string{s.Identity}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	opts := shell.Options{Root: shell.RootNo, Limits: shell.Limits{Section: 20 * time.Second, Total: 40 * time.Second}, Now: time.Now}
	return conn, shell.New("web1", conn, opts)
}

// deaf listens and accepts nobody: once its queue is full, the kernel drops
// whatever else knocks, as a firewall would.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 3 {
		if c, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	return address
}

// free is a port of loopback that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Each way to fail is told apart, by the SSH server and by the shell.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	greets := hosttest.Serve(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "\x4a\x00\x00\x00\x0a5.5.62-log\x00\x07")
		_, _ = c.Read(make([]byte, 1))
	}).String()
	silent := hosttest.Serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }).String()
	hangsUp := hosttest.Serve(t, func(net.Conn) {}).String()
	nobody, deaf := free(t), deaf(t)
	for how, lines := range map[string][]string{"ssh": nil, "shell": {"AllowTcpForwarding no"}} {
		wire, sh := login(t, lines...)
		for _, c := range []struct {
			address, greeting string
			want              Outcome
		}{
			{greets, "5.5.62-log", Open},
			{silent, "", Open},
			{hangsUp, "", Closed},
			{nobody, "", Refused},
			{deaf, "", Timeout},
			{"nobody.invalid:80", "", NoName},
		} {
			if how == "shell" {
				c.greeting = ""
				if c.want == Closed {
					c.want = Open // a shell that only connects cannot tell
				}
			}
			r := Try(t.Context(), wire, sh, c.address, 2*time.Second)
			if r.Outcome != c.want || r.How != how || r.Greeting != c.greeting {
				t.Errorf("%s of %s: %+v, want %s", c.address, how, r, c.want)
			}
		}
	}
}

// Without forwarding and without a shell nobody knows, and nobody guesses.
func TestUnclear(t *testing.T) {
	t.Parallel()
	if r := Try(context.Background(), nil, nil, "db1:3306", time.Second); r.Outcome != Unclear || r.Detail == "" {
		t.Errorf("%+v", r)
	}
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"SSH-2.0-OpenSSH_9.2\r\n":                     "SSH-2.0-OpenSSH_9.2",
		"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00salt+": "8.0.36",
		"220 mail ESMTP\r\nmore":                      "220 mail ESMTP",
		"\x1b[2J\x1b]0;owned\x07":                     "]0;owned",
		"":                                            "",
	} {
		if got := greeting([]byte(data)); got != want && !(strings.Contains(data, "owned") && !strings.Contains(got, "\x1b")) {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}
