//go:build linux

package ssh_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

const (
	kimsPassword = "correct horse! it's $HOME"
	rootPassword = "battery staple"
)

// countingPAM asks for a password the way hardened hosts do: each failure is
// counted, and sudo, su and doas share the count.
var countingPAM = map[string]string{
	"/etc/pam.d/common-auth": `auth required pam_faillock.so preauth
auth [success=1 default=ignore] pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail
auth required pam_permit.so
`,
}

func sudoers(lines ...string) map[string]string {
	return map[string]string{"/etc/sudoers": "Defaults logfile=/var/log/sudo.log\n" + strings.Join(lines, "\n") + "\n"}
}

// TestRoot gets root, or learns why not, on hosts set up in every way that is
// known to stand between a password and root.
func TestRoot(t *testing.T) {
	t.Parallel()
	const all = "kim ALL=(ALL:ALL) ALL"
	lecture := map[string]string{"/etc/lecture": "Nous vous faisons confiance.\nMot de passe :\n"}
	askpass := map[string]string{
		"/etc/askpass":     "#!/bin/sh\n: >/run/askpass-was-run\necho nonsense\n",
		"/etc/sudo.conf":   "Path askpass /etc/askpass\n",
		"/etc/environment": "SUDO_ASKPASS=/etc/askpass\n",
	}
	french := map[string]string{"/etc/environment": "LANG=fr_FR.UTF-8\nLC_ALL=fr_FR.UTF-8\nLANGUAGE=fr\nSUDO_PROMPT=Sésame\n"}
	tests := []struct {
		name     string
		files    []map[string]string
		sshd     []string
		before   string
		become   shell.Become
		password string
		how      string // how root is got; empty: it is not
		noRoot   string // why
		sudos    int    // passwords that were refused
		err      error
	}{
		{name: "sudo without a password", files: []map[string]string{sudoers("kim ALL=(ALL) NOPASSWD: ALL")}, how: "sudo"},
		{name: "sudo without a password needs none", files: []map[string]string{sudoers("kim ALL=(ALL) NOPASSWD: ALL")}, password: "wrong", how: "sudo"},
		{name: "sudo", files: []map[string]string{sudoers(all)}, password: kimsPassword, how: "sudo with a password"},
		{name: "sudo, nobody knows the password", files: []map[string]string{sudoers(all)}, noRoot: "a password is required"},
		{name: "wrong password", files: []map[string]string{sudoers(all)}, password: "wrong", err: host.ErrSudo, sudos: 1},
		{name: "wrong password, insults", files: []map[string]string{sudoers(all, "Defaults insults")}, password: "wrong", err: host.ErrSudo, sudos: 1},
		{name: "wrong password, one try", files: []map[string]string{sudoers(all, "Defaults passwd_tries=1")}, password: "wrong", err: host.ErrSudo, sudos: 1},
		{name: "French", files: []map[string]string{sudoers(all), french}, password: kimsPassword, how: "sudo with a password"},
		{name: "French, wrong password", files: []map[string]string{sudoers(all), french}, password: "wrong", err: host.ErrSudo, sudos: 1},
		{
			name: "prompt in sudoers", how: "sudo with a password", password: kimsPassword,
			files: []map[string]string{sudoers(all, `Defaults passprompt="Mot de passe de %p : ", passprompt_override`), french},
		},
		{
			name: "lecture", how: "sudo with a password", password: kimsPassword,
			files: []map[string]string{sudoers(all, "Defaults lecture=always, lecture_file=/etc/lecture"), lecture},
		},
		{
			name: "askpass", how: "sudo with a password", password: kimsPassword,
			files: []map[string]string{sudoers(all), askpass},
		},
		{name: "askpass, nobody knows the password", files: []map[string]string{sudoers(all), askpass}, noRoot: "a password is required"},
		{name: "use_pty", files: []map[string]string{sudoers(all, "Defaults use_pty")}, password: kimsPassword, how: "sudo with a password"},
		{
			name: "log_output", how: "sudo with a password", password: kimsPassword,
			files: []map[string]string{sudoers(all, "Defaults use_pty, log_output, log_input, iolog_dir=/var/log/sudo-io")},
		},
		{name: "requiretty", files: []map[string]string{sudoers(all, "Defaults requiretty")}, password: kimsPassword, how: "sudo with a password, on a terminal"},
		{name: "requiretty, wrong password", files: []map[string]string{sudoers(all, "Defaults requiretty")}, password: "wrong", err: host.ErrSudo, sudos: 1},
		{
			name: "requiretty, no password wanted", how: "sudo, on a terminal",
			files: []map[string]string{sudoers("kim ALL=(ALL) NOPASSWD: ALL", "Defaults requiretty")},
		},
		{
			name: "requiretty, use_pty and one session", how: "sudo with a password, on a terminal", password: kimsPassword,
			files: []map[string]string{sudoers(all, "Defaults requiretty, use_pty")}, sshd: []string{"MaxSessions 1"},
		},
		{
			name: "requiretty, no terminal", noRoot: "terminal", password: kimsPassword,
			files: []map[string]string{sudoers(all, "Defaults requiretty")}, sshd: []string{"PermitTTY no"},
		},
		{name: "not in sudoers", files: []map[string]string{sudoers()}, password: kimsPassword, noRoot: "kim is not in the sudoers file"},
		{name: "may do something else", files: []map[string]string{sudoers("kim ALL=(ALL) /bin/true")}, password: kimsPassword, noRoot: "not allowed to execute"},
		{name: "no sudo", before: withoutPrograms("sudo", "doas"), password: kimsPassword, noRoot: "the host has no sudo and no doas"},
		{name: "sudo is wanted", before: withoutPrograms("sudo"), become: shell.BecomeSudo, password: kimsPassword, noRoot: "the host has no sudo"},
		{name: "su", become: shell.BecomeSu, password: rootPassword, how: "su with a password, on a terminal"},
		{name: "su, wrong password", become: shell.BecomeSu, password: kimsPassword, err: host.ErrSudo, sudos: 1},
		{name: "su, nobody knows the password", become: shell.BecomeSu, noRoot: "su asks for a password"},
		{name: "su, French", become: shell.BecomeSu, files: []map[string]string{french}, password: rootPassword, how: "su with a password, on a terminal"},
		{
			name: "doas without a password", before: withoutPrograms("sudo"), how: "doas",
			files: []map[string]string{{"/etc/doas.conf": "permit nopass kim\n"}},
		},
		{
			name: "doas", before: withoutPrograms("sudo"), password: kimsPassword, how: "doas with a password, on a terminal",
			files: []map[string]string{{"/etc/doas.conf": "permit kim\n"}},
		},
		{
			name: "doas, wrong password", become: shell.BecomeDoas, password: "wrong", err: host.ErrSudo, sudos: 1,
			files: []map[string]string{{"/etc/doas.conf": "permit kim\n"}},
		},
		{
			name: "doas, not permitted", become: shell.BecomeDoas, password: kimsPassword, noRoot: "Operation not permitted",
			files: []map[string]string{{"/etc/doas.conf": "permit somebody\n"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := rootMachine(t, tt.files, tt.sshd, tt.before)
			conn := dial(t, newDialer(t), as("kim", m))
			v, err := look(t, conn, tt.become, tt.password)
			if !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v; no root: %q", err, tt.err, v.NoRoot)
			}
			if v.How != tt.how || v.Root != (tt.how != "") || !strings.Contains(v.NoRoot, tt.noRoot) || tt.noRoot == "" && tt.err == nil && v.NoRoot != "" {
				t.Errorf("how = %q, no root = %q; want %q, %q", v.How, v.NoRoot, tt.how, tt.noRoot)
			}
			if tt.err == nil {
				expectSections(t, v)
			}
			if n := failures(t, m); n != tt.sudos {
				t.Errorf("PAM counted %d failures, want %d; sudo's log:\n%s", n, tt.sudos, m.Read(t, "/var/log/sudo.log"))
			}
			if m.Read(t, "/run/askpass-was-run") != "" || strings.Contains(m.Run(t, "ls /run"), "askpass") {
				t.Error("the askpass program was run")
			}
		})
	}
}

