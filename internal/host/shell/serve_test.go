package shell_test

import (
	"context"
	"io"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// simulated is a wire to a host that only replies.
type simulated func(shell.Section) shell.Reply

func (s simulated) Start(context.Context, string) (shell.Process, error) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	go func() {
		err := shell.Serve(inR, outW, errW, s)
		_ = inR.CloseWithError(io.ErrClosedPipe)
		_ = outW.CloseWithError(err)
		_ = errW.CloseWithError(err)
	}()
	return pipes{inW, outR, errR}, nil
}

type pipes struct {
	in       *io.PipeWriter
	out, err *io.PipeReader
}

func (p pipes) Stdin() io.WriteCloser { return p.in }
func (p pipes) Stdout() io.Reader     { return p.out }
func (p pipes) Stderr() io.Reader     { return p.err }
func (p pipes) Wait() (int, error)    { return 0, nil }
func (p pipes) Kill() {
	_ = p.in.Close()
	_ = p.out.Close()
	_ = p.err.Close()
}

func TestServe(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{}
	host := simulated(func(s shell.Section) shell.Reply {
		bodies[s.Name] = s.Body
		return shell.Reply{Stdout: "out of " + s.Name + "\n", Stderr: "err of " + s.Name, Exit: len(s.Name)}
	})
	got, err := run(
		t, host,
		shell.Section{Name: "first", Body: "df -P\nuname -a", Stderr: true},
		shell.Section{Name: "second", Body: "cat", Stdin: []byte("x")},
	)
	if err != nil {
		t.Fatal(err)
	}
	first := got["first"]
	if string(first.Stdout) != "out of first\n" || string(first.Stderr) != "err of first" || first.Exit != 5 {
		t.Errorf("first: %+v", first)
	}
	if string(got["second"].Stdout) != "out of second\n" {
		t.Errorf("second: %+v", got["second"])
	}
	if bodies["first"] != "df -P\nuname -a\n" {
		t.Errorf("body: %q", bodies["first"])
	}
}
