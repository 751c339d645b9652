package fact

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// posixShells are what a host may call sh.
var posixShells = map[string][]string{
	"dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}, "ksh": {"ksh"},
}

// ask runs a fact's script as a visit does, and returns what it printed. Its
// PATH is the machine's, or path.
func ask(t *testing.T, argv []string, path string, f Fact) Raw {
	t.Helper()
	program, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	if path == "" {
		path = os.Getenv("PATH") + ":/usr/sbin:/sbin"
	}
	cmd := exec.CommandContext(t.Context(), program, append(slices.Clone(argv[1:]), "-s")...)
	cmd.Stdin = strings.NewReader("{\n" + asSection(scriptHere(f)) + "\n} </dev/null\n")
	cmd.Env = []string{"PATH=" + path, "LC_ALL=C"}
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return Raw{Out: string(out), Exit: cmd.ProcessState.ExitCode(), Root: os.Geteuid() == 0}
}

// asSection is a script as a visit runs it, with the words it may use.
func asSection(script string) string {
	return shell.Words + "f() {\n" + script + "\n}\nf; e=$?; said; exit $e"
}

// scriptHere is what a visit to this machine would run.
func scriptHere(f Fact) string {
	if _, err := os.Stat("/var/lib/dpkg/status"); err == nil && f.Probe.Dpkg != "" {
		return f.Probe.Dpkg
	}
	return f.Probe.Script
}

// pathWith is a PATH on which only these tools are found.
func pathWith(t *testing.T, tools ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range tools {
		target, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listener opens a TCP listener of this process.
func listener(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// Every shell and every tool must show the same listeners of ours.
func TestSocketsOfEveryShellAndTool(t *testing.T) {
	t.Parallel()
	four, six := listener(t, "127.0.0.1:0"), listener(t, "[::]:0")
	mapped, err := net.Dial("tcp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), six.Port()).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mapped.Close() })
	dash := []string{"dash"}
	for name, c := range map[string]struct {
		argv   []string
		path   string
		source string
	}{
		"dash": {dash, "", "ss"}, "bash": {posixShells["bash"], "", "ss"}, "busybox": {posixShells["busybox"], "", "ss"}, "ksh": {posixShells["ksh"], "", "ss"},
		"netstat":   {dash, pathWith(t, "netstat"), "netstat"},
		"/proc/net": {dash, pathWith(t, "cat", "ls"), "/proc/net"},
	} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			got := observe(socketsFact(), ask(t, c.argv, c.path, socketsFact())).Sockets
			if got.Source != c.source {
				t.Fatalf("read from %q (%s), want %q", got.Source, got.Reason, c.source)
			}
			for _, want := range []netip.AddrPort{four, six} {
				n := slices.IndexFunc(got.Value.Listeners, func(l Listener) bool {
					return l.Proto == "tcp" && l.Port == int(want.Port()) && l.Addr == want.Addr()
				})
				if n < 0 {
					t.Fatalf("%s is not among %v", want, told(got.Value))
				}
				if l := got.Value.Listeners[n]; l.PID != os.Getpid() || l.Local != want.Addr().IsLoopback() || l.All != want.Addr().IsUnspecified() {
					t.Errorf("%+v, want our process %d", l, os.Getpid())
				}
			}
			inbound := slices.ContainsFunc(got.Value.Connections, func(c Connection) bool {
				return c.Inbound && c.State == "established" && c.Local.Port() == six.Port() && c.Local.Addr() == netip.MustParseAddr("127.0.0.1")
			})
			if !inbound {
				t.Errorf("the connection to %s is not told as inbound", six)
			}
		})
	}
}

// Every shell must read the process table, and find itself to leave out.
func TestProcessesOfEveryShell(t *testing.T) {
	t.Parallel()
	for name, argv := range posixShells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := ask(t, argv, "", processesFact())
			got := observe(processesFact(), raw).Processes
			if !got.Known() {
				t.Fatal(got.Reason)
			}
			first, _, _ := strings.Cut(raw.Out, "\n")
			self := integer(strings.TrimPrefix(first, "#self "))
			if strings.Count(raw.Out, strconv.Itoa(self)) < 3 {
				t.Errorf("the shell %d and its ps are not in what ps printed", self)
			}
			n := slices.IndexFunc(got.Value, func(p Process) bool { return p.PID == os.Getpid() })
			if n < 0 {
				t.Fatal("this test is not in the table")
			}
			if p := got.Value[n]; p.Parent != os.Getppid() || p.RSS < 1<<20 || p.Name != filepath.Base(os.Args[0]) {
				t.Errorf("%+v", p)
			}
			if slices.ContainsFunc(got.Value, func(p Process) bool { return p.PID == self || p.Parent == self }) {
				t.Errorf("the visit's own processes are in the table")
			}
		})
	}
}

