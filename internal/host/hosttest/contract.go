package hosttest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// Contract proves that a Host keeps its promises. dir is an empty directory on
// that host that the test may write to.
func Contract(t *testing.T, h host.Host, dir string) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, h host.Host, dir string)
	}{
		{"exit status is an output", exitStatus},
		{"outputs are apart and exact", outputs},
		{"arguments arrive as they are", arguments},
		{"standard input arrives as it is", stdin},
		{"no input is an empty input", noInput},
		{"long output keeps head and tail", longOutput},
		{"a command that hangs is ended", hangs},
		{"files are read as they are", readFile},
		{"a missing file is fs.ErrNotExist", readMissing},
		{"files are replaced whole", writeFile},
		{"a refused write leaves the old file", refusedWrite},
		{"cancelling ends the command", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, h, dir)
		})
	}
}

func probe(t *testing.T, h host.Reader, cmd host.Command) host.Output {
	t.Helper()
	out, err := h.Probe(t.Context(), cmd)
	if err != nil {
		t.Fatalf("probe %q: %v", cmd.Argv, err)
	}
	return out
}

func sh(script string) host.Command { return host.Command{Argv: []string{"sh", "-c", script}} }

func exitStatus(t *testing.T, h host.Host, _ string) {
	for _, want := range []int{0, 1, 7, 255} {
		out := probe(t, h, host.Command{Argv: []string{"sh", "-c", "exit $1", "sh", strconv.Itoa(want)}})
		if out.Exit != want {
			t.Errorf("exit = %d, want %d", out.Exit, want)
		}
	}
	if out := probe(t, h, host.Command{Argv: []string{"nightcall-no-such-command"}}); out.Exit != 127 {
		t.Errorf("exit of a missing command = %d, want 127", out.Exit)
	}
}

func outputs(t *testing.T, h host.Host, _ string) {
	out := probe(t, h, sh(`printf 'one\ntwo'; printf 'err' >&2`))
	if string(out.Stdout) != "one\ntwo" || string(out.Stderr) != "err" {
		t.Errorf("stdout %q, stderr %q", out.Stdout, out.Stderr)
	}
	if out = probe(t, h, sh("true")); len(out.Stdout)+len(out.Stderr) != 0 {
		t.Errorf("silent command: stdout %q, stderr %q", out.Stdout, out.Stderr)
	}
}

func arguments(t *testing.T, h host.Host, _ string) {
	args := []string{"", " ", "a b", "'", `"`, `\`, "$HOME", "`id`", "$(id)", "*", "~", "!x", "a\nb", "-n", "é", "\xff", "=x", "#"}
	out := probe(t, h, host.Command{Argv: append([]string{"printf", `[%s]`}, args...)})
	want := "[" + strings.Join(args, "][") + "]"
	if string(out.Stdout) != want {
		t.Errorf("got  %q\nwant %q", out.Stdout, want)
	}
}

func stdin(t *testing.T, h host.Host, _ string) {
	var data []byte
	for i := range 256 {
		data = append(data, byte(i))
	}
	data = append(data, bytes.Repeat([]byte("it's 100%\n\\n"), 500)...)
	out := probe(t, h, host.Command{Argv: []string{"cat"}, Stdin: data})
	if !bytes.Equal(out.Stdout, data) {
		t.Errorf("got %d bytes %.80q, want %d", len(out.Stdout), out.Stdout, len(data))
	}
}

func noInput(t *testing.T, h host.Host, _ string) {
	if out := probe(t, h, host.Command{Argv: []string{"cat"}, Timeout: 10 * time.Second}); len(out.Stdout) != 0 || out.Exit != 0 {
		t.Errorf("cat of nothing: exit %d, %q", out.Exit, out.Stdout)
	}
}

func longOutput(t *testing.T, h host.Host, _ string) {
	out := probe(t, h, sh(`echo first; i=0; while [ $i -lt 40000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123; i=$((i+1)); done; echo last`))
	if !out.Truncated() {
		t.Fatalf("%d bytes and nothing dropped", len(out.Stdout))
	}
	if !bytes.HasPrefix(out.Stdout, []byte("first\n")) || !bytes.HasSuffix(out.Stdout, []byte("last\n")) {
		t.Errorf("head %.20q, tail %q", out.Stdout, out.Stdout[len(out.Stdout)-20:])
	}
	if total := int64(len(out.Stdout)) + out.StdoutDropped; total != 40000*65+11 {
		t.Errorf("kept and dropped make %d bytes, want %d", total, 40000*65+11)
	}
}

func hangs(t *testing.T, h host.Host, dir string) {
	mark := filepath.Join(dir, "survived")
	cmd := sh("sleep 300 & sleep 300; echo > " + mark)
	cmd.Timeout = 300 * time.Millisecond
	_, err := h.Probe(t.Context(), cmd)
	if !errors.Is(err, host.ErrTimeout) {
		t.Fatalf("err = %v, want ErrTimeout", err)
	}
	if out := probe(t, h, sh("test -e "+mark)); out.Exit == 0 {
		t.Error("the command went on after its limit")
	}
}

func readFile(t *testing.T, h host.Host, dir string) {
	path := filepath.Join(dir, "odd name's")
	want := []byte("no newline at the end \x00\xff")
	if err := h.WriteFile(t.Context(), path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := h.ReadFile(t.Context(), path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

func readMissing(t *testing.T, h host.Host, dir string) {
	_, err := h.ReadFile(t.Context(), filepath.Join(dir, "nothing"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want fs.ErrNotExist", err)
	}
}

func writeFile(t *testing.T, h host.Host, dir string) {
	path := filepath.Join(dir, "written")
	for _, text := range []string{"first, and longer\n", "second\n", ""} {
		if err := h.WriteFile(t.Context(), path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := h.ReadFile(t.Context(), path); err != nil || string(got) != text {
			t.Errorf("read %q, %v; want %q", got, err, text)
		}
	}
	out := probe(t, h, host.Command{Argv: []string{"ls", "-l", path}})
	if !strings.HasPrefix(string(out.Stdout), "-rw-r-----") {
		t.Errorf("mode: %s", out.Stdout)
	}
}

func refusedWrite(t *testing.T, h host.Host, dir string) {
	path := filepath.Join(dir, "missing", "file")
	if err := h.WriteFile(t.Context(), path, []byte("x"), 0o600); err == nil {
		t.Error("a write into a missing directory succeeded")
	}
}

func cancelled(t *testing.T, h host.Host, dir string) {
	started := filepath.Join(dir, "started")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := h.Probe(ctx, sh("echo $$ > "+started+"; sleep 300"))
		done <- err
	}()
	pid := await(t, h, started)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
	gone := sh("n=0; while kill -0 $1 2>/dev/null; do n=$((n+1)); [ $n -gt 100 ] && exit 1; sleep 0.1; done")
	gone.Argv = append(gone.Argv, "sh", pid)
	if out := probe(t, h, gone); out.Exit != 0 {
		t.Error("the command was alive 10 s after it was cancelled")
	}
}

// await polls for a file that a command on the host writes its process id to.
func await(t *testing.T, h host.Reader, path string) string {
	t.Helper()
	out := probe(t, h, host.Command{
		Argv: []string{"sh", "-c", `n=0; until [ -s "$1" ]; do n=$((n+1)); [ $n -gt 100 ] && exit 1; sleep 0.1; done; cat "$1"`, "sh", path},
	})
	if out.Exit != 0 {
		t.Fatalf("%s never appeared", path)
	}
	return strings.TrimSpace(string(out.Stdout))
}
