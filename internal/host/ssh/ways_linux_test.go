package ssh_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// oneTimeCodes are the first codes of the secret that RFC 4226 has as an example.
var oneTimeCodes = []string{"755224", "287082", "359152"}

// codeMachine wants a key and then a one-time code, which PAM checks.
func codeMachine(t *testing.T) *hosttest.Machine {
	t.Helper()
	return hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim"}},
		SSHD:     []string{"KbdInteractiveAuthentication yes", "AuthenticationMethods publickey,keyboard-interactive"},
		Files: map[string]string{
			"/etc/pam.d/sshd": "auth required pam_oath.so usersfile=/etc/users.oath window=3 digits=6\n" +
				"account required pam_permit.so\nsession required pam_permit.so\n",
			"/etc/users.oath": "HOTP kim - 3132333435363738393031323334353637383930\n",
		},
		Before: "chmod 600 /etc/users.oath",
	})
}

// A bastion that wants a key and a code is logged in to once, whoever is behind
// it; the code is asked for once.
func TestOneTimeCodeAtTheBastion(t *testing.T) {
	t.Parallel()
	bastion, target := codeMachine(t), hosttest.StartSSHD(t)
	d := newDialer(t)
	var asked []string
	d.Ask = func(_ context.Context, prompt string) (string, error) {
		asked = append(asked, prompt)
		return oneTimeCodes[len(asked)-1], nil
	}
	first := as("kim", bastion)
	first.Alias = "bastion"
	conns := make(chan *ssh.Conn)
	const hosts = 5
	for range hosts {
		go func() {
			conn, err := d.Dial(t.Context(), ssh.Route{first, hopTo(target)})
			if err != nil {
				t.Error(err)
			}
			conns <- conn
		}()
	}
	for range hosts {
		if conn := <-conns; conn != nil {
			_ = conn.Close()
		}
	}
	if len(asked) != 1 || !strings.HasPrefix(asked[0], "bastion asks: One-time password (OATH) for `kim'") {
		t.Errorf("asked %q, want the code, once", asked)
	}
	if log := bastion.Read(t, "/var/log/sshd.log"); strings.Count(log, "Accepted keyboard-interactive") != 1 {
		t.Errorf("the bastion saw:\n%s", log)
	}
}

// Where the key is refused nobody is asked for a code: to begin with codes would
// count as a failed login on every host.
func TestNoCodeWithoutAKey(t *testing.T) {
	t.Parallel()
	bastion := codeMachine(t)
	d := newDialer(t)
	d.Ask = func(_ context.Context, prompt string) (string, error) {
		t.Errorf("asked %q", prompt)
		return "", nil
	}
	hop := as("kim", bastion)
	hop.Identities = nil
	if _, err := d.Dial(t.Context(), ssh.Route{hop}); !errors.Is(err, host.ErrAuth) {
		t.Errorf("err = %v, want ErrAuth", err)
	}
}

// Each hop of a chain has its own user, port, key and password, and its host key
// is verified by itself.
func TestNestedJumpsWithPasswordsOfTheirOwn(t *testing.T) {
	t.Parallel()
	type station struct{ alias, user, password string }
	stations := []station{{"outer", "kim", "one horse"}, {"inner", "ops", "two horses"}, {"db1", "dba", "three horses"}}
	var (
		route ssh.Route
		mu    sync.Mutex
		asked []string
	)
	known := map[string]*credential.Credential{}
	for _, s := range stations {
		m := hosttest.StartMachine(t, hosttest.Setup{
			Accounts: []hosttest.Account{{Name: s.user, Password: s.password}},
			SSHD:     []string{"PasswordAuthentication yes", "PubkeyAuthentication no"},
		})
		hop := as(s.user, m)
		hop.Alias, hop.Identities = s.alias, nil
		route = append(route, hop)
		known[s.alias] = credential.New(s.alias, func(_ context.Context, prompt string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, prompt)
			return s.password, nil
		}, nil)
	}
	d := newDialer(t)
	var told []string
	d.Trust.Tell = func(e ssh.KeyEvent) error { told = append(told, e.Alias); return nil }
	d.Password = func(h ssh.Hop, bastion bool) *credential.Credential {
		if bastion != (h.Alias != "db1") {
			t.Errorf("%s: bastion is %v", h.Alias, bastion)
		}
		return known[h.Alias]
	}
	conn := dial(t, d, route...)
	out, err := shell.New("db1", conn, shell.Options{Now: time.Now}).Probe(t.Context(), host.Command{Argv: []string{"id", "-un"}})
	if err != nil || string(out.Stdout) != "dba\n" {
		t.Errorf("%q, %v", out.Stdout, err)
	}
	if want := []string{"outer", "inner", "db1"}; !slices.Equal(asked, want) || !slices.Equal(told, want) {
		t.Errorf("asked %q, keys of %q; want %q", asked, told, want)
	}
}
