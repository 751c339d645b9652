package ssh_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
)

// newDialer makes a dialer with its own known_hosts that accepts new keys.
func newDialer(t *testing.T) *ssh.Dialer {
	t.Helper()
	return dialerWith(t, filepath.Join(t.TempDir(), "known_hosts"))
}

func dialerWith(t *testing.T, knownHosts string) *ssh.Dialer {
	t.Helper()
	trust := waytest.NewTrust(t, knownHosts)
	trust.AcceptNew = true
	d := &ssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil)}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func hopTo(s *hosttest.SSHD) ssh.Hop { return waytest.HopTo(s) }

func dial(t *testing.T, d *ssh.Dialer, route ...ssh.Hop) *ssh.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context(), route)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "MaxSessions 100")
	conn := dial(t, newDialer(t), hopTo(s))
	hosttest.Contract(t, shell.New("web1", conn, shell.Options{Now: time.Now}), t.TempDir())
}

// The contract needs two sessions: one looks at what the other does.
func TestContractOnTwoSessions(t *testing.T) {
	t.Parallel()
	conn := dial(t, newDialer(t), hopTo(hosttest.StartSSHD(t, "MaxSessions 2")))
	hosttest.Contract(t, shell.New("web1", conn, shell.Options{Now: time.Now}), t.TempDir())
}

func TestContractThroughTwoBastions(t *testing.T) {
	t.Parallel()
	outer, inner, target := hosttest.StartSSHD(t), hosttest.StartSSHD(t), hosttest.StartSSHD(t, "MaxSessions 100")
	conn := dial(t, newDialer(t), hopTo(outer), hopTo(inner), hopTo(target))
	hosttest.Contract(t, shell.New("web1", conn, shell.Options{Now: time.Now}), t.TempDir())
}

