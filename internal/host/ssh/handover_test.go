package ssh_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// TestWhatAnotherWireMaySpeak tells failures that this wire alone has from those
// that any wire meets.
func TestWhatAnotherWireMaySpeak(t *testing.T) {
	t.Parallel()
	today, cbc := hosttest.StartSSHD(t), hosttest.StartSSHD(t, "Ciphers aes256-cbc")
	hidden := hopTo(today)
	hidden.ProxyCommand = "false"
	stranger := hopTo(today)
	stranger.Identities = []string{cbc.Identity}
	hardware := hopTo(today)
	hardware.Identities = []string{filepath.Join(t.TempDir(), "id_ed25519_sk")}
	for name, text := range map[string]string{"": "no key that we read", ".pub": "sk-ssh-ed25519@openssh.com AAAA"} {
		if err := os.WriteFile(hardware.Identities[0]+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token, held := stranger, hopTo(today)
	token.Tokens, held.Tokens = "/usr/lib/token.so", "/usr/lib/token.so"
	passwords := token
	passwords.Port = hosttest.StartSSHD(t, "PubkeyAuthentication no", "PasswordAuthentication yes").Port
	kerberos := hopTo(hosttest.StartSSHD(t, "GSSAPIAuthentication yes"))
	kerberos.Identities, kerberos.Kerberos = stranger.Identities, ssh.Ticket
	unwanted := stranger
	unwanted.Kerberos = ssh.Ticket
	tests := []struct {
		name     string
		route    ssh.Route
		want     error
		unspoken bool
	}{
		{"a cipher", ssh.Route{hopTo(cbc)}, host.ErrRefused, true},
		{"a cipher of a bastion", ssh.Route{hopTo(cbc), hopTo(today)}, host.ErrRefused, true},
		{"a command", ssh.Route{hidden}, host.ErrRefused, true},
		{"a key in hardware", ssh.Route{hardware}, host.ErrAuth, true},
		{"a token", ssh.Route{token}, host.ErrAuth, true},
		{"a token, where no key is taken", ssh.Route{passwords}, host.ErrAuth, false},
		{"Kerberos", ssh.Route{kerberos}, host.ErrAuth, true},
		{"Kerberos, which the server does not take", ssh.Route{unwanted}, host.ErrAuth, false},
		{"a wrong key", ssh.Route{stranger}, host.ErrAuth, false},
	}
	conn, err := newDialer(t).Dial(t.Context(), ssh.Route{held})
	if err != nil {
		t.Fatalf("a key that opens, beside a token: %v", err)
	}
	_ = conn.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDialer(t)
			_, err := d.Dial(t.Context(), tt.route)
			if !errors.Is(err, tt.want) || errors.Is(err, ssh.ErrUnspoken) != tt.unspoken {
				t.Errorf("err = %v, want %v, unspoken %v", err, tt.want, tt.unspoken)
			}
			_, isNew, err := d.Peek(t.Context(), tt.route)
			if saw := tt.want == host.ErrAuth; saw != (err == nil) || isNew || !saw && !errors.Is(err, ssh.ErrUnspoken) {
				t.Errorf("peeked: new %v, err %v", isNew, err)
			}
		})
	}
}
