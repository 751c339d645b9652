//go:build unix

package openssh_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/openssh"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
)

// newDialer makes a dialer with its own known_hosts that accepts new keys.
func newDialer(t *testing.T) *openssh.Dialer {
	t.Helper()
	return dialerWith(t, filepath.Join(t.TempDir(), "known_hosts"))
}

func dialerWith(t *testing.T, knownHosts string) *openssh.Dialer {
	t.Helper()
	trust := waytest.NewTrust(t, knownHosts)
	trust.AcceptNew = true
	d := &openssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil)}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func hopTo(s *hosttest.SSHD) ssh.Hop { return waytest.HopTo(s) }

func dial(t *testing.T, d *openssh.Dialer, route ...ssh.Hop) *openssh.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context(), route)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func contract(t *testing.T, conn *openssh.Conn) {
	t.Helper()
	hosttest.Contract(t, shell.New("web1", conn, shell.Options{Now: time.Now}), t.TempDir())
}

// TestContract holds on every way that this wire is for.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, line := range map[string][]string{
		"direct":          nil,
		"aes256-cbc only": {"Ciphers aes256-cbc"},
		"hmac-md5 only":   {"Ciphers aes128-ctr", "MACs hmac-md5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hosttest.StartSSHD(t, append(line, "MaxSessions 100")...)
			contract(t, dial(t, newDialer(t), hopTo(s)))
		})
	}
}

func TestContractThroughABastion(t *testing.T) {
	t.Parallel()
	bastion, target := hosttest.StartSSHD(t), hosttest.StartSSHD(t, "MaxSessions 100", "Ciphers aes256-cbc")
	contract(t, dial(t, newDialer(t), hopTo(bastion), hopTo(target)))
}

func TestContractThroughAProxyCommand(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "MaxSessions 100")
	hop := hopTo(s)
	hop.Address = "nowhere.invalid"
	hop.ProxyCommand = proxyTo(s)
	contract(t, dial(t, newDialer(t), hop))
}

// proxyTo is a command that connects to a server with what every system here has.
func proxyTo(s *hosttest.SSHD) string {
	return "bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + strconv.Itoa(s.Port) + "; cat <&3 & exec cat >&3'"
}

// TestAnOldServerIsDescribed finds exactly the outdated algorithms a host needs.
func TestAnOldServerIsDescribed(t *testing.T) {
	t.Parallel()
	s := hosttest.StartSSHD(t, "KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes256-cbc", "MACs hmac-md5")
	conn := dial(t, newDialer(t), hopTo(s))
	l := conn.Legacy
	if !slices.Equal(l.KeyExchange, []string{"diffie-hellman-group14-sha1"}) ||
		!slices.Equal(l.Cipher, []string{"aes256-cbc"}) || !slices.Equal(l.MAC, []string{"hmac-md5"}) || len(l.HostKey) > 0 {
		t.Errorf("legacy = %+v", l)
	}
	if !slices.Equal(conn.Algorithms.HostKey, []string{"ssh-ed25519"}) || !strings.HasPrefix(conn.Server, "SSH-2.0-OpenSSH") {
		t.Errorf("negotiated %+v with %q", conn.Algorithms, conn.Server)
	}
	if conn.HostKey.Type != "ssh-ed25519" || conn.HostKey.Key == "" {
		t.Errorf("host key = %+v", conn.HostKey)
	}
}
