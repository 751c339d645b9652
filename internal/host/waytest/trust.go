//go:build linux

package waytest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/inventory"
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

// line is a public key as a line has it.
func line(key xssh.PublicKey) string {
	return strings.TrimSpace(string(xssh.MarshalAuthorizedKey(key)))
}

// pinnedType has a server with keys of several types show the one that is known.
func pinnedType(t *testing.T, wire Wire) {
	k := newKeyring(t)
	for _, kind := range []string{"rsa", "ecdsa"} {
		k.keygen("-q", "-t", kind, "-N", "", "-f", kind)
	}
	s := hosttest.StartSSHD(t, "HostKey "+k.path("rsa"), "HostKey "+k.path("ecdsa"))
	for want, text := range map[string]string{
		"ssh-rsa": k.read("rsa.pub"), "ecdsa-sha2-nistp256": k.read("ecdsa.pub"), "ssh-ed25519": line(s.HostKey),
	} {
		a := wire.enter(t, knowing(t, newKeyring(t).knownHosts(name(s)+" "+text), false), HopTo(s)).Describe(inventory.Access{})
		if a.HostKeys[0].Type != want || want == "ssh-rsa" && !strings.HasPrefix(a.Algorithms.HostKey[0], "rsa-sha2-") {
			t.Errorf("pinned %s, shown %s with %v", want, a.HostKeys[0].Type, a.Algorithms.HostKey)
		}
	}
}

func hashedKnownHosts(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t)
	k := newKeyring(t)
	file := k.knownHosts(name(s) + " " + line(s.HostKey))
	k.keygen("-q", "-H", "-f", "known_hosts")
	if !strings.HasPrefix(k.read("known_hosts"), "|1|") {
		t.Fatal("it is not hashed")
	}
	_ = wire.enter(t, knowing(t, file, false), HopTo(s))
}

// nameForKeys finds keys by the name that HostKeyAlias gives, as OpenSSH writes it:
// without the port.
func nameForKeys(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t)
	hop := HopTo(s)
	hop.KeyName = "web1.example"
	_ = wire.enter(t, knowing(t, newKeyring(t).knownHosts("web1.example "+line(s.HostKey)), false), hop)
}

// certified is a server whose host key the authority "ca" of a keyring has signed,
// with these options of ssh-keygen.
func certified(t *testing.T, options ...string) (keyring, *hosttest.SSHD) {
	t.Helper()
	k := newKeyring(t)
	for _, file := range []string{"ca", "other", "host"} {
		k.keygen("-q", "-t", "ed25519", "-N", "", "-f", file)
	}
	k.keygen(append(append([]string{"-q", "-s", "ca", "-I", "web1", "-h"}, options...), "host.pub")...)
	return k, hosttest.StartSSHD(t, "HostKey "+k.path("host"), "HostCertificate "+k.path("host-cert.pub"))
}

// authority trusts a host key that an authority of ours has signed without having
// seen it, also when only the user's known_hosts has the authority; and no other.
func authority(t *testing.T, wire Wire) {
	k, s := certified(t, "-n", "127.0.0.1")
	ours := "@cert-authority " + name(s) + " " + k.read("ca.pub")
	_ = wire.enter(t, knowing(t, newKeyring(t).knownHosts(ours), false), HopTo(s))

	learning := knowing(t, filepath.Join(t.TempDir(), "known_hosts"), false)
	users := HopTo(s)
	users.KnownHosts = []string{k.knownHosts("@cert-authority *,!elsewhere "+k.read("other.pub"), "@cert-authority [127.0.0.*]:"+strconv.Itoa(s.Port)+" "+k.read("ca.pub"))}
	_ = wire.enter(t, learning, users)
	_ = wire.enter(t, learning, users)
	for _, lines := range []string{
		"@cert-authority " + name(s) + " " + k.read("other.pub"),
		"@cert-authority *.example " + k.read("ca.pub"),
	} {
		if err := wire.refused(t, knowing(t, newKeyring(t).knownHosts(lines), false), HopTo(s)); !errors.Is(err, host.ErrHostKey) {
			t.Errorf("%s: err = %v, want ErrHostKey", lines, err)
		}
	}
}

// authorityExpired refuses a certificate that is no longer valid, also where new
// keys are accepted.
func authorityExpired(t *testing.T, wire Wire) {
	k, s := certified(t, "-n", "127.0.0.1", "-V", "20200101:20200102")
	lines := "@cert-authority " + name(s) + " " + k.read("ca.pub")
	if err := wire.refused(t, knowing(t, newKeyring(t).knownHosts(lines), true), HopTo(s)); !errors.Is(err, host.ErrHostKey) {
		t.Errorf("err = %v, want ErrHostKey", err)
	}
}

// authorityOfAnother refuses a certificate for another host.
func authorityOfAnother(t *testing.T, wire Wire) {
	k, s := certified(t, "-n", "web2.example")
	lines := "@cert-authority " + name(s) + " " + k.read("ca.pub")
	if err := wire.refused(t, knowing(t, newKeyring(t).knownHosts(lines), true), HopTo(s)); !errors.Is(err, host.ErrHostKey) {
		t.Errorf("err = %v, want ErrHostKey", err)
	}
}

// authorityRevoked refuses a key that was revoked although it is signed.
func authorityRevoked(t *testing.T, wire Wire) {
	k, s := certified(t, "-n", "127.0.0.1")
	for _, revoked := range []string{k.read("host.pub"), k.read("ca.pub")} {
		file := newKeyring(t).knownHosts("@cert-authority "+name(s)+" "+k.read("ca.pub"), "@revoked * "+revoked)
		if err := wire.refused(t, knowing(t, file, true), HopTo(s)); !errors.Is(err, host.ErrHostKey) {
			t.Errorf("revoked %s: err = %v, want ErrHostKey", revoked, err)
		}
	}
}

// revokedKey refuses a revoked key, also where new keys are accepted.
func revokedKey(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t)
	file := newKeyring(t).knownHosts("@revoked * " + line(s.HostKey))
	if err := wire.refused(t, knowing(t, file, true), HopTo(s)); !errors.Is(err, host.ErrHostKey) {
		t.Errorf("err = %v, want ErrHostKey", err)
	}
}

// dsaHostKey reaches a server that has nothing but a DSA key, and says that it is
// needed.
func dsaHostKey(t *testing.T, wire Wire) {
	k := newKeyring(t)
	k.keygen("-q", "-t", "dsa", "-N", "", "-f", "dsa")
	s := hosttest.StartSSHD(t, "HostKey "+k.path("dsa"), "HostKeyAlgorithms ssh-dss")
	a := wire.enter(t, settings(t), HopTo(s)).Describe(inventory.Access{})
	if a.HostKeys[0].Type != "ssh-dss" || len(a.Legacy.HostKey) != 1 {
		t.Errorf("key %s, legacy %+v", a.HostKeys[0].Type, a.Legacy)
	}
}
