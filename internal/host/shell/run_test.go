package shell_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/local"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// as is a wire whose login shell is something else than a plain sh: what it runs
// is given to `PROGRAM ARGS -c COMMAND`.
type as []string

func (w as) Start(ctx context.Context, command string) (shell.Process, error) {
	return local.Wire{}.Start(ctx, host.Quote(append(append([]string{}, w...), "-c", command)...))
}

// script is a wire that runs this line in place of the shell it is asked for.
type script string

func (w script) Start(ctx context.Context, _ string) (shell.Process, error) {
	return local.Wire{}.Start(ctx, string(w))
}

func options() shell.Options { return shell.Options{Now: time.Now} }

func run(t *testing.T, w shell.Wire, sections ...shell.Section) (map[string]shell.Answer, error) {
	t.Helper()
	v, err := shell.Run(t.Context(), w, sections, options())
	answers := map[string]shell.Answer{}
	for _, a := range v.Answers {
		answers[a.Section] = a
	}
	return answers, err
}

// TestShells runs the same sections under every shell that a host may call sh,
// and behind every login shell that may stand in front of it.
func TestShells(t *testing.T) {
	t.Parallel()
	wires := map[string]shell.Wire{
		"dash":               script("exec dash -s"),
		"bash":               script("exec bash --posix -s"),
		"busybox":            script("exec busybox sh -s"),
		"ksh":                script("exec ksh -s"),
		"behind csh":         as{"csh"},
		"behind bash":        as{"bash"},
		"behind rbash":       as{"bash", "-r"},
		"banner on stdout":   script("echo Welcome; printf 'no newline'; exec sh -s"),
		"banner on stderr":   script("echo Welcome >&2; exec sh -s"),
		"chatty environment": script("LANG=ja_JP.UTF-8 LC_ALL=fr_FR.UTF-8 ENV=/nowhere exec sh -s"),
	}
	for name, w := range wires {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := run(
				t, w,
				shell.Section{Name: "both", Body: "echo out; echo err >&2; exit 3", Stderr: true},
				shell.Section{Name: "quiet", Body: "cat; echo dropped >&2"},
				shell.Section{Name: "fed", Body: "cat", Stdin: []byte("a'\\\x00\xffb\n")},
				shell.Section{Name: "locale", Body: `echo "$LC_ALL"; has sh && echo yes; has nightcall-nothing || echo no`},
				shell.Section{Name: "partial", Body: "printf 'no newline'"},
				shell.Section{Name: "says", Body: `say one; said; echo two; say 'th\nree'`},
				shell.Section{Name: "last", Body: "echo done"},
			)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"both": "out\n", "quiet": "", "fed": "a'\\\x00\xffb\n", "locale": "C\nyes\nno\n",
				"partial": "no newline", "says": "one\ntwo\nth\\nree\n", "last": "done\n",
			}
			for section, stdout := range want {
				if a := got[section]; string(a.Stdout) != stdout || a.Missing != "" {
					t.Errorf("%s: %q, missing %q; want %q", section, a.Stdout, a.Missing, stdout)
				}
			}
			if a := got["both"]; string(a.Stderr) != "err\n" || a.Exit != 3 {
				t.Errorf("both: stderr %q, exit %d", a.Stderr, a.Exit)
			}
		})
	}
}

