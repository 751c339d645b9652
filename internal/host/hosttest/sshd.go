// Package hosttest starts real SSH servers for tests, and holds the contract
// that every host.Host must keep.
package hosttest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// An SSHD is a real OpenSSH server on loopback, for one test.
type SSHD struct {
	Port     int
	User     string // who the test runs as, and logs in as
	Identity string // private key file that the server lets in
	HostKey  ssh.PublicKey
	Dir      string
	Log      string // the server's log file
	PID      int

	command func() *exec.Cmd
	gone    chan struct{} // closed when the process ended
}

// StartSSHD starts a server with these lines added to its configuration, and
// ends it with the test. Options of sshd keep their first value, so a line here
// overrides the harness's own.
func StartSSHD(t testing.TB, lines ...string) *SSHD {
	t.Helper()
	s, stop, err := NewSSHD(t.TempDir(), lines...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// NewSSHD is StartSSHD for callers that have no testing.TB: it keeps its files in
// dir, and the caller calls stop.
func NewSSHD(dir string, lines ...string) (s *SSHD, stop func(), err error) {
	bin, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		return nil, nil, fmt.Errorf("the tests need OpenSSH's server: %w", err)
	}
	me, err := user.Current()
	if err != nil {
		return nil, nil, err
	}
	if os.Getuid() == 0 { // sshd as root wants its privilege separation directory
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, nil, err
		}
	}
	s = &SSHD{User: me.Username, Dir: dir, Identity: filepath.Join(dir, "id"), Log: filepath.Join(dir, "sshd.log")}
	userKey, err := writeKey(s.Identity)
	if err != nil {
		return nil, nil, err
	}
	if s.HostKey, err = writeKey(filepath.Join(dir, "hostkey")); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "authorized_keys"), ssh.MarshalAuthorizedKey(userKey), 0o600); err != nil {
		return nil, nil, err
	}
	if s.Port, err = freePort(); err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, "sshd_config")
	if err := os.WriteFile(file, []byte(s.config(lines)), 0o600); err != nil {
		return nil, nil, err
	}
	s.command = func() *exec.Cmd {
		cmd := exec.Command(bin, "-D", "-f", file, "-E", s.Log)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return cmd
	}
	if err := s.start(); err != nil {
		return nil, nil, err
	}
	return s, s.Stop, nil
}

// config is sshd_config(5): of a keyword that stands there twice the first counts,
// so that the given lines go before ours.
func (s *SSHD) config(lines []string) string {
	return strings.Join(append(
		slices.Clone(lines),
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", s.Port),
		"HostKey "+filepath.Join(s.Dir, "hostkey"),
		"AuthorizedKeysFile "+filepath.Join(s.Dir, "authorized_keys"),
		"PidFile none",
		"StrictModes no",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"UsePAM no",
		"PermitRootLogin yes",
		"LogLevel VERBOSE",
		"Subsystem sftp internal-sftp",
	), "\n") + "\n"
}

// start runs the server and waits until it greets.
func (s *SSHD) start() error {
	cmd := s.command()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("sshd: %w", err)
	}
	s.PID, s.gone = cmd.Process.Pid, make(chan struct{})
	go func(gone chan struct{}) {
		_ = cmd.Wait()
		close(gone)
	}(s.gone)
	if err := s.await(s.gone); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// Stop ends the server; connections that are open go on.
func (s *SSHD) Stop() {
	_ = syscall.Kill(-s.PID, syscall.SIGTERM)
	<-s.gone
}

// Rekey gives the server another host key, as a reinstalled machine has, or a
// false one.
func (s *SSHD) Rekey() error {
	s.Stop()
	key, err := writeKey(filepath.Join(s.Dir, "hostkey"))
	if err != nil {
		return err
	}
	s.HostKey = key
	return s.start()
}

// await waits until the server greets.
func (s *SSHD) await(gone <-chan struct{}) error {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case <-gone:
			text, _ := os.ReadFile(s.Log)
			return fmt.Errorf("sshd ended: %s", bytes.TrimSpace(text))
		default:
		}
		conn, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err != nil {
			time.Sleep(5 * time.Millisecond) // until it listens
			continue
		}
		_ = conn.SetDeadline(deadline)
		greeting := make([]byte, 4)
		_, err = conn.Read(greeting)
		_ = conn.Close()
		if err == nil && string(greeting) == "SSH-" {
			return nil
		}
	}
	return fmt.Errorf("sshd on port %d never greeted", s.Port)
}

// AwaitLog waits until the server's log holds text n times, which is a moment after
// a client has heard of it, and returns the log. More of them end the test.
func (s *SSHD) AwaitLog(t testing.TB, text string, n int) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		log, err := os.ReadFile(s.Log)
		switch have := strings.Count(string(log), text); {
		case err != nil:
			t.Fatal(err)
		case have == n:
			return string(log)
		case have > n, time.Now().After(deadline):
			t.Fatalf("%q stands %d times in the server's log, want %d:\n%s", text, have, n, log)
		}
	}
}

// Address is where the server listens.
func (s *SSHD) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// freePort asks the kernel for a port that nobody uses.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// writeKey makes an ed25519 key pair and writes both halves beside each other.
func writeKey(path string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(key), 0o600)
}