// TestOldServers reaches servers that speak only what was usual long ago, and
// finds exactly the outdated algorithms each of them needs.
func TestOldServers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		lines   []string
		refused string // what the error names, when there is no way
		kex     []string
		hostKey []string
		cipher  []string
		mac     []string
	}{
		{name: "today"},
		{
			name:  "group1, 3des, sha1",
			lines: []string{"KexAlgorithms diffie-hellman-group1-sha1", "Ciphers 3des-cbc", "MACs hmac-sha1-96"},
			kex:   []string{"diffie-hellman-group1-sha1"}, cipher: []string{"3des-cbc"}, mac: []string{"hmac-sha1-96"},
		},
		{
			name:  "group14-sha1, aes128-cbc",
			lines: []string{"KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc"},
			kex:   []string{"diffie-hellman-group14-sha1"}, cipher: []string{"aes128-cbc"},
		},
		{name: "cipher we cannot speak", lines: []string{"Ciphers aes256-cbc"}, refused: "aes256-cbc"},
		{name: "MAC we cannot speak", lines: []string{"Ciphers aes128-ctr", "MACs hmac-md5"}, refused: "hmac-md5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := hosttest.StartSSHD(t, tt.lines...)
			conn, err := newDialer(t).Dial(t.Context(), ssh.Route{hopTo(s)})
			if tt.refused != "" {
				if !errors.Is(err, host.ErrRefused) || !strings.Contains(err.Error(), tt.refused) {
					t.Fatalf("err = %v, want ErrRefused with %s", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			l := conn.Legacy
			if !slices.Equal(l.KeyExchange, tt.kex) || !slices.Equal(l.Cipher, tt.cipher) || !slices.Equal(l.MAC, tt.mac) || !slices.Equal(l.HostKey, tt.hostKey) {
				t.Errorf("legacy = %+v", l)
			}
			if len(conn.Algorithms.KeyExchange) == 0 || !strings.Contains(conn.Server, "OpenSSH") {
				t.Errorf("negotiated %+v with %q", conn.Algorithms, conn.Server)
			}
		})
	}
}

// TestServersThatNeverAnswer gives each step of a login its own deadline.
func TestServersThatNeverAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		serve func(net.Conn)
		want  error
		text  string
	}{
		{"silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, host.ErrTimeout, "SSH banner"},
		{"drips", drip("x"), host.ErrRefused, "not an SSH server"},
		{"drips a banner", drip("SSH-2.0-"), host.ErrTimeout, "SSH banner"},
		{"stops after its banner", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_3.9p1\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, host.ErrTimeout, "key exchange"},
		{"hangs up", func(net.Conn) {}, host.ErrRefused, "without an SSH banner"},
		{"speaks HTTP", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, host.ErrRefused, "HTTP/1.1"},
		{"garbage", func(c net.Conn) { _, _ = c.Write(make([]byte, 64<<10)) }, host.ErrRefused, "not an SSH server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDialer(t)
			d.Deadlines = ssh.Deadlines{Banner: 300 * time.Millisecond, Kex: 300 * time.Millisecond}
			_, err := d.Dial(t.Context(), ssh.Route{{Alias: "x", Address: "127.0.0.1", Port: serve(t, tt.serve), User: "root", Agent: "none"}})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("err = %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func drip(first string) func(net.Conn) {
	return func(c net.Conn) {
		for _, b := range []byte(first + strings.Repeat("x", 1000)) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond) // what is tested is a server this slow
		}
	}
}

// serve accepts connections on loopback until the test ends.
func serve(t *testing.T, handle func(net.Conn)) int {
	t.Helper()
	return hosttest.Serve(t, handle).Port
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	tests := []struct {
		name string
		hop  ssh.Hop
		want error
		text string
	}{
		{"nothing listens", ssh.Hop{Address: "127.0.0.1", Port: port}, host.ErrRefused, "nothing listens"},
		{"no such name", ssh.Hop{Address: "nightcall.invalid", Port: 22}, host.ErrUnreachable, "does not resolve"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newDialer(t).Dial(t.Context(), ssh.Route{tt.hop})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("err = %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	file := filepath.Join(t.TempDir(), "known_hosts")

	t.Log("a new key is refused where nobody accepts it")
	d := dialerWith(t, file)
	d.Trust.AcceptNew = false
	if _, err := d.Dial(t.Context(), ssh.Route{hopTo(s)}); !errors.Is(err, host.ErrHostKey) {
		t.Fatalf("err = %v, want ErrHostKey", err)
	}

	t.Log("an accepted key is written down, told once, and known from then on")
	var told []ssh.KeyEvent
	d.Trust.AcceptNew = true
	d.Trust.Tell = func(e ssh.KeyEvent) error { told = append(told, e); return nil }
	_ = dial(t, d, hopTo(s)).Close()
	_ = dial(t, d, hopTo(s)).Close()
	if len(told) != 1 || told[0].Changed || !strings.HasPrefix(told[0].Key.Fingerprint, "SHA256:") {
		t.Fatalf("told %+v", told)
	}
	again := dialerWith(t, file)
	again.Trust.AcceptNew = false
	_ = dial(t, again, hopTo(s)).Close()

	t.Log("another key on the same address stops the host, also where new keys are accepted")
	other := hosttest.StartSSHD(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	swapped := filepath.Join(t.TempDir(), "known_hosts")
	text := strings.ReplaceAll(string(data), strconv.Itoa(s.Port), strconv.Itoa(other.Port))
	if err := os.WriteFile(swapped, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = dialerWith(t, swapped).Dial(t.Context(), ssh.Route{hopTo(other)})
	if !errors.Is(err, host.ErrHostKey) || !strings.Contains(err.Error(), "changed") {
		t.Errorf("err = %v, want a changed key", err)
	}

	t.Log("the user's known_hosts is honoured, and not written to")
	users := hopTo(s)
	users.KnownHosts = []string{file}
	before, _ := os.ReadFile(file)
	d = newDialer(t)
	d.Trust.AcceptNew = false
	_ = dial(t, d, users).Close()
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("the user's known_hosts was changed")
	}
}

func TestABrokenLineHidesNoOtherKey(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	file := filepath.Join(t.TempDir(), "known_hosts")
	_ = dial(t, dialerWith(t, file), hopTo(s)).Close()
	data, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append([]byte("web9 ssh-rsa !!!\nnonsense\n\x00\xff\n"), data...), 0o600); err != nil {
		t.Fatal(err)
	}
	d := dialerWith(t, file)
	d.Trust.AcceptNew = false
	_ = dial(t, d, hopTo(s)).Close()
}

// TestAWrongPasswordCostsOneAttempt gives twenty hosts the same wrong password
// at once: one of them sees it.
func TestAWrongPasswordCostsOneAttempt(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int32
	server := hosttest.ServeSSH(t, hosttest.OnePassword("right", &attempts)).Port
	for _, tt := range []struct {
		password string
		want     int32
		ok       bool
	}{{"wrong", 1, false}, {"right", 20, true}} {
		attempts.Store(0)
		d := newDialer(t)
		var asked atomic.Int32
		password := credential.New("Password", func(context.Context, string) (string, error) {
			asked.Add(1)
			return tt.password, nil
		}, nil)
		d.Password = func(ssh.Hop, bool) *credential.Credential { return password }
		errs := make(chan error)
		for range 20 {
			go func() {
				conn, err := d.Dial(t.Context(), ssh.Route{{Alias: "h", Address: "127.0.0.1", Port: server, User: "root", Agent: "none"}})
				if conn != nil {
					_ = conn.Close()
				}
				errs <- err
			}()
		}
		for range 20 {
			err := <-errs
			if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, host.ErrAuth) {
				t.Errorf("password %q: err = %v", tt.password, err)
			}
		}
		if attempts.Load() != tt.want || asked.Load() != 1 {
			t.Errorf("password %q: %d attempts, asked %d times; want %d and once", tt.password, attempts.Load(), asked.Load(), tt.want)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	port := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := newDialer(t).Dial(ctx, ssh.Route{{Address: "127.0.0.1", Port: port, User: "root"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
}
