//go:build linux

package hosttest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
)

// A Machine is a real OpenSSH server with PAM inside namespaces of its own: its
// /etc, logs, home directories, terminals and processes are private, so accounts,
// passwords, sudoers and PAM can be anything, and the machine that runs the tests
// is not changed. Its programs are those of that machine.
type Machine struct {
	SSHD
}

// A Setup is what a machine is made of. The zero value is a machine with root's
// account alone, let in by key.
type Setup struct {
	Accounts []Account
	Files    map[string]string // by path, below one of the private directories, which win over the system's
	SSHD     []string          // lines for the server's configuration
	Before   string            // sh, run as root inside before the server starts
}

// An Account is one user of a machine. The harness's key logs in to each.
type Account struct {
	Name     string
	Password string // empty: no password opens it
	Shell    string // /bin/sh when empty
	Groups   []string
}

// private are the directories that a machine does not share. /etc is made from
// those parts of the system's that programs cannot do without.
var (
	private = []string{"etc", "home", "root", "run", "var/log", "var/lib/sudo", "var/mail"}
	needed  = []string{
		"alternatives", "bash.bashrc", "doas.conf", "environment", "group", "gshadow", "host.conf", "hosts", "ld.so.cache",
		"ld.so.conf", "ld.so.conf.d", "login.defs", "nsswitch.conf", "os-release", "pam.conf", "pam.d", "passwd",
		"profile", "protocols", "security", "services", "shells", "ssl", "sudo.conf", "sudo_logsrvd.conf", "default",
	}
)

