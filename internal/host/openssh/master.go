//go:build unix

package openssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// keeper runs ssh and waits on its own standard input, which only we hold: when
// that ends, so do ssh and what ssh started (the process group is its own), and
// nothing of them stays. ssh alone holds the standard error, so that its end is
// seen.
const keeper = `dir=$1; shift
"$@" </dev/null >/dev/null &
ssh=$!
exec 2>/dev/null
cat >/dev/null
trap "" TERM
kill 0
wait "$ssh"
rm -rf "$dir"
kill -9 0`

// A run is one ssh at work.
type run struct {
	journal
	login *login
	dir   string

	keeper *exec.Cmd
	line   io.Closer     // the keeper's standard input
	moved  chan struct{} // holds a token when the journal has grown
	gone   chan struct{} // closed when ssh ended
}

// start runs ssh with the configuration in dir. It owns dir from here on.
func (l *login) start(dir string) (*run, error) {
	r := &run{login: l, dir: dir, moved: make(chan struct{}, 1), gone: make(chan struct{})}
	r.keeper = exec.Command("/bin/sh", "-c", keeper, "sh", dir, l.client.path, "-F", filepath.Join(dir, configFile), "-N", alias)
	r.keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask on, no ^C from one
	if l.asks() {
		r.keeper.Env = askpassEnv(dir)
	}
	line, err := r.keeper.StdinPipe()
	if err == nil {
		r.line = line
		var stderr io.Reader
		if stderr, err = r.keeper.StderrPipe(); err == nil {
			if err = r.keeper.Start(); err == nil {
				go r.listen(stderr)
				return r, nil
			}
		}
	}
	return nil, errors.Join(fmt.Errorf("%w: run ssh: %w", host.ErrRefused, err), os.RemoveAll(dir))
}

// listen takes in what ssh says until it ends.
func (r *run) listen(stderr io.Reader) {
	defer close(r.gone)
	lines := bufio.NewReaderSize(stderr, 4<<10)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		r.read(string(line))
		for more && err == nil { // what is longer than any line of ssh's is not read
			_, more, err = lines.ReadLine()
		}
		r.poke()
	}
}

// poke wakes await.
func (r *run) poke() {
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// state is where the login is, and whether its clock stands.
func (j *journal) state() (at step, paused bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at, j.paused
}

// methods are those the server takes, as far as it told, and whether some of them
// were done with and others are wanted beside.
func (j *journal) methods() (offered []string, partial bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.offered, j.partial
}

// pause stops and starts the login's clock while a person types.
func (r *run) pause(on bool) {
	r.mu.Lock()
	r.paused = on
	r.mu.Unlock()
	r.poke()
}

// await waits until the login has come to a step, each step before it within its
// own deadline.
func (r *run) await(ctx context.Context, until step) error {
	clock := time.NewTimer(0)
	defer clock.Stop()
	timing, paused := step(-1), false
	for {
		at, pausing := r.state()
		if until == stepOpen && ssh.Appliance(r.greeting()) != "" {
			return errAppliance // before anybody logs in there
		}
		if at >= until {
			return r.opened(until)
		}
		if at != timing || pausing != paused {
			timing, paused = at, pausing
			clock.Stop()
			if !paused {
				clock.Reset(r.login.limit(at))
			}
		}
		select {
		case <-r.moved:
		case <-r.gone:
			if at, _ := r.state(); at >= until && until != stepOpen {
				return nil
			}
			return r.explain(r.login)
		case <-clock.C:
			return r.late(at, r.login.limit(at))
		case <-ctx.Done():
			return reason(ctx)
		}
	}
}

// opened checks that a master is there: the step is only what somebody said.
func (r *run) opened(at step) error {
	if at != stepOpen {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(r.dir, socketFile)); err != nil {
		return fmt.Errorf("%w: ssh opened no control socket: %w", host.ErrRefused, err)
	}
	return nil
}

// endTimeout bounds the orderly end of ssh.
const endTimeout = 5 * time.Second

// end ends ssh and removes the directory.
func (r *run) end() {
	_ = r.line.Close()
	stuck := time.AfterFunc(endTimeout, func() { _ = syscall.Kill(-r.keeper.Process.Pid, syscall.SIGKILL) })
	defer stuck.Stop()
	<-r.gone
	_ = r.keeper.Wait()
	_ = os.RemoveAll(r.dir)
}