// A host is sent what its kind has a use for, plain or compressed.
func TestKindsOfHosts(t *testing.T) {
	t.Parallel()
	apart := "-m"
	if os.Getuid() != 0 {
		apart = "-mr"
	}
	hidden := func(what string) shell.Wire {
		return script(fmt.Sprintf(`exec unshare %s sh -c 'mount -t tmpfs none %s; exec sh -s'`, apart, what))
	}
	for name, tt := range map[string]struct {
		wire shell.Wire
		want string
	}{
		"here":          {script("exec sh -s"), "dpkg linux - "},
		"another Linux": {hidden("/var/lib/dpkg"), "script linux - "},
		"no Linux":      {hidden("/proc"), "dpkg elsewhere only "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := run(
				t, tt.wire,
				shell.Section{Name: "packages", Body: "printf 'script '", Dpkg: "printf 'dpkg '"},
				shell.Section{Name: "tools", Body: "printf 'linux '", Elsewhere: "printf 'elsewhere '"},
				shell.Section{Name: "beside", Elsewhere: "printf 'only '"},
			)
			if err != nil {
				t.Fatal(err)
			}
			text := string(got["packages"].Stdout) + string(got["tools"].Stdout)
			if beside, asked := got["beside"]; asked {
				text += string(beside.Stdout)
			} else {
				text += "- "
			}
			if text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

// A host in distress is spared heavy sections, and says why; the others run.
func TestHostInDistress(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("nice").Output() // the tests may be niced themselves
	if err != nil {
		t.Fatal(err)
	}
	usual := strings.TrimSpace(string(out))
	const idle, plenty = "0.10 0.2 0.3 1/99 1\n", "MemTotal: 1000000 kB\nMemFree: 500 kB\nMemAvailable: 500000 kB\n"
	for name, tt := range map[string]struct{ load, memory, missing, priority string }{
		"idle":         {idle, plenty, "", usual},
		"busy":         {"5.00 5 5 1/99 1\n", plenty, "", "10"},
		"load":         {"9.10 9 9 1/99 1\n", plenty, "load is more than four", ""},
		"memory":       {idle, "MemTotal: 1000000 kB\nMemFree: 900 kB\nMemAvailable: 9000 kB\n", "2 % of its memory", ""},
		"old kernel":   {idle, "MemTotal: 1000000 kB\nMemFree: 900 kB\nBuffers: 0 kB\nCached: 5 kB\n", "", usual},
		"nothing told": {"", "", "", usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"loadavg": tt.load, "meminfo": tt.memory} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, processor := range []string{"cpu0", "cpu1"} {
				if err := os.MkdirAll(filepath.Join(dir, "cpu", processor), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			apart := "-m"
			if os.Getuid() != 0 {
				apart = "-mr"
			}
			for _, way := range []struct {
				sh     string
				shared bool
			}{{"sh", false}, {"sh", true}, {"ksh", true}} {
				sh, shared := way.sh, way.shared
				got, err := run(
					t, script(fmt.Sprintf(`exec unshare %s sh -c 'for f in loadavg meminfo; do mount --bind %s/$f /proc/$f; done; mount --bind %[2]s/cpu /sys/devices/system/cpu; exec %[3]s -s'`, apart, dir, sh)),
					shell.Section{Name: "light", Body: "nice", Shared: shared},
					shell.Section{Name: "heavy", Body: "nice", Heavy: true, Shared: shared},
					shell.Section{Name: "after", Body: "nice", Shared: shared},
					shell.Section{Name: "last", Body: "nice", Heavy: true, Shared: shared},
				)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"heavy", "last"} {
					heavy := got[name]
					if tt.missing == "" && heavy.Missing != "" || !strings.Contains(heavy.Missing, tt.missing) || strings.TrimSpace(string(heavy.Stdout)) != tt.priority {
						t.Errorf("%s in %s, shared %t: %q, missing %q; want %q, %q", name, sh, shared, heavy.Stdout, heavy.Missing, tt.priority, tt.missing)
					}
				}
				after := cmp.Or(tt.priority, usual) // it stays as low as the heavy ones had to be
				if string(got["light"].Stdout) != usual+"\n" || string(got["after"].Stdout) != after+"\n" {
					t.Errorf("%s, shared %t: light %q, after %q: want %s and %s", sh, shared, got["light"].Stdout, got["after"].Stdout, usual, after)
				}
			}
		})
	}
}

func TestSectionOutOfTime(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"dash", "bash --posix", "busybox sh", "ksh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			got, err := run(
				t, script("exec "+sh+" -s"),
				shell.Section{Name: "hangs", Body: "echo before; sleep 301 & (sleep 302; true); sleep 303", Time: 300 * time.Millisecond, Stderr: true},
				shell.Section{Name: "after", Body: "echo after; ps -o args= -A 2>/dev/null | grep -c 'sleep 30[123]' || true"},
			)
			if err != nil {
				t.Fatal(err)
			}
			if a := got["hangs"]; a.Missing == "" || string(a.Stdout) != "before\n" {
				t.Errorf("hangs: %q, missing %q", a.Stdout, a.Missing)
			}
			if a := got["after"]; !strings.HasPrefix(string(a.Stdout), "after\n") {
				t.Errorf("after: %q, %q", a.Stdout, a.Missing)
			}
		})
	}
}

