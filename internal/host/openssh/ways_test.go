//go:build unix

package openssh_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/openssh"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// holder is the variable by which this test binary is told to hold a connection
// until it is killed.
const holder = "NIGHTCALL_TEST_HOLD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(holder); spec != "" {
		os.Exit(hold(strings.Split(spec, " ")))
	}
	os.Exit(m.Run())
}

// hold runs a long command over the wire: address, port, user, key, known_hosts
// and the file that the command writes its process id to.
func hold(spec []string) int {
	trust, err := ssh.NewTrust(spec[3])
	if err != nil {
		return 1
	}
	trust.AcceptNew = true
	port, _ := strconv.Atoi(spec[0])
	d := &openssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil)}
	conn, err := d.Dial(context.Background(), ssh.Route{{
		Alias: "web1", Address: "127.0.0.1", Port: port, User: spec[1], Identities: []string{spec[2]}, Agent: "none",
	}})
	if err != nil {
		return 1
	}
	h := shell.New("web1", conn, shell.Options{Now: time.Now})
	_, _ = h.Probe(context.Background(), host.Command{Argv: []string{"sh", "-c", "echo $$ >" + spec[4] + "; sleep 300"}, Timeout: time.Minute})
	return 0
}

// TestNothingOutlivesUs kills the process that holds the wire: within ten seconds
// neither its command on the host nor anything on this side is left.
func TestNothingOutlivesUs(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	dir, err := os.MkdirTemp("/tmp", "held-") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	known, pid := filepath.Join(t.TempDir(), "known_hosts"), filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(known, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, holder+"="+strings.Join([]string{strconv.Itoa(s.Port), s.User, s.Identity, known, pid}, " "))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	poll(t, "its command never started", `[ -s "$1" ]`, pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	poll(t, "the command outlived us", `! kill -0 $(cat "$1") 2>/dev/null`, pid)
	poll(t, "the master outlived us", `! ls "$1"/nightcall-* 2>/dev/null`, dir)
}

// poll runs a test of sh until it holds, for ten seconds.
func poll(t *testing.T, otherwise, test string, args ...string) {
	t.Helper()
	loop := "n=0; until " + test + "; do n=$((n+1)); [ $n -gt 100 ] && exit 1; sleep 0.1; done"
	if err := exec.Command("sh", append([]string{"-c", loop, "sh"}, args...)...).Run(); err != nil {
		t.Fatal(otherwise)
	}
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "Ciphers aes256-cbc")
	file := filepath.Join(t.TempDir(), "known_hosts")

	t.Log("a new key is refused where nobody accepts it")
	d := dialerWith(t, file)
	d.Trust.AcceptNew = false
	if _, err := d.Dial(t.Context(), ssh.Route{hopTo(s)}); !errors.Is(err, host.ErrHostKey) || !strings.Contains(err.Error(), "is new here") {
		t.Fatalf("err = %v, want ErrHostKey", err)
	}
	if key, isNew := d.Peek(t.Context(), ssh.Route{hopTo(s)}); !isNew || key.Key.Fingerprint != xssh.FingerprintSHA256(s.HostKey) {
		t.Errorf("peeked %+v, %v", key, isNew)
	}

	t.Log("an accepted key is written down, told once, and known from then on")
	var told []ssh.KeyEvent
	d.Trust.AcceptNew = true
	d.Trust.Tell = func(e ssh.KeyEvent) error { told = append(told, e); return nil }
	_ = dial(t, d, hopTo(s)).Close()
	_ = dial(t, d, hopTo(s)).Close()
	if len(told) != 1 || told[0].Changed || told[0].Key.Fingerprint != xssh.FingerprintSHA256(s.HostKey) {
		t.Fatalf("told %+v", told)
	}

	t.Log("the user's known_hosts is honoured, and what it says is learned")
	users := hopTo(s)
	users.KnownHosts = []string{file}
	own := filepath.Join(t.TempDir(), "known_hosts")
	d = dialerWith(t, own)
	d.Trust.AcceptNew = false
	_ = dial(t, d, users).Close()
	if text, _ := os.ReadFile(own); !strings.Contains(string(text), "ssh-ed25519") {
		t.Errorf("learned %q", text)
	}

	t.Log("another key stops the host, also where new keys are accepted")
	if err := s.Rekey(); err != nil {
		t.Fatal(err)
	}
	d = dialerWith(t, file)
	var changed bool
	d.Trust.Tell = func(e ssh.KeyEvent) error { changed = e.Changed; return nil }
	_, err := d.Dial(t.Context(), ssh.Route{hopTo(s)})
	if !errors.Is(err, host.ErrHostKey) || !strings.Contains(err.Error(), "changed") || !changed {
		t.Errorf("err = %v, told %v; want a changed key", err, changed)
	}
}