// What the kernel tells of a process is what ps makes of it.
func TestProcessesOfTheKernelAndOfPS(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "sleep", "60", "0", "  0 ")
	child.Args[0] = "/opt/app/bin/worker"
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = child.Process.Kill(), child.Wait() })
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	read := func(path, source string) Process {
		raw := ask(t, []string{"dash"}, path, processesFact())
		raw.Files = map[string]File{"/etc/passwd": {Content: string(passwd)}}
		got := observe(processesFact(), raw).Processes
		n := slices.IndexFunc(got.Value, func(p Process) bool { return p.PID == child.Process.Pid })
		if got.Source != source || got.State != OK || n < 0 {
			t.Fatalf("%s: %s, %s (%s); the child is number %d", source, got.Source, got.State, got.Reason, n)
		}
		return got.Value[n]
	}
	kernel, ps := read("", "/proc"), read(pathWith(t, "ps"), "ps")
	if gap := kernel.Elapsed - ps.Elapsed; gap.Abs() > time.Minute {
		t.Errorf("it runs for %s by the kernel, %s by ps", kernel.Elapsed, ps.Elapsed)
	}
	kernel.Elapsed, ps.Elapsed = 0, 0
	kernel.RSS, ps.RSS = min(kernel.RSS, 1), min(ps.RSS, 1) // it may grow
	if kernel != ps {
		t.Errorf("\nthe kernel %+v\nps         %+v", kernel, ps)
	}
}

// Busybox's ps alone must do.
func TestProcessesOfBusybox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(busybox, filepath.Join(dir, "ps")); err != nil {
		t.Fatal(err)
	}
	got := observe(processesFact(), ask(t, []string{"dash"}, dir, processesFact())).Processes
	if !slices.ContainsFunc(got.Value, func(p Process) bool { return p.PID == os.Getpid() && p.RSS > 1<<20 }) {
		t.Errorf("this test is not among the %d processes of busybox (%s)", len(got.Value), got.Reason)
	}
}

// Every shell and every tool must show the addresses that Go sees.
func TestInterfacesOfEveryShellAndTool(t *testing.T) {
	t.Parallel()
	want := netip.MustParsePrefix("127.0.0.1/8")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	applet := func(name string) string {
		dir := t.TempDir()
		if err := os.Symlink(busybox, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	paths := map[string]string{"ip": "", "ifconfig": pathWith(t, "ifconfig"), "busybox ip": applet("ip"), "busybox ifconfig": applet("ifconfig")}
	for name, path := range paths {
		got := observe(interfacesFact(), ask(t, []string{"dash"}, path, interfacesFact())).Interfaces
		n := slices.IndexFunc(got.Value, func(i Interface) bool { return i.Name == "lo" })
		if n < 0 || !slices.Contains(got.Value[n].Addresses, want) {
			t.Errorf("%s: %v", name, describe(got.Value))
		}
	}
	for name, argv := range posixShells {
		if got := observe(interfacesFact(), ask(t, argv, "", interfacesFact())).Interfaces; got.State != OK || got.Source != "ip" {
			t.Errorf("%s: %s from %s (%s)", name, got.State, got.Source, got.Reason)
		}
	}
}

// The other scripts must say the same under every shell.
func TestScriptsOfEveryShell(t *testing.T) {
	t.Parallel()
	for _, f := range []Fact{routesFact(), servicesFact(), schedulesFact(), firewallFact(), packagesFact()} {
		first, from := "", ""
		for name, argv := range posixShells {
			raw := ask(t, argv, "", f)
			if from == "" {
				first, from = raw.Out, name
			}
			if raw.Out != first {
				t.Errorf("%s: %s says %q, %s says %q", f.Name, name, raw.Out, from, first)
			}
		}
	}
}

// Every shell must see the file in /etc that changed, and nothing but the logins
// may differ: busybox brings a last of its own.
func TestChangesOfEveryShell(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp("/etc", "nightcall test ")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file.Name()) })
	_ = file.Close()
	for name, argv := range posixShells {
		raw := ask(t, argv, "", changesFact())
		raw.Now = ask(t, argv, "", clockFact()).Out
		got := observe(changesFact(), raw).Changes
		_, files, _ := strings.Cut(raw.Out, "#etc\n")
		crowded := strings.Count(files, "/etc/") > maxEtcFiles
		if !slices.ContainsFunc(got.Value, func(c Change) bool { return c.Kind == "file" && c.What == file.Name() }) && !crowded {
			t.Errorf("%s: %s is not among the changes (%s)", name, file.Name(), got.Reason)
		}
	}
}

// A library that this process never had is no evidence; its own mappings of a
// file that was deleted are.
func TestLibrariesSeeADeletedProgram(t *testing.T) {
	t.Parallel()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/opt", "deleted")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "replaced")
	if err := os.WriteFile(file, program, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for name, argv := range posixShells {
		got := observe(librariesFact(), ask(t, argv, "", librariesFact())).Libraries
		if !slices.ContainsFunc(got.Value, func(l Library) bool {
			return l.Path == file && l.Deleted && slices.Contains(l.PIDs, cmd.Process.Pid)
		}) {
			t.Errorf("%s: %s is not among %+v", name, file, got.Value)
		}
	}
}