// TestSharedSections has sections share a process until one of them ends it, or has
// to be ended. ksh makes no process for several, and gets one for each.
func TestSharedSections(t *testing.T) {
	t.Parallel()
	const parent = "sh -c 'echo $PPID'; :"
	for _, sh := range []string{"dash", "bash --posix", "busybox sh", "ksh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			sections := []shell.Section{
				{Name: "one", Body: parent},
				{Name: "two", Body: parent + "; cat; echo err >&2; pwd"},
				{Name: "returns", Body: "echo out; return 3"},
				{Name: "says", Body: "say one; say; said; cat; echo two; say three; return 6"},
				{Name: "exits", Body: "echo out; exit 4"},
				{Name: "behind", Body: parent},
				{Name: "hangs", Body: "echo before; sleep 331; echo after", Time: 300 * time.Millisecond},
				{Name: "execs", Body: "exec echo out"},
				{Name: "dies", Body: "echo out; kill -KILL $nc_p; sleep 5"},
				{Name: "fed", Body: "cat", Stdin: []byte("in\n")},
				{Name: "said", Body: "echo err >&2; exit 5", Stderr: true},
				{Name: "last", Body: "echo out; false"},
			}
			for n := range sections {
				sections[n].Shared = true
			}
			got, err := run(t, script("exec "+sh+" -s"), sections...)
			if err != nil {
				t.Fatal(err)
			}
			one, two, behind := string(got["one"].Stdout), string(got["two"].Stdout), string(got["behind"].Stdout)
			if shares := two == one+"/\n"; one == "" || shares == (sh == "ksh") || behind == "" || behind == one {
				t.Errorf("processes %q, %q and behind one that ended %q", one, two, behind)
			}
			for name, want := range map[string]struct {
				out  string
				exit int
			}{
				"returns": {"out\n", 3},
				"says":    {"one\n\ntwo\nthree\n", 6},
				"exits":   {"out\n", 4},
				"execs":   {"out\n", 0},
				"fed":     {"in\n", 0},
				"said":    {"", 5},
				"last":    {"out\n", 1},
			} {
				if a := got[name]; string(a.Stdout) != want.out || a.Exit != want.exit || a.Missing != "" {
					t.Errorf("%s: %q, exit %d, missing %q; want %q, exit %d", name, a.Stdout, a.Exit, a.Missing, want.out, want.exit)
				}
			}
			if a := got["dies"]; string(a.Stdout) != "out\n" || a.Exit == 0 {
				t.Errorf("dies: %q, exit %d", a.Stdout, a.Exit)
			}
			if a := got["hangs"]; a.Missing == "" || string(a.Stdout) != "before\n" {
				t.Errorf("hangs: %q, missing %q", a.Stdout, a.Missing)
			}
			if a := got["said"]; string(a.Stderr) != "err\n" {
				t.Errorf("said: %q", a.Stderr)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	section := shell.Section{Name: "it", Body: "kill -KILL $$"}
	tests := []struct {
		name string
		wire shell.Wire
		opts func(*shell.Options)
		want error
		text string
	}{
		{"no login", script("echo 'This account is currently not available.'; exit 1"), nil, host.ErrRefused, "currently not available"},
		{"no shell", script("exec cat"), func(o *shell.Options) { o.Limits.Hello = 300 * time.Millisecond }, host.ErrTimeout, "said nothing"},
		{"flood", script("exec yes"), func(o *shell.Options) { o.Limits.Bytes = 1 << 20 }, host.ErrRefused, "1048576 bytes"},
		{"ends in the middle", script("exec sh -s"), nil, host.ErrLost, "closed it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			if tt.opts != nil {
				tt.opts(&opts)
			}
			_, err := shell.Run(t.Context(), tt.wire, []shell.Section{section}, opts)
			if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("err = %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func TestFloodInASection(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Limits.Bytes = 4 << 20
	opts.Limits.Output = 1000
	v, err := shell.Run(t.Context(), local.Wire{}, []shell.Section{
		{Name: "small", Body: "echo small"},
		{Name: "flood", Body: "echo head; exec yes"},
	}, opts)
	if !errors.Is(err, host.ErrRefused) {
		t.Errorf("err = %v, want ErrRefused", err)
	}
	if len(v.Answers) != 2 || string(v.Answers[0].Stdout) != "small\n" || v.Answers[1].Missing == "" {
		t.Fatalf("answers: %+v", v.Answers)
	}
	if p := v.Part; !strings.HasPrefix(string(p.Stdout), "head\ny\n") || len(p.Stdout) != 1000 || p.StdoutDropped < 3<<20 {
		t.Errorf("of the flood %d bytes are kept, %d dropped: %.20q", len(p.Stdout), p.StdoutDropped, p.Stdout)
	}
}

// TestHostMakesUpFrames has a host print frames without the random word, and
// frames cut in pieces: all of it is output.
func TestHostMakesUpFrames(t *testing.T) {
	t.Parallel()
	body := "printf '\\n@@nightcall- end it 0\\n@@nightcall-000000000000000000000000 done\\n'; printf '@@night'; printf 'call-'; echo"
	got, err := run(t, local.Wire{}, shell.Section{Name: "it", Body: body})
	if err != nil {
		t.Fatal(err)
	}
	want := "\n@@nightcall- end it 0\n@@nightcall-000000000000000000000000 done\n@@nightcall-\n"
	if string(got["it"].Stdout) != want {
		t.Errorf("got %q, want %q", got["it"].Stdout, want)
	}
}

// TestNothingOutlivesTheLine closes the control line without a word, as a killed
// laptop does, and expects every process of the script to be gone.
func TestNothingOutlivesTheLine(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"dash", "bash --posix", "busybox sh", "ksh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("setsid", "sh", "-c", "exec "+sh+" -s")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			text := shell.Script("word", []shell.Section{{Name: "hangs", Body: "sleep 311 & sleep 312 & echo up; sleep 313"}}, shell.Kind{Proc: true}, false)
			if _, err := io.WriteString(stdin, text); err != nil {
				t.Fatal(err)
			}
			for up := false; !up; {
				buf := make([]byte, 4096)
				n, err := stdout.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				up = strings.Contains(string(buf[:n]), "up")
			}
			_ = stdin.Close()
			rest, err := io.ReadAll(stdout) // ends when the last process that holds it is gone
			if err != nil {
				t.Fatalf("%v after %q", err, rest)
			}
			_ = cmd.Wait()
			if cmd.ProcessState.Success() {
				t.Error("the shell ended well; it should have been killed")
			}
		})
	}
}

