package shell_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// conversation is a wire to a host that says what the function says, and hangs
// when it returns.
type conversation func(in *bufio.Scanner, out io.WriteCloser)

func (c conversation) Start(context.Context, string) (shell.Process, error) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	go c(bufio.NewScanner(inR), outW)
	p := hung{pipes: pipes{inW, outR, errR}, killed: make(chan struct{})}
	go func() {
		<-p.killed
		_ = inR.CloseWithError(io.ErrClosedPipe)
		_ = outW.Close()
		_ = errW.Close()
	}()
	return p, nil
}

// hung is a process that ends only when it is killed.
type hung struct {
	pipes
	killed chan struct{}
}

func (p hung) Kill() {
	close(p.killed)
	p.pipes.Kill()
}

func (p hung) Wait() (int, error) {
	<-p.killed
	return -1, host.ErrLost
}

// hello answers the greeting and returns its word.
func hello(in *bufio.Scanner, out io.Writer) string {
	in.Scan()
	word := strings.TrimPrefix(in.Text(), "#nightcall greeting ")
	fmt.Fprintf(out, "\n@@nightcall-%s hello root\n", word)
	return word
}

// TestHostsThatHang has each of them cost its own deadline, to the second.
func TestHostsThatHang(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		host conversation
		want time.Duration
		err  error
		text string
	}{
		{"says nothing", func(in *bufio.Scanner, _ io.WriteCloser) {
			for in.Scan() {
			}
		}, 15 * time.Second, host.ErrTimeout, "said nothing for 15s"},
		{"reads nothing", func(*bufio.Scanner, io.WriteCloser) {}, 15 * time.Second, host.ErrTimeout, "said nothing for 15s"},
		{
			"closes its output and goes on", func(_ *bufio.Scanner, out io.WriteCloser) { _ = out.Close() },
			5 * time.Second, host.ErrRefused, "no POSIX shell",
		},
		{
			"reads nothing after its hello", func(in *bufio.Scanner, out io.WriteCloser) { hello(in, out) },
			90 * time.Second, host.ErrTimeout, "the whole visit took longer than 1m30s",
		},
		{"reads nothing in a probe", func(in *bufio.Scanner, out io.WriteCloser) {
			fmt.Fprintf(out, "\n@@nightcall-%s begin probe 7\n", hello(in, out))
		}, 25 * time.Second, host.ErrTimeout, "probe hangs and cannot be ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := shell.Run(t.Context(), tt.host, []shell.Section{{Name: "probe", Body: "df"}}, options())
				if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("err = %v, want %v with %q", err, tt.err, tt.text)
				}
				if took := time.Since(began); took != tt.want {
					t.Errorf("took %s, want %s", took, tt.want)
				}
			})
		})
	}
}

// TestLateKill has the word to end a section come when it has ended, and another one
// runs in its process.
func TestLateKill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wire := conversation(func(in *bufio.Scanner, out io.WriteCloser) {
			word := hello(in, out)
			fmt.Fprintf(out, "\n@@nightcall-%s begin slow 7\n", word)
			for in.Scan() && in.Text() != "kill 7" {
			}
			fmt.Fprintf(out, "\n@@nightcall-%[1]s end slow 0\n\n@@nightcall-%[1]s begin next 7\nhalf\n@@nightcall-%[1]s end next 137\n", word)
			fmt.Fprintf(out, "\n@@nightcall-%[1]s begin last 8\nwhole\n@@nightcall-%[1]s end last 137\n\n@@nightcall-%[1]s done\n", word)
		})
		v, err := shell.Run(t.Context(), wire, []shell.Section{{Name: "slow", Shared: true}, {Name: "next", Shared: true}, {Name: "last", Shared: true}}, options())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"timed out after 20s", "ended with the one before, whose time was up", ""}
		for n, a := range v.Answers {
			if a.Missing != want[n] {
				t.Errorf("%s: missing %q, want %q", a.Section, a.Missing, want[n])
			}
		}
	})
}
