package cli

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// knows adds a server on loopback to the desk's ssh configuration.
func (d desk) knows(t *testing.T, name string, port int, lines ...string) {
	t.Helper()
	file := filepath.Join(d.home, ".ssh", "config")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(file)
	text := fmt.Sprintf("%sHost %s\n  HostName 127.0.0.1\n  Port %d\n  IdentitiesOnly yes\n  %s\n", before, name, port, strings.Join(lines, "\n  "))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sshd starts a server that the desk knows, whose key has this passphrase if any.
func (d desk) sshd(t *testing.T, name, passphrase string, lines ...string) *hosttest.SSHD {
	t.Helper()
	s := hosttest.StartSSHD(t, lines...)
	if passphrase != "" {
		if out, err := exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", s.Identity).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d.knows(t, name, s.Port, "User "+s.User, "IdentityFile "+s.Identity)
	return s
}

// scans starts a scan on a terminal.
func (d desk) scans(t *testing.T, args ...string) *screen {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.incident, "known_hosts"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return d.onScreen(t, append([]string{"--incident", d.incident, "scan", "--accept-new"}, args...)...)
}

// ends waits until it has ended by itself, with this exit code, and left the terminal
// as it was: what is typed shows.
func (s *screen) ends(want int) {
	s.t.Helper()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = s.cmd.Wait()
	}()
	late := time.AfterFunc(30*time.Second, s.kill)
	defer late.Stop()
	go func() { // what it still writes has to go somewhere
		buf := make([]byte, 4096)
		for {
			if _, err := s.master.Read(buf); err != nil {
				return
			}
		}
	}()
	<-gone
	if got := s.cmd.ProcessState.ExitCode(); got != want {
		s.t.Errorf("exit %d, want %d", got, want)
	}
	mode, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	if mode.Lflag&unix.ECHO == 0 {
		s.t.Error("the terminal goes on to hide what is typed")
	}
}

// visits are how the visits of a host ended, oldest first.
func (d desk) visits(t *testing.T, name string) []timeline.HostVisit {
	t.Helper()
	var visits []timeline.HostVisit
	for _, e := range d.entries(t, timeline.HostScanned) {
		if visit, ok := timeline.Decode[timeline.HostVisit](e); ok && e.Host == name {
			visits = append(visits, visit)
		}
	}
	return visits
}

// ended is how the last visit of a host ended.
func (d desk) ended(t *testing.T, name string) timeline.HostVisit {
	t.Helper()
	visits := d.visits(t, name)
	if len(visits) == 0 {
		t.Fatalf("%s was never visited", name)
	}
	return visits[len(visits)-1]
}

func reached(v timeline.HostVisit) bool { return slices.Contains([]string{"ok", "partial"}, v.Class) }

// While somebody looks for a passphrase no time runs out for the host that waits, nor
// for those that wait for the same answer; a host that needs none goes on, and ends.
func TestNoTimeRunsOutWhileSomebodyTypes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	web1 := d.sshd(t, "web1", "s3same")
	d.sshd(t, "web2", "")
	d.knows(t, "db1", web1.Port, "User "+web1.User, "IdentityFile "+web1.Identity)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	d.knows(t, "hung", silent.Addr().(*net.TCPAddr).Port)

	s := d.scans(t, "--deadline", "20s", "--auth-timeout", "19s", "--banner-timeout", "21s", "web1", "web2", "db1", "hung")
	s.wait("/4] waiting for you; no host's time runs out meanwhile", "Passphrase for "+web1.Identity+": ")
	for until := time.Now().Add(time.Minute); len(d.visits(t, "hung")) == 0 && time.Now().Before(until); {
		time.Sleep(500 * time.Millisecond) // 21 s have passed when its greeting is given up
	}
	if v := d.ended(t, "hung"); v.Class != "timeout" || !strings.Contains(v.Reason, "its SSH banner took longer than 21s") {
		t.Errorf("hung: %+v", v)
	}
	if v := d.ended(t, "web2"); !reached(v) {
		t.Errorf("web2: %+v", v)
	}
	s.press("s3same\r")
	s.wait("] timeout     hung", "web1")
	s.ends(exitNotReached)
	for _, name := range []string{"web1", "db1"} {
		if v := d.ended(t, name); !reached(v) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// A server that hangs up while somebody types is called again: the passphrase is
// known then.
func TestAServerThatHangsUpOnAPersonIsCalledAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	web1 := d.sshd(t, "web1", "s3same", "LoginGraceTime 2")
	s := d.scans(t, "web1")
	s.wait("Passphrase for ")
	left(t, web1)
	s.press("s3same\r")
	s.ends(exitDone)
	if v := d.ended(t, "web1"); !reached(v) {
		t.Errorf("%+v", v)
	}
}

// left waits until a server has no connection any more. Not every version writes
// down that a login took too long.
func left(t *testing.T, s *hosttest.SSHD) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.PID))
		if err != nil {
			t.Fatal(err)
		}
		if len(children) == 0 {
			return
		}
	}
	t.Fatal("it never hung up")
}

