package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/stdio"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// lookAt is the time of the commands under test.
var lookAt = time.Date(2026, 3, 7, 4, 30, 0, 0, time.UTC)

// A desk is a laptop with one incident on it.
type desk struct {
	home, incident string
	tty            bool
}

// newDesk makes an incident that has seen the visits.
func newDesk(t testing.TB, visits ...inventory.Host) desk {
	t.Helper()
	d := desk{home: t.TempDir(), incident: filepath.Join(t.TempDir(), "checkout")}
	if err := os.Mkdir(d.incident, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opened, err := timeline.New("01JNSAMPLE00000000000000000", "kim", timeline.IncidentOpened, lookAt.Add(-time.Hour), timeline.Opened{Title: "checkout is down"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Append(t.Context(), opened); err != nil {
		t.Fatal(err)
	}
	for _, h := range visits {
		if err := db.SaveVisit(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// nightcall runs a command line at the desk.
func (d desk) nightcall(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	io := stdio.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, OutTTY: d.tty}
	env := map[string]string{"HOME": d.home, "NIGHTCALL_HOME": filepath.Join(d.home, "nightcall")}
	a := &app{io: io, now: func() time.Time { return lookAt }, getenv: func(key string) string { return env[key] }}
	root := newRootCmd(a)
	root.SetArgs(append([]string{"--incident", d.incident}, args...))
	err := root.ExecuteContext(t.Context())
	return reportError(err, io, a.json), out.String(), errs.String()
}

// must runs a command line that has to work and returns its standard output.
func (d desk) must(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := d.nightcall(t, args...)
	if code != exitDone {
		t.Fatalf("nightcall %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// entries returns the timeline's entries of one kind.
func (d desk) entries(t testing.TB, kind timeline.Kind) []timeline.Entry {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.Since(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	var found []timeline.Entry
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func observed[T any](value T, source string) fact.Observed[T] {
	return fact.Observed[T]{State: fact.OK, Value: value, Source: source, At: lookAt.Add(-3 * time.Minute)}
}

// visited is a host as a scan three minutes ago found it.
func visited(name, address, scan string) inventory.Host {
	return inventory.Host{
		Name: name, Class: host.ClassOK, Scan: scan, Visited: lookAt.Add(-3 * time.Minute), Seen: lookAt.Add(-3 * time.Minute), Took: time.Second,
		Access: inventory.Access{
			Wire: "ssh", Address: address, Port: 22, User: "admin", Server: "SSH-2.0-OpenSSH_9.2p1",
			HostKeys: []inventory.HostKey{{Type: "ssh-ed25519", Key: "AAAAC3NzaC1lZDI1NTE5AAAABAECAwQ=", Fingerprint: "SHA256:abc"}},
		},
		Facts: fact.Set{
			OS:       observed(fact.OS{ID: "debian", Name: "Debian GNU/Linux", Version: "12"}, "/etc/os-release"),
			Platform: observed(fact.Platform{Kind: "virtual", Hypervisor: "kvm"}, "/sys/class/dmi/id/sys_vendor"),
			CPU:      observed(fact.CPU{Count: 4}, "/proc/cpuinfo"),
			Memory:   observed(fact.Memory{Total: 8 << 30, Available: 2 << 30, AvailablePercent: 25}, "/proc/meminfo"),
			Load:     observed(fact.Load{One: 0.5, BusyPercent: -1}, "/proc/loadavg"),
			Filesystems: observed([]fact.Filesystem{
				{Mount: "/", Device: "/dev/sda1", Type: "ext4", Size: 20 << 30, Available: 2 << 30, UsedPercent: 90},
				{Mount: "/cdrom", Type: "iso9660", ReadOnly: true, UsedPercent: 100},
			}, "df"),
			Interfaces: observed([]fact.Interface{{Name: "eth0", State: "up", Kind: "physical", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24")}}}, "ip"),
			Processes:  observed(manyProcesses(), "/proc"),
			Firewall:   fact.Observed[fact.Firewall]{State: fact.Unknown, Reason: "permission denied\x1b[2J", At: lookAt.Add(-3 * time.Minute)},
		},
	}
}

func manyProcesses() []fact.Process {
	all := make([]fact.Process, maxShown+5)
	for i := range all {
		all[i] = fact.Process{PID: 100 + i, User: "www", Name: "php", Command: "php worker", RSS: 10 << 20}
	}
	return all
}

func unreached(name, reason string) inventory.Host {
	return inventory.Host{
		Name: name, Class: host.ClassUnreachable, Reason: reason, Scan: "S1", Visited: lookAt.Add(-3 * time.Minute),
		Access: inventory.Access{Wire: "ssh", Address: "10.0.0.9", Port: 2222, User: "admin"},
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), unreached("web2", "connect: no route\x1b[31m to host"))
	golden(t, "hosts.tsv", d.must(t, "hosts"))
	golden(t, "hosts.json", d.must(t, "hosts", "--json"))
	d.tty = true
	golden(t, "hosts.txt", d.must(t, "hosts"))
	if out := d.must(t, "hosts", "--class", "unreachable,auth"); strings.Contains(out, "web1") || !strings.Contains(out, "web2") {
		t.Errorf("only the unreachable was asked for:\n%s", out)
	}
	if code, _, stderr := d.nightcall(t, "hosts", "--class", "asleep"); code != exitUsage || !strings.Contains(stderr, `unknown class "asleep"`) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestHostsOfAnEmptyIncident(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	code, stdout, stderr := d.nightcall(t, "hosts", "--json")
	if code != exitDone || strings.Join(strings.Fields(stdout), "") != `{"hosts":[],"not_visited":[]}` {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := d.nightcall(t, "hosts"); code != exitDone || !strings.Contains(stderr, "hint: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestHostShow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), unreached("web2", "connect: no route to host"))
	d.tty = true
	page := d.must(t, "host", "show", "web1")
	golden(t, "host_show.txt", page)
	if strings.ContainsRune(page, '\x1b') {
		t.Error("a host's escape sequence reached the terminal")
	}
	if out := d.must(t, "host", "show", "web2"); !strings.Contains(out, "no route to host") {
		t.Errorf("the reason is missing:\n%s", out)
	}
	if out := d.must(t, "host", "show", "web1", "--fact", "processes"); strings.Count(out, "php worker") != maxShown+5 {
		t.Errorf("the fact is not whole:\n%s", out)
	}
	for _, wrong := range [][]string{{"host", "show", "wbe1"}, {"host", "show", "web1", "--fact", "procesess"}} {
		if code, _, stderr := d.nightcall(t, wrong...); code != exitUsage || !strings.Contains(stderr, "hint: did you mean ") {
			t.Errorf("%v: exit %d: %s", wrong, code, stderr)
		}
	}
}

func TestHostShowJSON(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"))
	var h inventory.Host
	if err := json.Unmarshal([]byte(d.must(t, "host", "show", "web1", "--json")), &h); err != nil || h.Facts.Memory.Value.Total != 8<<30 {
		t.Errorf("%v, %v", h.Facts.Memory, err)
	}
	var one struct {
		Host, Fact string
		Observed   fact.Observed[fact.Memory]
	}
	err := json.Unmarshal([]byte(d.must(t, "host", "show", "web1", "--fact", "memory", "--json")), &one)
	if err != nil || one.Host != "web1" || one.Fact != "memory" || one.Observed.Source != "/proc/meminfo" {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestHostDiff(t *testing.T) {
	t.Parallel()
	first, second, third := visited("web1", "10.0.0.7", "S1"), visited("web1", "10.0.0.7", "S2"), visited("web1", "10.0.0.7", "S3")
	second.Facts.OS = observed(fact.OS{ID: "debian", Name: "Debian GNU/Linux", Version: "13\x1b[2J"}, "/etc/os-release")
	second.Facts.Filesystems.Value = second.Facts.Filesystems.Value[:1]
	third.Facts = second.Facts
	third.Facts.Memory.Value.Available = 1
	d := newDesk(t, first, unreached("web2", "gone"), second, third)

	code, stdout, stderr := d.nightcall(t, "host", "diff", "web1")
	if code != exitDone || stdout != "" || !strings.Contains(stderr, "nothing changed") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	golden(t, "host_diff.tsv", d.must(t, "host", "diff", "web1", "--from", "S1"))
	golden(t, "host_diff.json", d.must(t, "host", "diff", "web1", "--from", "S1", "--to", "S2", "--json"))
	for _, tt := range []struct {
		code int
		args []string
	}{
		{exitFailed, []string{"host", "diff", "web2"}},
		{exitFailed, []string{"host", "diff", "web1", "--to", "S1"}},
		{exitUsage, []string{"host", "diff", "web1", "--from", "S9"}},
		{exitUsage, []string{"host", "diff", "nobody"}},
	} {
		if code, _, stderr := d.nightcall(t, tt.args...); code != tt.code || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%v: exit %d: %s", tt.args, code, stderr)
		}
	}
}

func TestShowCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var printed struct {
		Facts []struct {
			Fact, Script string
			Dpkg         string `json:"script_dpkg"`
			Files        []string
		}
		Script string
	}
	if err := json.Unmarshal([]byte(d.must(t, "show-commands", "--deep", "--json")), &printed); err != nil {
		t.Fatal(err)
	}
	if len(printed.Facts) != len(fact.All()) || len(printed.Facts) == 0 {
		t.Errorf("%d facts are shown, %d exist", len(printed.Facts), len(fact.All()))
	}
	text, script := d.must(t, "show-commands"), d.must(t, "show-commands", "--script", "--deep")
	for _, f := range printed.Facts {
		body := strings.Trim(f.Script, "\n")
		if f.Dpkg != "" {
			body = strings.Trim(f.Dpkg, "\n") // as the script of a Debian has it
		}
		if !strings.Contains(text, "# "+f.Fact+": ") || !strings.Contains(text, body) || !strings.Contains(script, body) {
			t.Errorf("fact %s is not shown whole", f.Fact)
		}
		for _, file := range f.Files {
			if !strings.Contains(text, file) || !strings.Contains(script, file) {
				t.Errorf("fact %s reads %s without saying so", f.Fact, file)
			}
		}
	}
	if script != printed.Script || strings.Contains(d.must(t, "show-commands", "--script", "--no-root"), "sudo -n") {
		t.Error("the script is not the one that is sent")
	}
	if shallow := d.must(t, "show-commands", "--script"); strings.Contains(shallow, "information_schema") || !strings.Contains(script, "information_schema") {
		t.Error("a scan asks no database, and a look does")
	}
	if code, _, stderr := d.nightcall(t, "show-commands", "sokcets"); code != exitUsage || !strings.Contains(stderr, "did you mean sockets?") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestHostNamesComplete(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), visited("web2", "10.0.0.8", "S1"), visited("db1", "10.0.0.9", "S1"))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"host", "show", "we"}, "web1 web2"},
		{[]string{"host", "diff", ""}, "db1 web1 web2"},
		{[]string{"ssh", "d"}, "db1"},
		{[]string{"hosts", "--class", "ok,un"}, "ok,unreachable"},
		{[]string{"host", "show", "web1", "--fact", "mem"}, "memory"},
	} {
		offers, _, _ := strings.Cut(d.must(t, append([]string{"__complete"}, tt.args...)...), ":")
		if got := strings.Join(strings.Fields(offers), " "); got != tt.want {
			t.Errorf("%v completes to %q, want %q", tt.args, got, tt.want)
		}
	}
}