// TestNoBeat keeps the line open and silent, as a cut cable does.
func TestNoBeat(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("setsid", "sh", "-s")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := io.WriteString(stdin, shell.Script("word", []shell.Section{{Name: "hangs", Body: "sleep 321"}}, shell.Kind{Proc: true}, false)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(stdout)
	_ = cmd.Wait()
	if took := time.Since(began); took > 300*time.Second { // of the 321 it would sleep
		t.Errorf("the script lived for %s without a beat", took)
	}
}

// TestBeatsKeepItAlive runs longer than the watch waits for a beat.
func TestBeatsKeepItAlive(t *testing.T) {
	t.Parallel()
	got, err := run(t, local.Wire{}, shell.Section{Name: "long", Body: "sleep 11; echo through"})
	if err != nil || string(got["long"].Stdout) != "through\n" {
		t.Errorf("%q, %v", got["long"].Stdout, err)
	}
}

// TestStandardErrorEndsEarly has a login that throws standard error away: what
// waits for it goes on without.
func TestStandardErrorEndsEarly(t *testing.T) {
	t.Parallel()
	got, err := run(t, script("exec 2>/dev/null; sleep 0.2; exec sh -s"), shell.Section{Name: "it", Body: "echo out; echo err >&2", Stderr: true})
	if err != nil || string(got["it"].Stdout) != "out\n" || len(got["it"].Stderr) != 0 {
		t.Errorf("%q, %q, %v", got["it"].Stdout, got["it"].Stderr, err)
	}
}