// Who has gone away is asked one question, and no host waits for ever.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sshd(t, "web1", "s3same")
	d.sshd(t, "web2", "an0ther")
	s := d.scans(t, "--answer-timeout", "1s", "web1", "web2")
	s.wait("Passphrase for ", "auth ", "auth ")
	s.ends(exitNotReached)
	for _, name := range []string{"web1", "web2"} {
		if v := d.ended(t, name); v.Class != "auth" || !strings.Contains(v.Reason, "nobody answered in 1s; the same command asks again") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// The end of input says that there is no password and no passphrase. Hosts that need
// none are visited; the others say what to do.
func TestEndOfInputMeansNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sshd(t, "web1", "")
	d.sshd(t, "web2", "", "PubkeyAuthentication no", "PasswordAuthentication yes")
	d.sshd(t, "web3", "s3same")
	s := d.scans(t, "-k", "web1", "web2", "web3")
	s.wait("Password for ")
	s.press("\x04")
	s.wait("Passphrase for ")
	s.press("\x04")
	s.ends(exitNotReached)
	if v := d.ended(t, "web1"); !reached(v) {
		t.Errorf("web1: %+v", v)
	}
	if v := d.ended(t, "web2"); v.Class != "auth" || !strings.Contains(v.Reason, "no password was given; -k asks for it again") {
		t.Errorf("web2: %+v", v)
	}
	if v := d.ended(t, "web3"); v.Class != "auth" || !strings.Contains(v.Reason, "no passphrase was given; add it to the agent with ssh-add, or the same command asks again") {
		t.Errorf("web3: %+v", v)
	}
	if n := len(d.entries(t, timeline.PasswordTried)); n > 0 {
		t.Errorf("%d passwords were tried", n)
	}
}

// No code is sent where there is none: an empty one would count as a wrong one.
func TestEndOfInputAtAOneTimeCode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	m := hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim"}},
		SSHD:     []string{"KbdInteractiveAuthentication yes", "PasswordAuthentication no", "AuthenticationMethods publickey,keyboard-interactive"},
		Files: map[string]string{
			"/etc/pam.d/sshd": "auth required pam_oath.so usersfile=/etc/users.oath window=3 digits=6\n" +
				"account required pam_permit.so\nsession required pam_permit.so\n",
			"/etc/users.oath": "HOTP kim - 3132333435363738393031323334353637383930\n", // of RFC 4226
		},
		Before: "chmod 600 /etc/users.oath",
	})
	d.knows(t, "web1", m.Port, "User kim", "IdentityFile "+m.Identity)
	s := d.scans(t, "web1")
	s.wait("waiting for you", "web1 asks: One-time password (OATH) for `kim'")
	s.press("\x04")
	s.ends(exitNotReached)
	if v := d.ended(t, "web1"); v.Class != "auth" || !strings.Contains(v.Reason, "and no answer was given; the same command asks again") {
		t.Errorf("%+v", v)
	}
	if log := m.Read(t, "/var/log/sshd.log"); strings.Contains(log, "Failed keyboard-interactive") {
		t.Errorf("it was sent an answer:\n%s", log)
	}
	s = d.scans(t, "web1")
	s.wait("One-time password")
	s.press("755224\r")
	s.ends(exitDone)
	if v := d.ended(t, "web1"); !reached(v) {
		t.Errorf("%+v", v)
	}
}

// An interrupt ends everything at any question, also at one for a bastion that others
// wait for.
func TestInterruptAtAQuestion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, question string
		args           []string
	}{
		{"password", "Password for ", []string{"-k", "web1"}},
		{"passphrase", "Passphrase for ", []string{"web1"}},
		{"bastion", "Passphrase for ", []string{"behind"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			web1 := d.sshd(t, "web1", "s3same")
			d.knows(t, "behind", web1.Port, "User "+web1.User, "IdentityFile none", "ProxyJump web1")
			s := d.scans(t, test.args...)
			s.wait(test.question)
			s.press("s3s\x03")
			s.ends(exitCancelled)
		})
	}
}
