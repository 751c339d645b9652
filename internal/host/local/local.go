//go:build unix

// Package local is the wire to the machine nightcall itself runs on.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// Wire starts processes on this machine. The zero value is ready.
type Wire struct{}

// Start implements shell.Wire. The command gets a session of its own, so that
// its process group can be ended without ending ours.
func (Wire) Start(_ context.Context, command string) (shell.Process, error) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("local shell: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("local shell: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("local shell: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("local shell: %w: %w", host.ErrRefused, err)
	}
	return &process{cmd: cmd, stdin: stdin, stdout: stdout, stderr: stderr}, nil
}

type process struct {
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr io.Reader
	waited         sync.Once
	err            error
}

func (p *process) Stdin() io.WriteCloser { return p.stdin }
func (p *process) Stdout() io.Reader     { return p.stdout }
func (p *process) Stderr() io.Reader     { return p.stderr }

func (p *process) Wait() (int, error) {
	p.waited.Do(func() { p.err = p.cmd.Wait() })
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		return -1, fmt.Errorf("local shell: %w", p.err)
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

// Kill ends the whole session; it was made for this one command.
func (p *process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_, _ = p.Wait()
}