func rootMachine(t *testing.T, files []map[string]string, sshd []string, before string) *hosttest.Machine {
	t.Helper()
	all := map[string]string{}
	for _, files := range append([]map[string]string{countingPAM, sudoers()}, files...) {
		for path, text := range files {
			all[path] = text
		}
	}
	return hosttest.StartMachine(t, hosttest.Setup{
		Accounts: []hosttest.Account{{Name: "kim", Password: kimsPassword}, {Name: "root", Password: rootPassword}},
		Files:    all,
		SSHD:     sshd,
		Before:   before,
	})
}

// withoutPrograms hides programs of the machine.
func withoutPrograms(names ...string) string {
	var b strings.Builder
	b.WriteString(": >/run/nothing; chmod 600 /run/nothing\n")
	for _, name := range names {
		b.WriteString("mount --bind /run/nothing /usr/bin/" + name + "\n")
	}
	return b.String()
}

// look visits with sections that show what a terminal in between could spoil.
func look(t *testing.T, conn *ssh.Conn, become shell.Become, password string) (shell.Visit, error) {
	t.Helper()
	opts := shell.Options{Root: shell.RootTry, Become: become, Now: time.Now}
	if password != "" {
		opts.Password = func(context.Context) (shell.Attempt, error) { return shell.Attempt{Password: password}, nil }
	}
	return shell.Run(t.Context(), conn, []shell.Section{
		{Name: "who", Body: "id -u"},
		{Name: "bytes", Body: `i=0; while [ $i -lt 256 ]; do printf "\\$(printf %03o $i)"; i=$((i+1)); done`},
		{Name: "apart", Body: `echo out; printf 'err\n\n' >&2; exit 7`, Stderr: true},
		{Name: "fed", Body: "cat", Stdin: []byte("a'\\\x00\x03\x04\x11\x13\x1a\xff\r\nb\n")},
		{Name: "long", Body: "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done"},
		{Name: "hangs", Body: "echo before; sleep 307; true", Time: 300 * time.Millisecond, Stderr: true},
		{Name: "after", Body: "echo after"},
	}, opts)
}

