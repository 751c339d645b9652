package cli

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// judgedAt is the moment of judging under test.
var judgedAt = time.Date(2026, 5, 7, 4, 30, 0, 0, time.UTC)

// aFleet has one trouble of each kind, a host that nobody reached, and a host
// that means harm to terminals.
func aFleet() inventory.Fleet {
	read := judgedAt.Add(-3 * time.Minute)
	reached := func(name, address string, facts fact.Set) inventory.Host {
		return inventory.Host{
			Name: name, Class: host.ClassOK, Visited: read, Seen: read, Facts: facts,
			Access: inventory.Access{Wire: "ssh", Address: address, Port: 22, Server: "SSH-2.0-OpenSSH_9.2p1"},
		}
	}
	return inventory.Fleet{T0: judgedAt.Add(-time.Hour), Hosts: []inventory.Host{
		reached("db1", "10.0.0.4", fact.Set{
			OS:     ok(read, fact.OS{ID: "rhel", Name: "Red Hat Enterprise Linux AS", Version: "4", Text: "Red Hat Enterprise Linux AS release 4 (Nahant Update 9)"}),
			Memory: fact.Observed[fact.Memory]{State: fact.Unknown, Reason: "timed out after 20s", At: read},
		}),
		{
			Name: "db2", Class: host.ClassUnreachable, Reason: "connect to 10.0.0.5:22: no route to host", Visited: read,
			Access: inventory.Access{Wire: "ssh", Address: "10.0.0.5", Port: 22},
		},
		reached("web1", "10.0.0.7", fact.Set{
			Memory: ok(read, fact.Memory{Total: 8 << 30, Available: 4 << 30, AvailablePercent: 50}),
			Filesystems: ok(read, []fact.Filesystem{
				{Mount: "/", Device: "/dev/sda1", Type: "ext4", Size: 20 << 30, Available: 9 << 30, UsedPercent: 55},
				{Mount: "/var/\x1b[2Jlog", Device: "/dev/sda2", Type: "ext4", Size: 50 << 30, Available: 1 << 30, UsedPercent: 97.9},
			}),
			Sockets:  ok(read, fact.Sockets{Listeners: []fact.Listener{{Proto: "tcp", Addr: netip.IPv4Unspecified(), Port: 6379, Process: "redis-server", PID: 700, All: true, Limit: 511}}}),
			Firewall: ok(read, fact.Firewall{Kind: "nftables", Active: true, Rules: 14}),
		}),
		reached("web2", "10.0.0.8", fact.Set{Memory: fact.Observed[fact.Memory]{State: fact.Unknown, Reason: "timed out after 20s", At: read}}),
	}}
}

func ok[T any](at time.Time, value T) fact.Observed[T] {
	return fact.Observed[T]{Value: value, State: fact.OK, Source: "test", At: at}
}

// judged runs the built-in catalogue on the fleet and prints it.
func judged(t *testing.T, opts findingsOptions, a *app) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a.io.Out, a.io.Err = &out, &errs
	a.now = func() time.Time { return judgedAt }
	a.getenv = func(string) string { return "" }
	c, err := a.catalogue()
	if err != nil {
		t.Fatal(err)
	}
	fleet := aFleet()
	if err := printFindings(a, opts, fleet, check.JudgeFleet(c.Checks(), c.EOL, fleet, nil, judgedAt)); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String()
}

// golden holds text against a file, or writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs; -update writes it anew\n%s", file, diff)
	}
}

func TestFindingsForPeople(t *testing.T) {
	t.Parallel()
	out, _ := judged(t, findingsOptions{}, &app{io: stdio.Streams{OutTTY: true}})
	golden(t, "findings.tty", out)
	if strings.Contains(out, "\x1b") {
		t.Error("a host's escape reached the terminal")
	}
}

func TestFindingsAreColouredOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	out, _ := judged(t, findingsOptions{}, &app{io: stdio.Streams{OutTTY: true, Colour: true}})
	if !strings.HasPrefix(out, "\x1b[31mCRITICAL\x1b[0m") || strings.Contains(out, "\x1b[2J") {
		t.Errorf("got %.60q", out)
	}
}

func TestFindingsForPipes(t *testing.T) {
	t.Parallel()
	out, errs := judged(t, findingsOptions{all: true}, &app{})
	golden(t, "findings.tsv", out)
	for line := range strings.Lines(out) {
		if got := strings.Count(line, "\t"); got != 9 {
			t.Errorf("%d tabs in %q", got, line)
		}
	}
	if !strings.Contains(errs, "judgements: ") {
		t.Errorf("standard error %q", errs)
	}
}

