package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/stdio"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// storyDesk is a desk whose incident has had a night: a scan that ended, one
// that did not, and a command that was cut off.
func storyDesk(t *testing.T) desk {
	t.Helper()
	d := newDesk(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(d.incident, home.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n, x := range []struct {
		kind timeline.Kind
		host string
		data any
	}{
		{timeline.NoteAdded, "", timeline.Note{Text: "Ana called\nshe restarts web2"}},
		{timeline.ScanStarted, "", timeline.ScanStart{Scan: "S1", Targets: []string{"web1", "web2", "db1"}}},
		{timeline.HostScanned, "web1", timeline.HostVisit{Scan: "S1", Class: "ok", Took: time.Second}},
		{timeline.HostScanned, "web2", timeline.HostVisit{Scan: "S1", Class: "partial", Reason: "sockets: \x1b[31mdenied"}},
		{timeline.HostScanned, "db1", timeline.HostVisit{Scan: "S1", Class: "timeout", Reason: "banner: timed out"}},
		{timeline.ScanFinished, "", timeline.ScanEnd{Scan: "S1", Classes: map[string]int{"ok": 1, "partial": 1, "timeout": 1}, Took: 11 * time.Second}},
		{timeline.CommandStarted, "web2", timeline.CommandStart{Run: "R1", Argv: []string{"sh", "-c", "systemctl restart haproxy"}, Change: true}},
		{timeline.ScanStarted, "", timeline.ScanStart{Scan: "S2", Targets: []string{"web1"}}},
		{"heal.started", "web2", map[string]any{"remedy": "vacuum-journal"}},
	} {
		e, err := timeline.New("01JNSAMPLE00000000000000000", "kim", x.kind, lookAt.Add(time.Duration(n-50)*time.Minute), x.data)
		if err != nil {
			t.Fatal(err)
		}
		e.ID = fmt.Sprintf("01JNSAMPLE%016d", n+1)
		if err := db.Append(t.Context(), e.About(x.host)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// without takes out of a text what differs from run to run.
func (d desk) without(text string) string {
	return strings.ReplaceAll(text, d.incident, "INCIDENT-DIR")
}

func TestShow(t *testing.T) {
	t.Parallel()
	d := storyDesk(t)
	golden(t, "show.json", d.without(d.must(t, "show", "--json")))
	golden(t, "show.tsv", d.without(d.must(t, "show")))
	code, _, stderr := d.nightcall(t, "show")
	want := "next: give the last scan's command again, and it goes on where it stopped\n" +
		"next: nightcall scan --retry-failed\nnext: nightcall findings\n"
	if code != exitDone || stderr != want {
		t.Errorf("exit %d, next steps:\n%s", code, stderr)
	}
	d.tty = true
	golden(t, "show.tty", d.without(d.must(t, "show")))
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	d := storyDesk(t)
	golden(t, "timeline.tsv", d.must(t, "timeline"))
	lines := strings.SplitAfter(d.must(t, "timeline", "--json"), "\n")
	golden(t, "timeline.jsonl", strings.Join(lines[1:], "")) // the id of the first is another each time
	d.tty = true
	golden(t, "timeline.tty", d.must(t, "timeline"))
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"--since", "45m"}, 4},
		{[]string{"--since", "03:45"}, 4},
		{[]string{"--since", "2026-03-07 03:45"}, 4},
		{[]string{"--since", "2026-03-07T03:45:00Z"}, 4},
		{[]string{"--since", "1d"}, 10},
		{[]string{"--host", "web1,web2"}, 4},
		{[]string{"--kind", "scan"}, 3},
		{[]string{"--kind", "heal"}, 1},
		{[]string{"--kind", "note,host.scanned", "--host", "db1"}, 1},
	} {
		out := d.must(t, append([]string{"timeline", "--json"}, tt.args...)...)
		if got := strings.Count(out, "\n"); got != tt.want {
			t.Errorf("%v: %d entries, want %d", tt.args, got, tt.want)
		}
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	env := map[string]string{"NIGHTCALL_ACTOR": "kim\x1b[2J"}
	a := &app{getenv: func(name string) string { return env[name] }}
	if got := a.actor(); got != `kim\x1b[2J` {
		t.Errorf("%q", got)
	}
	delete(env, "NIGHTCALL_ACTOR")
	if got := a.actor(); got == "" {
		t.Error("nobody")
	}
}

func FuzzParseSince(f *testing.F) {
	for _, text := range []string{"2h", "1d", "04:30", "2026-03-04", "2026-03-04 04:30", "2026-03-04T04:30:00+04:00", "-1h", "99999d", "d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		since, err := parseSince(text, lookAt)
		if text != "" && err == nil && since.IsZero() && !strings.HasPrefix(text, "0001-01-01") {
			t.Errorf("parseSince(%q) means nothing", text)
		}
		if d, ok := parseSpan(text); ok && d < 0 {
			t.Errorf("parseSpan(%q) = %v", text, d)
		}
	})
}

// A process that is killed while it opens an incident leaves either none or a
// whole one, and nothing that stands in the way of the next.
func TestOpenKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	began := time.Now()
	told := []string{openFor(t, dir, time.Minute)}
	took := time.Since(began)
	for range 25 {
		told = append(told, openFor(t, dir, time.Duration(rand.Int64N(int64(took)))))
		allReadable(t, dir, told)
	}
}

// openFor runs nightcall open, kills it after a while, and returns the directory
// that it announced, or nothing.
func openFor(t *testing.T, dir string, while time.Duration) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "open", "crash")
	cmd.Args[0] = "nightcall" // by which the test binary knows what to be
	cmd.Env = append(os.Environ(), "NIGHTCALL_HOME="+dir, "NIGHTCALL_INCIDENT=")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(while, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	kill.Stop()
	return strings.TrimSpace(out.String())
}

func allReadable(t *testing.T, dir string, told []string) {
	t.Helper()
	code, stdout, stderr := inHome(t, dir, "list", "--json")
	var list struct{ Incidents []listedIncident }
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != exitDone {
		t.Fatalf("list: exit %d, %v: %s", code, err, stderr)
	}
	var dirs []string
	for _, i := range list.Incidents {
		dirs = append(dirs, i.Dir)
		if i.Error != "" {
			t.Errorf("%s: %s", i.Name, i.Error)
		}
	}
	for _, dir := range told {
		if dir != "" && !slices.Contains(dirs, dir) {
			t.Errorf("%s was announced and is not there", dir)
		}
	}
	if code, _, stderr := inHome(t, dir, "show"); code != exitDone {
		t.Errorf("the current incident: exit %d: %s", code, stderr)
	}
}

// inHome runs a command line where incidents are in dir.
func inHome(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := map[string]string{"NIGHTCALL_HOME": dir}
	a := &app{
		io:  stdio.Streams{In: strings.NewReader(""), Out: &out, Err: &errs},
		now: func() time.Time { return lookAt }, getenv: func(name string) string { return env[name] },
	}
	root := newRootCmd(a)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return reportError(err, a.io, a.json), out.String(), errs.String()
}
