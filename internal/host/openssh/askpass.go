//go:build unix

package openssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
)

// An answer is a password on its way to ssh. ssh runs a program of ours, which
// reads a named pipe; the password is never an argument, a variable or a file.
type answer struct {
	pipe string
	from *credential.Credential

	mu    sync.Mutex
	over  bool
	trial *credential.Trial // set once the password was handed out
	err   error             // why there is none
	done  chan struct{}
}

// newAnswer makes the program and the pipe.
func newAnswer(dir string, from *credential.Credential) (*answer, error) {
	a := &answer{pipe: filepath.Join(dir, answerFile), from: from, done: make(chan struct{})}
	program := "#!/bin/sh\nexec cat " + host.Quote(a.pipe) + "\n"
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, askpassFile), []byte(program), 0o700),
		syscall.Mkfifo(a.pipe, 0o600),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: the way for the password: %w", host.ErrRefused, err)
	}
	return a, nil
}

// askpassEnv is the environment in which ssh asks the program, old versions too.
func askpassEnv(dir string) []string {
	return append(os.Environ(), "SSH_ASKPASS="+filepath.Join(dir, askpassFile), "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none:0")
}

// serve hands the password out once: when ssh asks, and not before.
func (a *answer) serve(ctx context.Context, r *run) {
	defer close(a.done)
	pipe, err := os.OpenFile(a.pipe, os.O_WRONLY, 0) // waits for the program
	if err != nil {
		return
	}
	defer pipe.Close()
	_ = os.Remove(a.pipe) // a second question has no answer
	a.mu.Lock()
	over := a.over
	a.mu.Unlock()
	if over {
		return
	}
	r.pause(true)
	defer r.pause(false)
	trial, err := a.from.Try(ctx, r.login.hop.Alias)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", host.ErrAuth, err)
	case trial.Value == "":
		err = fmt.Errorf("%w: no password given", host.ErrAuth)
	}
	a.mu.Lock()
	a.trial, a.err = &trial, err
	a.mu.Unlock()
	if err == nil {
		_, _ = pipe.WriteString(trial.Value + "\n")
		return
	}
	_ = r.line.Close() // an answer that only ends would be tried as an empty password
	<-r.gone
}

// pause stops and starts the login's clock while a person types.
func (r *run) pause(on bool) {
	r.mu.Lock()
	r.paused = on
	r.mu.Unlock()
	r.poke()
}

// settle ends the waiting and tells the credential how the login went.
func (a *answer) settle(err error) error {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
	// Whoever waits for the program is let go; without one there is no pipe to open.
	if pipe, openErr := os.OpenFile(a.pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); openErr == nil {
		defer pipe.Close()
	}
	<-a.done
	switch {
	case a.err != nil:
		return a.err
	case a.trial == nil:
	case err == nil:
		a.trial.Accepted()
	case errors.Is(err, host.ErrAuth):
		a.trial.Refused()
	default:
		a.trial.Untold()
	}
	return err
}