// TestAPinnedTypeIsAskedFor knows a host by its RSA key; the server would rather
// show its other one, or signs only as was usual long ago.
func TestAPinnedTypeIsAskedFor(t *testing.T) {
	t.Parallel()
	rsa := filepath.Join(t.TempDir(), "rsa")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(rsa + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		lines   []string
		known   bool
		hostKey string // the outdated algorithm it needs
	}{
		"both keys":         {lines: []string{"HostKey " + rsa}, known: true},
		"SHA-1 alone":       {lines: []string{"HostKey " + rsa, "HostKeyAlgorithms ssh-rsa"}, known: true, hostKey: "ssh-rsa"},
		"SHA-1, unheard of": {lines: []string{"HostKey " + rsa, "HostKeyAlgorithms ssh-rsa"}, hostKey: "ssh-rsa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hosttest.StartSSHD(t, tt.lines...)
			file := filepath.Join(t.TempDir(), "known_hosts")
			if tt.known {
				line := "[127.0.0.1]:" + strconv.Itoa(s.Port) + " " + string(public)
				if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d := dialerWith(t, file)
			d.Trust.AcceptNew = !tt.known
			conn := dial(t, d, hopTo(s))
			if got := strings.Join(conn.Legacy.HostKey, " "); conn.HostKey.Type != "ssh-rsa" || got != tt.hostKey {
				t.Errorf("host key %s, legacy %+v", conn.HostKey.Type, conn.Legacy)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	closed := hosttest.StartSSHD(t)
	closed.Stop()
	open := hosttest.StartSSHD(t)
	stranger := hopTo(open)
	stranger.Identities = []string{closed.Identity}
	behind := hopTo(closed)
	tests := []struct {
		name  string
		route ssh.Route
		want  error
		text  string
	}{
		{"nothing listens", ssh.Route{hopTo(closed)}, host.ErrRefused, "nothing listens"},
		{"no such name", ssh.Route{{Address: "nightcall.invalid", Port: 22, User: "root"}}, host.ErrUnreachable, "does not resolve"},
		{"silent", server(t, ""), host.ErrTimeout, "its SSH banner took longer"},
		{"stops after its banner", server(t, "SSH-2.0-OpenSSH_3.9p1\r\n"), host.ErrTimeout, "the key exchange took longer"},
		{"hangs up", serverThat(t, func(c net.Conn) {}), host.ErrRefused, "without an SSH banner"},
		{"speaks HTTP", server(t, strings.Repeat("HTTP/1.1 400 Bad Request\r\n", 2000)), host.ErrRefused, ""},
		{"not our key", ssh.Route{stranger}, host.ErrAuth, "the server takes publickey"},
		{"behind a bastion and closed", ssh.Route{hopTo(open), behind}, host.ErrUnreachable, "bastion cannot connect"},
		{"a bastion that is closed", ssh.Route{hopTo(closed), hopTo(open)}, host.ErrRefused, "bastion web1"},
		{"a command that fails", ssh.Route{{Address: "h", Port: 22, User: "root", ProxyCommand: "false"}}, host.ErrUnreachable, "ProxyCommand"},
		{"an address that is an option", ssh.Route{{Address: "-oProxyCommand=id", Port: 22, User: "root"}}, host.ErrRefused, "cannot be spelled"},
		{"a user that is a line", ssh.Route{{Address: "h", Port: 22, User: "a\n  ProxyCommand id"}}, host.ErrRefused, "cannot be spelled"},
		{"a cipher nobody has", arcfour(t), host.ErrRefused, "needs cipher arcfour128; the system's ssh (OpenSSH_"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDialer(t)
			d.Deadlines = ssh.Deadlines{Banner: time.Second, Kex: time.Second}
			if tt.want != host.ErrTimeout {
				d.Deadlines = ssh.Deadlines{}
			}
			_, err := d.Dial(t.Context(), tt.route)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("err = %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	route := serverThat(t, func(c net.Conn) {
		cancel()
		_, _ = io.Copy(io.Discard, c)
	})
	if _, err := newDialer(t).Dial(ctx, route); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
}

// TestKeysAreLent opens a key with a passphrase by asking once for two hosts, and
// says what is wrong where nobody can be asked.
func TestKeysAreLent(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	if out, err := exec.Command("ssh-keygen", "-q", "-p", "-N", "s3same", "-f", s.Identity).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := newDialer(t)
	if _, err := d.Dial(t.Context(), ssh.Route{hopTo(s)}); !errors.Is(err, host.ErrAuth) || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("err = %v, want ErrAuth that names the agent", err)
	}
	var asked atomic.Int32
	d.Keys = ssh.NewKeys(func(context.Context, string) (string, error) {
		asked.Add(1)
		return "s3same", nil
	})
	_ = dial(t, d, hopTo(s)).Close()
	_ = dial(t, d, hopTo(s)).Close()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestAnRSAKeySigns has a key sign as the server wants it to. The servers run in
// the process because a real sshd says that it takes more than it does.
func TestAnRSAKeySigns(t *testing.T) {
	t.Parallel()
	identity := filepath.Join(t.TempDir(), "rsa")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", identity).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		accepted string
		legacy   bool
	}{{"rsa-sha2-512", false}, {"rsa-sha2-256", false}, {"ssh-rsa", true}} {
		t.Run(tt.accepted, func(t *testing.T) {
			t.Parallel()
			route := sshServer(t, &xssh.ServerConfig{
				PublicKeyAuthAlgorithms: []string{tt.accepted},
				PublicKeyCallback:       func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) { return nil, nil },
			})
			route[0].Identities = []string{identity}
			conn := dial(t, newDialer(t), route...)
			if got := len(conn.Legacy.Signature) > 0; got != tt.legacy {
				t.Errorf("legacy = %+v", conn.Legacy)
			}
		})
	}
}

// TestAnApplianceIsLeftAlone meets a switch twice, with its key new and known, and
// a password at hand that would open it. The server runs in the process because a
// real sshd greets as itself.
func TestAnApplianceIsLeftAlone(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int32
	count := func() (*xssh.Permissions, error) {
		attempts.Add(1)
		return nil, nil
	}
	route := sshServer(t, &xssh.ServerConfig{
		ServerVersion:     "SSH-2.0-Cisco-1.25",
		PasswordCallback:  func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) { return count() },
		PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) { return count() },
	})
	route[0].Identities = []string{hosttest.StartSSHD(t).Identity}
	d := newDialer(t)
	d.Password = func(ssh.Hop, bool) *credential.Credential {
		return credential.New("Password", func(context.Context, string) (string, error) { return "s3same", nil }, nil)
	}
	for _, when := range []string{"new", "known"} {
		var left *ssh.ApplianceError
		_, err := d.Dial(t.Context(), route)
		if !errors.As(err, &left) || !errors.Is(err, host.ErrRefused) || left.What != "Cisco" {
			t.Fatalf("%s: err = %v, want an appliance", when, err)
		}
		a := left.Describe(inventory.Access{})
		if a.Wire != "openssh" || a.Server != "SSH-2.0-Cisco-1.25" || a.HostKeys[0].Type != "ssh-ed25519" {
			t.Errorf("%s: described as %+v", when, a)
		}
	}
	if attempts.Load() > 0 {
		t.Errorf("%d attempts to log in", attempts.Load())
	}
}

// TestABastionIsLoggedInToOnce reaches hosts through one bastion at once.
func TestABastionIsLoggedInToOnce(t *testing.T) {
	t.Parallel()
	bastion, target := hosttest.StartSSHD(t, "Ciphers aes256-cbc"), hosttest.StartSSHD(t)
	d := newDialer(t)
	_ = dial(t, d, hopTo(bastion), hopTo(target)).Close() // so that no key is new
	errs := make(chan error)
	for range 5 {
		go func() {
			conn, err := d.Dial(t.Context(), ssh.Route{hopTo(bastion), hopTo(target)})
			if conn != nil {
				_ = conn.Close()
			}
			errs <- err
		}()
	}
	for range 5 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	log, err := os.ReadFile(bastion.Log)
	if logins := strings.Count(string(log), "Accepted publickey"); logins != 1 || err != nil {
		t.Errorf("%d logins at the bastion, %v", logins, err)
	}
}

// A server without sessions for anybody says so before long.
func TestNoSessionEver(t *testing.T) {
	t.Parallel()
	conn := dial(t, newDialer(t), hopTo(hosttest.StartSSHD(t, "MaxSessions 0")))
	if _, err := conn.Start(t.Context(), "true"); !errors.Is(err, host.ErrRefused) {
		t.Errorf("err = %v, want ErrRefused", err)
	}
}

// TestALostConnection ends the server's end of a connection that is in use.
func TestALostConnection(t *testing.T) {
	t.Parallel()
	conn := dial(t, newDialer(t), hopTo(hosttest.StartSSHD(t)))
	p, err := conn.Start(t.Context(), "kill -9 $PPID; sleep 300")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if _, err := p.Wait(); !errors.Is(err, host.ErrLost) {
		t.Errorf("err = %v, want ErrLost", err)
	}
	if _, err := conn.Start(t.Context(), "true"); !errors.Is(err, host.ErrLost) {
		t.Errorf("err = %v, want ErrLost", err)
	}
}

// TestAWrongPasswordCostsOneAttempt gives five hosts the same password at once.
func TestAWrongPasswordCostsOneAttempt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		password string
		want     int32
		ok       bool
	}{{"wrong", 1, false}, {"s3same right", 5, true}} {
		var attempts atomic.Int32
		route := sshServer(t, hosttest.OnePassword("s3same right", &attempts))
		d := newDialer(t)
		password := credential.New("Password", func(context.Context, string) (string, error) { return tt.password, nil }, nil)
		d.Password = func(ssh.Hop, bool) *credential.Credential { return password }
		errs := make(chan error)
		for range 5 {
			go func() {
				conn, err := d.Dial(t.Context(), route)
				if conn != nil {
					_ = conn.Close()
				}
				errs <- err
			}()
		}
		for range 5 {
			err := <-errs
			if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, host.ErrAuth) {
				t.Errorf("password %q: err = %v", tt.password, err)
			}
		}
		if attempts.Load() != tt.want {
			t.Errorf("password %q: %d attempts, want %d", tt.password, attempts.Load(), tt.want)
		}
	}
}

// server says text to everybody and then nothing.
func server(t *testing.T, text string) ssh.Route {
	t.Helper()
	return serverThat(t, func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	})
}

// serverThat accepts connections on loopback until the test ends.
func serverThat(t *testing.T, handle func(net.Conn)) ssh.Route {
	t.Helper()
	return routeTo(hosttest.Serve(t, handle))
}

func routeTo(server *net.TCPAddr) ssh.Route {
	return ssh.Route{{Alias: "x", Address: "127.0.0.1", Port: server.Port, User: "root", Agent: "none"}}
}

// arcfour is a server with a cipher that OpenSSH dropped. It runs in the process
// because no sshd here has one any more.
func arcfour(t *testing.T) ssh.Route {
	t.Helper()
	config := &xssh.ServerConfig{NoClientAuth: true}
	config.Ciphers = []string{"arcfour128"}
	return sshServer(t, config)
}

// sshServer is the way to a server with this configuration, which gives nobody a
// session.
func sshServer(t *testing.T, config *xssh.ServerConfig) ssh.Route {
	t.Helper()
	return routeTo(hosttest.ServeSSH(t, config))
}