// StartMachine starts a machine and ends it, with all its processes, with the
// test. The test must run as root: nobody else may switch users in there.
func StartMachine(t testing.TB, setup Setup) *Machine {
	t.Helper()
	m, stop, err := NewMachine(t.TempDir(), setup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return m
}

// NewMachine is StartMachine for callers that have no testing.TB: it keeps its
// files in dir, and the caller calls stop.
func NewMachine(dir string, setup Setup) (m *Machine, stop func(), err error) {
	if os.Getuid() != 0 {
		return nil, nil, errors.New("a machine with users of its own takes root: run the tests as root")
	}
	m = &Machine{SSHD{User: "root", Dir: dir, Identity: filepath.Join(dir, "id"), Log: filepath.Join(dir, "var/log/sshd.log")}}
	if err := m.furnish(setup); err != nil {
		return nil, nil, err
	}
	m.command = func() *exec.Cmd { return m.boot(setup) }
	if err := m.start(); err != nil {
		return nil, nil, err
	}
	return m, m.Stop, nil
}

// furnish writes the files of the machine.
func (m *Machine) furnish(setup Setup) error {
	for _, dir := range private {
		if err := os.MkdirAll(m.Path(dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"etc/ssh", "run/sshd", "run/lock", "etc/sudoers.d"} {
		if err := os.MkdirAll(m.Path(dir), 0o755); err != nil {
			return err
		}
	}
	if err := m.copySystem(); err != nil {
		return err
	}
	if err := m.keys(); err != nil {
		return err
	}
	files := map[string]string{
		"/etc/shadow":          "root:*:19000::::::\n",
		"/etc/hostname":        "machine\n",
		"/etc/sudoers":         "root ALL=(ALL:ALL) ALL\n",
		"/etc/ssh/sshd_config": m.config(setup),
	}
	maps.Copy(files, setup.Files)
	for path, text := range files {
		if err := m.write(path, text); err != nil {
			return err
		}
	}
	return m.addAccounts(setup.Accounts)
}

// copySystem takes over what programs need of the system's /etc.
func (m *Machine) copySystem() error {
	args := []string{"-a", "--"}
	for _, name := range needed {
		if _, err := os.Lstat(filepath.Join("/etc", name)); err == nil {
			args = append(args, filepath.Join("/etc", name))
		}
	}
	if out, err := exec.Command("cp", append(args, m.Path("etc"))...).CombinedOutput(); err != nil {
		return fmt.Errorf("copy /etc: %w: %s", err, out)
	}
	return nil
}

func (m *Machine) keys() error {
	userKey, err := writeKey(m.Identity)
	if err != nil {
		return err
	}
	if m.HostKey, err = writeKey(filepath.Join(m.Dir, "hostkey")); err != nil {
		return err
	}
	if m.Port, err = freePort(); err != nil {
		return err
	}
	return m.write("/etc/ssh/authorized_keys", string(ssh.MarshalAuthorizedKey(userKey)))
}

func (m *Machine) config(setup Setup) string {
	return strings.Join(append(
		slices.Clone(setup.SSHD),
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", m.Port),
		"HostKey "+filepath.Join(m.Dir, "hostkey"),
		"AuthorizedKeysFile /etc/ssh/authorized_keys",
		"PidFile none",
		"StrictModes no",
		"UsePAM yes",
		"PermitRootLogin yes",
		"LogLevel VERBOSE",
		"Subsystem sftp internal-sftp",
	), "\n") + "\n"
}

// firstUID is the first of the machine's own accounts.
const firstUID = 4000

// addAccounts adds users; their passwords are hashed inside, by boot.
func (m *Machine) addAccounts(accounts []Account) error {
	var passwd, group, shadow strings.Builder
	for n, a := range accounts {
		if a.Name == "root" {
			continue
		}
		id := firstUID + n
		shell := a.Shell
		if shell == "" {
			shell = "/bin/sh"
		}
		home := m.Path(filepath.Join("home", a.Name))
		if err := errors.Join(os.MkdirAll(home, 0o700), os.Chown(home, id, id)); err != nil {
			return err
		}
		fmt.Fprintf(&passwd, "%s:x:%d:%d::/home/%s:%s\n", a.Name, id, id, a.Name, shell)
		fmt.Fprintf(&group, "%s:x:%d:\n", a.Name, id)
		fmt.Fprintf(&shadow, "%s:*:19000:0:99999:7:::\n", a.Name)
	}
	groups, err := os.ReadFile(m.Path("etc/group"))
	if err != nil {
		return err
	}
	for _, a := range accounts {
		for _, name := range a.Groups {
			groups = addMember(groups, name, a.Name)
		}
	}
	return errors.Join(
		appendTo(m.Path("etc/passwd"), passwd.String()),
		os.WriteFile(m.Path("etc/group"), append(groups, group.String()...), 0o644),
		appendTo(m.Path("etc/shadow"), shadow.String()),
	)
}

// addMember puts user into a group of the text of /etc/group.
func addMember(groups []byte, name, user string) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(groups) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if bytes.HasPrefix(line, []byte(name+":")) {
			if !bytes.HasSuffix(line, []byte(":")) {
				line = append(line, ',')
			}
			line = append(line, user...)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// boot is the machine's first process, which becomes the server: when it ends,
// the kernel ends every other and forgets the mounts.
func (m *Machine) boot(setup Setup) *exec.Cmd {
	var b strings.Builder
	fmt.Fprintf(&b, "exec >>'%s' 2>&1\n", m.Log)
	b.WriteString("set -e\nmount --make-rprivate /\nmount -t proc proc /proc\n" +
		"mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts\n" +
		"mount --bind /dev/pts/ptmx /dev/ptmx\nhostname machine\n")
	for _, dir := range private {
		fmt.Fprintf(&b, "[ ! -d /%[2]s ] || mount --bind '%[1]s/%[2]s' /%[2]s\n", m.Dir, dir)
	}
	b.WriteString("chpasswd -c SHA512 <<'EOF'\n")
	for _, a := range setup.Accounts {
		if a.Password != "" {
			fmt.Fprintf(&b, "%s:%s\n", a.Name, a.Password)
		}
	}
	fmt.Fprintf(&b, "EOF\n%s\nexec </dev/null /usr/sbin/sshd -D -f /etc/ssh/sshd_config -E /var/log/sshd.log\n", setup.Before)
	cmd := exec.Command("sh", "-s")
	cmd.Stdin = strings.NewReader(b.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	return cmd
}

// Path is where a file of the machine's private directories lies for the test.
func (m *Machine) Path(path string) string { return filepath.Join(m.Dir, path) }

// Read is the content of a private file; nothing when there is none.
func (m *Machine) Read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(m.Path(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

// Run runs sh on the machine as root, past SSH, and returns what it printed.
func (m *Machine) Run(t testing.TB, script string) string {
	t.Helper()
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(m.PID), "-m", "-p", "-u", "-i", "sh", "-c", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("on the machine: %v: %s", err, out)
	}
	return string(out)
}

// write writes a private file, with the mode that programs insist on.
func (m *Machine) write(path, text string) error {
	mode := fs.FileMode(0o644)
	switch {
	case path == "/etc/shadow", path == "/etc/doas.conf":
		mode = 0o600
	case strings.HasPrefix(path, "/etc/sudoers"):
		mode = 0o440
	case strings.HasPrefix(text, "#!"):
		mode = 0o755
	}
	file := m.Path(path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	_ = os.Remove(file) // what was copied may be read-only, or a link
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(file, mode)
}