func TestFindingsAsJSON(t *testing.T) {
	t.Parallel()
	out, _ := judged(t, findingsOptions{statuses: []string{"critical"}}, &app{json: true})
	golden(t, "findings.json", out)
	var doc struct {
		Findings []check.Finding
		Tally    check.Tally
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	for _, f := range doc.Findings {
		if f.Status != check.Critical || len(f.Evidence) == 0 || f.Evidence[0].At.IsZero() {
			t.Errorf("finding %+v", f)
		}
	}
	if doc.Tally.Unknown == 0 {
		t.Errorf("the tally counts what is shown, not what was judged: %+v", doc.Tally)
	}
}

// checkCommand runs a command that needs no incident.
func checkCommand(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{
		io:     stdio.Streams{In: strings.NewReader(""), Out: &out, Err: &errs},
		now:    func() time.Time { return judgedAt },
		getenv: func(key string) string { return env[key] },
	}
	root := newRootCmd(a)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return reportError(err, a.io, a.json), out.String(), errs.String()
}

func TestCheckCommands(t *testing.T) {
	t.Parallel()
	site := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const text = "check: swap-exhausted\ntitle: Ours\nbusiness: b\nsummary: s\nfacts: [memory]\nwarning: memory.total < 5\nevidence: [{run: free}]\n"
	write("swap-exhausted.yaml", text)
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "wrong.yaml"), []byte("check: wrong\ntitel: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, bad, lost := map[string]string{"NIGHTCALL_CHECKS": site}, map[string]string{"NIGHTCALL_CHECKS": broken}, map[string]string{"NIGHTCALL_CHECKS": broken + "/nowhere"}
	for _, c := range []struct {
		env     map[string]string
		args    string
		code    int
		out     string
		errText string
	}{
		{nil, "check list", exitDone, "heartbleed\t", ""},
		{ours, "check list", exitDone, filepath.Join(site, "swap-exhausted.yaml") + " (instead of the built-in one)", ""},
		{ours, "check list --json", exitDone, `"shadows": true`, ""},
		{bad, "check list", exitFailed, "heartbleed\t", "wrong.yaml:2:1: unknown key titel, did you mean title?"},
		{lost, "check list", exitFailed, "", "hint: $NIGHTCALL_CHECKS names a directory"},
		{nil, "check show filesystem-full", exitDone, "critical  when used_percent >= 95", ""},
		{nil, "check show filesystem-full --json", exitDone, `"source": "check: filesystem-full`, ""},
		{nil, "check show lifecycle-end", exitUsage, "", `no check "lifecycle-end"`},
		{nil, "check show disk-slo", exitUsage, "", "did you mean disk-slow?"},
		{nil, "check test", exitDone, "pass\theartbleed\tbad-debian7.json\t", ""},
		{nil, "check test --json", exitDone, `"failed": 0`, ""},
		{nil, "check test " + filepath.Join(site, "swap-exhausted.yaml"), exitFailed, "", "no fixtures: testdata/swap-exhausted needs at least one bad*.json"},
		{nil, "check test " + filepath.Join(site, "missing.yaml"), exitFailed, "", "missing.yaml"},
		{nil, "check lst", exitUsage, "", `unknown command "check lst"`},
		{nil, "findings --status red", exitUsage, "", "statuses: critical, warning, unknown"},
		{nil, "findings --check disk-slo", exitUsage, "", "did you mean disk-slow?"},
	} {
		code, out, errText := checkCommand(t, c.env, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errText, c.errText) {
			t.Errorf("nightcall %s: exit %d\n%s\n%s", c.args, code, out, errText)
		}
	}
}

func TestCheckTestFailsWhenAFixtureIsAnsweredOtherwise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fixtures := filepath.Join(dir, "testdata", "tiny")
	if err := os.MkdirAll(fixtures, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"tiny.yaml":               "check: tiny\ntitle: t\nbusiness: b\nsummary: s\nfacts: [memory]\nwarning: memory.total < 5\nevidence: [{run: free}]\n",
		"testdata/tiny/bad.json":  `{"memory": {"state": "ok", "value": {"total": 9}}}`,
		"testdata/tiny/good.json": `{"memory": {"state": "ok", "value": {"total": 9}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errText := checkCommand(t, nil, "check", "test", filepath.Join(dir, "tiny.yaml"))
	if code != exitFailed || !strings.Contains(out, "fail\ttiny\tbad.json\texpected a critical or warning finding, got none") ||
		!strings.Contains(errText, "1 of 2 fixtures were answered otherwise") {
		t.Errorf("exit %d\n%s\n%s", code, out, errText)
	}
}

func TestChecksDir(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env    map[string]string
		dir    string
		chosen bool
	}{
		{nil, "", false},
		{map[string]string{"HOME": "/home/kim"}, "/home/kim/.config/nightcall/checks", false},
		{map[string]string{"HOME": "/home/kim", "XDG_CONFIG_HOME": "/cfg"}, "/cfg/nightcall/checks", false},
		{map[string]string{"HOME": "/home/kim", "NIGHTCALL_CHECKS": "/site"}, "/site", true},
	} {
		a := &app{getenv: func(key string) string { return c.env[key] }}
		if dir, chosen := a.checksDir(); filepath.ToSlash(dir) != c.dir || chosen != c.chosen {
			t.Errorf("%v: %s, %v", c.env, dir, chosen)
		}
	}
}

// The command judges what is stored, and answers for the hosts that were asked
// about.
func TestFindingsCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), unreached("web2", "connect: no route to host"))
	out := d.must(t, "findings", "--status", "critical,warning")
	for _, want := range []string{"critical\tweb2\thost-not-reached\t", "warning\tweb1\tfilesystem-full\t/\t"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s\nlacks %q", out, want)
		}
	}
	if out := d.must(t, "findings", "--host", "web1", "--check", "host-not-reached"); strings.Count(out, "\n") != 1 {
		t.Errorf("a host that was reached: %s", out)
	}
	code, _, errText := d.nightcall(t, "findings", "--host", "web3")
	if code != exitUsage || !strings.Contains(errText, `no host "web3" in this incident`) {
		t.Errorf("exit %d: %s", code, errText)
	}
}