func expectSections(t *testing.T, v shell.Visit) {
	t.Helper()
	uid := "4000\n"
	if v.Root {
		uid = "0\n"
	}
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	want := map[string]string{
		"who": uid, "bytes": string(all), "apart": "out\n", "fed": "a'\\\x00\x03\x04\x11\x13\x1a\xff\r\nb\n",
		"long": strings.Repeat("0123456789012345678901234567890123456789\n", 3000), "hangs": "before\n", "after": "after\n",
	}
	for _, a := range v.Answers {
		if string(a.Stdout) != want[a.Section] || (a.Missing != "") != (a.Section == "hangs") {
			t.Errorf("%s: %.300q, missing %q", a.Section, a.Stdout, a.Missing)
		}
		if a.Section == "apart" && (string(a.Stderr) != "err\n\n" || a.Exit != 7) {
			t.Errorf("apart: stderr %q, exit %d", a.Stderr, a.Exit)
		}
		delete(want, a.Section)
	}
	if len(want) > 0 {
		t.Errorf("no answer from %v", want)
	}
}

// failures is how many failed passwords PAM counted, for all users.
func failures(t *testing.T, m *hosttest.Machine) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(m.Run(t, "for u in kim root; do faillock --user $u; done")) {
		if strings.HasPrefix(line, "20") {
			n++
		}
	}
	return n
}

