package ssh_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// A keyring is a directory in which ssh-keygen works.
type keyring struct {
	t   *testing.T
	dir string
}

func newKeyring(t *testing.T) keyring { return keyring{t, t.TempDir()} }

func (k keyring) keygen(args ...string) {
	k.t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Dir = k.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("ssh-keygen %q: %v: %s", args, err, out)
	}
}

func (k keyring) path(name string) string { return filepath.Join(k.dir, name) }

func (k keyring) read(name string) string {
	k.t.Helper()
	data, err := os.ReadFile(k.path(name))
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// knownHosts writes a file of these lines.
func (k keyring) knownHosts(lines ...string) string {
	k.t.Helper()
	if err := os.WriteFile(k.path("known_hosts"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return k.path("known_hosts")
}

func name(s *hosttest.SSHD) string { return fmt.Sprintf("[127.0.0.1]:%d", s.Port) }

// A server with keys of several types shows the one that is known.
func TestThePinnedTypeOfKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	for _, kind := range []string{"rsa", "ecdsa"} {
		k.keygen("-q", "-t", kind, "-N", "", "-f", kind)
	}
	s := hosttest.StartSSHD(t, "HostKey "+k.path("rsa"), "HostKey "+k.path("ecdsa"))
	ed25519 := strings.TrimSpace(string(xssh.MarshalAuthorizedKey(s.HostKey)))
	for want, line := range map[string]string{
		"ssh-rsa": k.read("rsa.pub"), "ecdsa-sha2-nistp256": k.read("ecdsa.pub"), "ssh-ed25519": ed25519,
	} {
		d := dialerWith(t, newKeyring(t).knownHosts(name(s)+" "+line))
		d.Trust.AcceptNew = false
		conn := dial(t, d, hopTo(s))
		if conn.HostKey.Type != want || want == "ssh-rsa" && !strings.HasPrefix(conn.Algorithms.HostKey[0], "rsa-sha2-") {
			t.Errorf("pinned %s, shown %s with %v", want, conn.HostKey.Type, conn.Algorithms.HostKey)
		}
	}
}

func TestHashedKnownHosts(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	k := newKeyring(t)
	file := k.knownHosts(name(s) + " " + strings.TrimSpace(string(xssh.MarshalAuthorizedKey(s.HostKey))))
	k.keygen("-q", "-H", "-f", "known_hosts")
	if !strings.HasPrefix(k.read("known_hosts"), "|1|") {
		t.Fatal("it is not hashed")
	}
	d := dialerWith(t, file)
	d.Trust.AcceptNew = false
	_ = dial(t, d, hopTo(s))
}

// A host key that an authority of ours has signed is trusted without having been
// seen, and one that another has signed is not.
func TestCertificateAuthority(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	for _, file := range []string{"ca", "other", "host"} {
		k.keygen("-q", "-t", "ed25519", "-N", "", "-f", file)
	}
	k.keygen("-q", "-s", "ca", "-I", "web1", "-h", "-n", "127.0.0.1", "host.pub")
	s := hosttest.StartSSHD(t, "HostKey "+k.path("host"), "HostCertificate "+k.path("host-cert.pub"))

	d := dialerWith(t, k.knownHosts("@cert-authority "+name(s)+" "+k.read("ca.pub")))
	d.Trust.AcceptNew = false
	_ = dial(t, d, hopTo(s))

	d = dialerWith(t, newKeyring(t).knownHosts("@cert-authority "+name(s)+" "+k.read("other.pub")))
	d.Trust.AcceptNew = false
	if _, err := d.Dial(t.Context(), ssh.Route{hopTo(s)}); !errors.Is(err, host.ErrHostKey) {
		t.Errorf("signed by a stranger: err = %v, want ErrHostKey", err)
	}
}

// A revoked key is refused, also where new keys are accepted.
func TestRevokedKey(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t)
	d := dialerWith(t, newKeyring(t).knownHosts("@revoked * "+strings.TrimSpace(string(xssh.MarshalAuthorizedKey(s.HostKey)))))
	d.Trust.AcceptNew = true
	if _, err := d.Dial(t.Context(), ssh.Route{hopTo(s)}); !errors.Is(err, host.ErrHostKey) {
		t.Errorf("err = %v, want ErrHostKey", err)
	}
}

// A server that has nothing but a DSA key is reached, and said to need it.
func TestDSAHostKey(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	k.keygen("-q", "-t", "dsa", "-N", "", "-f", "dsa")
	s := hosttest.StartSSHD(t, "HostKey "+k.path("dsa"), "HostKeyAlgorithms ssh-dss")
	conn := dial(t, newDialer(t), hopTo(s))
	if conn.HostKey.Type != "ssh-dss" || len(conn.Legacy.HostKey) != 1 {
		t.Errorf("key %s, legacy %+v", conn.HostKey.Type, conn.Legacy)
	}
}
