//go:build linux

package waytest

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

const theLog = "/var/log/sshd.log"

// codeMachine wants a one-time code, which PAM checks after what is in before,
// with these lines of the server's configuration.
func codeMachine(t *testing.T, before string, lines ...string) *hosttest.Machine {
	t.Helper()
	return hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim", Password: "correct horse"}},
		SSHD:     append(lines, "KbdInteractiveAuthentication yes", "PasswordAuthentication no"),
		Files: map[string]string{
			"/etc/pam.d/sshd": before + "auth required pam_oath.so usersfile=/etc/users.oath window=3 digits=6\n" +
				"account required pam_permit.so\nsession required pam_permit.so\n",
			"/etc/users.oath": "HOTP kim - 3132333435363738393031323334353637383930\n",
		},
		Before: "chmod 600 /etc/users.oath",
	})
}

const keyAndCode = "AuthenticationMethods publickey,keyboard-interactive"

// oneTimeCodeAtTheBastion logs in once at a bastion that wants a key and a code,
// whoever is behind it; the code is asked for once.
func oneTimeCodeAtTheBastion(t *testing.T, wire Wire) {
	bastion, target := codeMachine(t, "", keyAndCode), hosttest.StartSSHD(t)
	s := settings(t)
	var asked []string
	s.Ask = func(_ context.Context, prompt string) (string, error) {
		asked = append(asked, prompt)
		return oneTimeCodes[len(asked)-1], nil
	}
	first := as("kim", bastion)
	first.Alias = "bastion"
	dial := wire(t, s)
	conns := make(chan Conn)
	const hosts = 5
	for range hosts {
		go func() {
			conn, err := dial(t.Context(), ssh.Route{first, HopTo(target)})
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
	if log := bastion.Read(t, theLog); strings.Count(log, "Accepted keyboard-interactive") != 1 {
		t.Errorf("the bastion saw:\n%s", log)
	}
}

// noCodeWithoutAKey asks nobody for a code where the key is refused: to begin with
// codes would count as a failed login on every host.
func noCodeWithoutAKey(t *testing.T, wire Wire) {
	s := settings(t)
	s.Ask = func(_ context.Context, prompt string) (string, error) {
		t.Errorf("asked %q", prompt)
		return "", nil
	}
	hop := as("kim", codeMachine(t, "", keyAndCode))
	hop.Identities = nil
	if err := wire.refused(t, s, hop); !errors.Is(err, host.ErrAuth) {
		t.Errorf("err = %v, want ErrAuth", err)
	}
}

// keyAndPassword logs in where both are wanted.
func keyAndPassword(t *testing.T, wire Wire) {
	m := hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim", Password: "correct horse"}},
		SSHD:     []string{"PasswordAuthentication yes", "AuthenticationMethods publickey,password"},
	})
	s := settings(t)
	s.Password = password("correct horse")
	_ = wire.enter(t, s, as("kim", m))
}

// passwordAndCode answers a server that asks for both in one conversation: the
// password with the password, the rest by a person.
func passwordAndCode(t *testing.T, wire Wire) {
	m := codeMachine(t, "auth required pam_unix.so\n", "PubkeyAuthentication no")
	s := settings(t)
	s.Password = password("correct horse")
	s.Ask = func(_ context.Context, prompt string) (string, error) {
		if !strings.Contains(prompt, "OATH") {
			t.Errorf("asked %q", prompt)
		}
		return oneTimeCodes[0], nil
	}
	_ = wire.enter(t, s, as("kim", m))
}

// nobodyKnowsTheCode says what was asked, and sends nothing in its place.
func nobodyKnowsTheCode(t *testing.T, wire Wire) {
	m := codeMachine(t, "auth required pam_unix.so\n", "PubkeyAuthentication no")
	s := settings(t)
	s.Password = password("correct horse")
	err := wire.refused(t, s, as("kim", m))
	if !errors.Is(err, host.ErrAuth) || !strings.Contains(err.Error(), "OATH") || !strings.Contains(err.Error(), "nobody is there to answer") {
		t.Errorf("err = %v, want what it asks", err)
	}
}

// nestedJumps goes through a chain whose hops each have their own user, port and
// password; the host key of each is verified by itself.
func nestedJumps(t *testing.T, wire Wire) {
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
	set := settings(t)
	var told []string
	set.Trust.Tell = func(e ssh.KeyEvent) error { told = append(told, e.Alias); return nil }
	set.Password = func(h ssh.Hop, bastion bool) *credential.Credential {
		if bastion != (h.Alias != "db1") {
			t.Errorf("%s: bastion is %v", h.Alias, bastion)
		}
		return known[h.Alias]
	}
	conn := wire.enter(t, set, route...)
	out, err := shell.New("db1", conn, shell.Options{Now: time.Now}).Probe(t.Context(), host.Command{Argv: []string{"id", "-un"}})
	if err != nil || string(out.Stdout) != "dba\n" {
		t.Errorf("%q, %v", out.Stdout, err)
	}
	if want := []string{"outer", "inner", "db1"}; !slices.Equal(asked, want) || !slices.Equal(told, want) {
		t.Errorf("asked %q, keys of %q; want %q", asked, told, want)
	}
}

// passwordsThroughPAM logs in with the password of a real account, by
// each of the two methods that servers take passwords with.
func passwordsThroughPAM(t *testing.T, wire Wire) {
	methods := map[string][]string{
		"password":             {"PasswordAuthentication yes", "KbdInteractiveAuthentication no"},
		"keyboard-interactive": {"PasswordAuthentication no", "KbdInteractiveAuthentication yes"},
	}
	for name, lines := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.StartMachine(t, hosttest.Setup{
				Accounts: []hosttest.Account{{Name: "kim", Password: "correct horse"}},
				SSHD:     lines,
			})
			hop := as("kim", m)
			hop.Identities = nil
			s := settings(t)
			s.Password = password("correct horse")
			_ = wire.enter(t, s, hop).Close()
			s.Password = password("wrong horse")
			if err := wire.refused(t, s, hop); !errors.Is(err, host.ErrAuth) {
				t.Errorf("err = %v, want ErrAuth", err)
			}
			m.AwaitLog(t, "Failed "+name, 1)
			m.AwaitLog(t, "Accepted "+name, 1)
		})
	}
}