// TestPasswordsStayOutOfSight looks at every process of the host, its arguments
// and its environment, at the very moment when PAM has the password and later
// while the script runs.
func TestPasswordsStayOutOfSight(t *testing.T) {
	t.Parallel()
	const snapshot = "tr '\\0' ' ' </dev/null; for p in /proc/[0-9]*; do echo; tr '\\0' ' ' <$p/cmdline; tr '\\0' ' ' <$p/environ; done"
	watched := map[string]string{
		"/etc/snapshot": "#!/bin/sh\n{ " + snapshot + "; } >>/run/processes 2>/dev/null\n",
		"/etc/pam.d/common-auth": `auth optional pam_exec.so quiet seteuid /etc/snapshot
auth [success=1 default=ignore] pam_unix.so
auth requisite pam_deny.so
auth optional pam_exec.so quiet seteuid /etc/snapshot
auth required pam_permit.so
`,
		"/etc/doas.conf": "permit kim\n",
	}
	for way, password := range map[shell.Become]string{shell.BecomeSudo: kimsPassword, shell.BecomeDoas: kimsPassword, shell.BecomeSu: rootPassword} {
		for _, tty := range []string{"", "Defaults requiretty"} {
			t.Run(string(way)+" "+tty, func(t *testing.T) {
				t.Parallel()
				m := rootMachine(t, []map[string]string{watched, sudoers("kim ALL=(ALL) ALL", tty)}, nil, "")
				v, err := shell.Run(t.Context(), dial(t, newDialer(t), as("kim", m)), []shell.Section{{Name: "processes", Body: snapshot}}, shell.Options{
					Root: shell.RootMust, Become: way, Now: time.Now,
					Password: func(context.Context) (shell.Attempt, error) { return shell.Attempt{Password: password}, nil },
				})
				if err != nil {
					t.Fatal(err)
				}
				seen := m.Read(t, "/run/processes")
				if n := strings.Count(seen, string(way)+" "); n < 2 {
					t.Errorf("%s was seen %d times: the look came at the wrong moment:\n%s", way, n, seen)
				}
				for _, text := range []string{seen, string(v.Answers[0].Stdout), m.Read(t, "/var/log/sudo.log"), m.Read(t, "/var/log/sshd.log")} {
					if strings.Contains(text, password) || strings.Contains(text, strings.Fields(password)[1]) {
						t.Errorf("the password shows in:\n%s", text)
					}
				}
			})
		}
	}
}

// A cable is a way to a server that can be cut: both ends stay connected and
// hear nothing more.
func cable(t *testing.T, port int) (int, func()) {
	t.Helper()
	cut := make(chan struct{})
	return serve(t, func(near net.Conn) {
		far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = errors.Join(near.Close(), far.Close()) })
		forward := func(to io.Writer, from io.Reader) {
			buf := make([]byte, 32<<10)
			for {
				n, err := from.Read(buf)
				select {
				case <-cut:
					return
				default:
				}
				if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
					return
				}
			}
		}
		go forward(near, far)
		go forward(far, near)
		<-t.Context().Done()
	}), func() { close(cut) }
}

// TestRootOutlivesNoCable cuts the cable while scripts run as root, by every way
// to root at once, and expects that nothing of them is left on the host.
func TestRootOutlivesNoCable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		user     string
		sudoers  string
		become   shell.Become
		password string
	}{
		{"root", "", shell.BecomeSudo, ""},
		{"quiet", "quiet ALL=(ALL) NOPASSWD: ALL", shell.BecomeSudo, ""},
		{"quietpty", "quietpty ALL=(ALL) NOPASSWD: ALL\nDefaults:quietpty use_pty", shell.BecomeSudo, ""},
		{"asked", "asked ALL=(ALL) ALL", shell.BecomeSudo, kimsPassword},
		{"askedpty", "askedpty ALL=(ALL) ALL\nDefaults:askedpty use_pty", shell.BecomeSudo, kimsPassword},
		{"tty", "tty ALL=(ALL) ALL\nDefaults:tty requiretty", shell.BecomeSudo, kimsPassword},
		{"ttypty", "ttypty ALL=(ALL) ALL\nDefaults:ttypty requiretty, use_pty", shell.BecomeSudo, kimsPassword},
		{"su", "", shell.BecomeSu, rootPassword},
		{"doas", "", shell.BecomeDoas, kimsPassword},
	}
	setup := hosttest.Setup{Accounts: []hosttest.Account{{Name: "root", Password: rootPassword}}}
	var lines []string
	for _, tt := range tests[1:] {
		lines = append(lines, tt.sudoers)
		setup.Accounts = append(setup.Accounts, hosttest.Account{Name: tt.user, Password: kimsPassword})
	}
	setup.Files = sudoers(lines...)
	setup.Files["/etc/doas.conf"] = "permit doas\n"
	m := hosttest.StartMachine(t, setup)
	port, cut := cable(t, m.Port)
	ctx, cancel := context.WithCancel(t.Context())
	var visits sync.WaitGroup
	for _, tt := range tests {
		hop := as(tt.user, m)
		hop.Port = port
		opts := shell.Options{Root: shell.RootMust, Become: tt.become, Now: time.Now}
		if tt.password != "" {
			opts.Password = func(context.Context) (shell.Attempt, error) { return shell.Attempt{Password: tt.password}, nil }
		}
		conn := dial(t, newDialer(t), hop)
		visits.Go(func() {
			body := ": >/run/hanging-" + tt.user + "; sleep 309; true"
			if _, err := shell.Run(ctx, conn, []shell.Section{{Name: "hangs", Body: body, Time: time.Minute}}, opts); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: err = %v, want context.Canceled", tt.user, err)
			}
		})
	}
	m.Run(t, fmt.Sprintf("n=0; until [ $(ls /run | grep -c hanging-) = %d ]; do n=$((n+1)); [ $n -lt 300 ] || { ls /run; exit 1; }; sleep 0.1; done", len(tests)))
	cut()
	m.Run(t, leftovers)
	cancel()
	visits.Wait()
}

// leftovers waits until no process of a visit is left, and fails if that takes
// longer than the host's watch and some.
const leftovers = `n=0
while left=$(ps -e -o pid=,args= | grep -v 'sshd\|ps -e\|grep ' | grep -v "^ *$$ "); [ -n "$left" ]; do
n=$((n+1)); [ $n -lt 200 ] || { echo "$left"; exit 1; }; sleep 0.1
done`

// TestNothingOutlivesSudo walks away while PAM thinks about the password.
func TestNothingOutlivesSudo(t *testing.T) {
	t.Parallel()
	m := rootMachine(t, []map[string]string{sudoers("kim ALL=(ALL) ALL"), {
		"/etc/hang":              "#!/bin/sh\n: >/home/kim/hanging\nexec sleep 310\n",
		"/etc/pam.d/common-auth": "auth required pam_unix.so\nauth optional pam_exec.so /etc/hang\n",
	}}, nil, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	conn := dial(t, newDialer(t), as("kim", m))
	ended := make(chan error, 1)
	go func() {
		_, err := shell.Run(ctx, conn, []shell.Section{{Name: "it", Body: "true"}}, shell.Options{
			Root: shell.RootMust, Now: time.Now,
			Password: func(context.Context) (shell.Attempt, error) { return shell.Attempt{Password: kimsPassword}, nil },
		})
		ended <- err
	}()
	m.Run(t, "n=0; until [ -e /home/kim/hanging ]; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
	m.Run(t, "pkill -f '[s]leep 310'") // PAM's own, in a session of its own
	m.Run(t, leftovers)
}
