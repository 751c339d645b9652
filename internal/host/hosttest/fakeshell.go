package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A Program is a command of a Fake: it ends with an exit status, or breaks the
// whole visit with an error.
type Program func(ctx context.Context, p Process) (exit int, err error)

// A Process is what a Program is started with.
type Process struct {
	Args           []string // its own name first
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Prints is a program that says what it always says.
func Prints(stdout string, exit int) Program {
	return func(_ context.Context, p Process) (int, error) {
		_, err := io.WriteString(p.Stdout, stdout)
		return exit, err
	}
}

// Fails is a program during which err happens to the visit, such as
// host.ErrLost.
func Fails(err error) Program {
	return func(context.Context, Process) (int, error) { return 0, err }
}

// Hangs is a program that never ends by itself.
func Hangs(ctx context.Context, _ Process) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// ownPID is where the shell finds its process id; the interpreter would give that
// of the test.
const ownPID = "fake_pid"

// interpret runs shell text as the process pid.
func (f *Fake) interpret(ctx context.Context, text string, pid int, args []string, p Process) (int, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
	if err != nil {
		fmt.Fprintln(p.Stderr, err)
		return 2, nil
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if e, ok := n.(*syntax.ParamExp); ok && e.Param.Value == "$" {
			e.Param.Value = ownPID
		}
		return true
	})
	r, err := interp.New(
		interp.StdIO(p.Stdin, p.Stdout, p.Stderr), interp.Dir("/"),
		interp.Env(expand.ListEnviron("PATH=/bin", "HOME=/root", "LC_ALL=C", ownPID+"="+strconv.Itoa(pid))),
		interp.Params(append([]string{"--"}, args...)...),
		interp.CallHandler(callProgram), interp.OpenHandler(f.open), interp.StatHandler(f.stat),
		interp.ReadDirHandler2(func(_ context.Context, dir string) ([]fs.DirEntry, error) { return f.snapshot().ReadDir(inFS(dir)) }),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return f.exec }),
	)
	if err != nil {
		return -1, err
	}
	err = r.Run(ctx, file)
	if status, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(status), nil
	}
	return 0, err
}

// callProgram sends kill to the programs: the interpreter keeps the name for itself
// and does nothing.
func callProgram(_ context.Context, args []string) ([]string, error) {
	if args[0] == "kill" {
		args = append([]string{"/bin/kill"}, args[1:]...)
	}
	return args, nil
}

// exec runs a command that is not the shell's own.
func (f *Fake) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	program, ok := f.Programs[host.Quote(args...)]
	if !ok {
		program, ok = f.Programs[strings.TrimPrefix(args[0], "/bin/")]
	}
	if !ok {
		fmt.Fprintf(hc.Stderr, "sh: %s: not found\n", args[0])
		return interp.ExitStatus(127)
	}
	exit, err := program(ctx, Process{Args: args, Stdin: hc.Stdin, Stdout: hc.Stdout, Stderr: hc.Stderr})
	if err != nil || exit == 0 {
		return err
	}
	return interp.ExitStatus(exit)
}

func (f *Fake) sh(ctx context.Context, p Process) (int, error) {
	if len(p.Args) < 3 || p.Args[1] != "-c" {
		return 2, nil
	}
	pid, _ := strconv.Atoi(interp.HandlerCtx(ctx).Env.Get(ownPID).String())
	return f.interpret(ctx, p.Args[2], pid, p.Args[min(4, len(p.Args)):], p)
}

func (f *Fake) cat(_ context.Context, p Process) (int, error) {
	if len(p.Args) == 1 {
		_, err := io.Copy(p.Stdout, p.Stdin)
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	exit := 0
	for _, file := range p.Args[1:] {
		data, err := f.read(file)
		if err != nil {
			fmt.Fprintf(p.Stderr, "cat: %v\n", err)
			exit = 1
		}
		_, _ = p.Stdout.Write(data)
	}
	return exit, nil
}

// ls is as in ls -l FILE.
func (f *Fake) ls(ctx context.Context, p Process) (int, error) {
	info, err := f.stat(ctx, p.Args[len(p.Args)-1], true)
	if err != nil {
		fmt.Fprintf(p.Stderr, "ls: %v\n", err)
		return 2, nil
	}
	fmt.Fprintf(p.Stdout, "%s 1 root root %d %s\n", info.Mode(), info.Size(), p.Args[len(p.Args)-1])
	return 0, nil
}

// kill is as in kill -0 PID, which looks whether a process is there.
func (f *Fake) kill(_ context.Context, p Process) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pid, _ := strconv.Atoi(p.Args[len(p.Args)-1])
	if f.running[pid] == nil {
		return 1, nil
	}
	return 0, nil
}

func sleep(ctx context.Context, p Process) (int, error) {
	d, err := time.ParseDuration(p.Args[len(p.Args)-1] + "s")
	if err != nil {
		return 1, nil
	}
	select {
	case <-time.After(d):
		return 0, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (f *Fake) snapshot() fstest.MapFS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.files)
}

func (f *Fake) stat(_ context.Context, file string, _ bool) (fs.FileInfo, error) {
	return fs.Stat(f.snapshot(), inFS(file))
}

// open is a redirection. What is written is there at once.
func (f *Fake) open(_ context.Context, file string, flag int, mode fs.FileMode) (io.ReadWriteCloser, error) {
	h := &handle{fake: f, file: file, mode: mode}
	if file == "/dev/null" {
		return h, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old, err := f.read(file)
	switch {
	case flag&os.O_CREATE == 0 && err != nil:
		return nil, &fs.PathError{Op: "open", Path: file, Err: errors.Unwrap(err)}
	case flag&os.O_CREATE == 0:
		h.unread = *bytes.NewBuffer(old)
	case flag&os.O_APPEND != 0:
		h.written = old
		fallthrough
	default:
		if err := f.write(file, h.written, mode); err != nil {
			return nil, &fs.PathError{Op: "open", Path: file, Err: errors.Unwrap(err)}
		}
	}
	return h, nil
}

// A handle is an open file.
type handle struct {
	fake    *Fake
	file    string
	mode    fs.FileMode
	unread  bytes.Buffer
	written []byte
}

func (h *handle) Read(b []byte) (int, error) { return h.unread.Read(b) }
func (h *handle) Close() error               { return nil }

func (h *handle) Write(b []byte) (int, error) {
	if h.file == "/dev/null" {
		return len(b), nil
	}
	h.fake.mu.Lock()
	defer h.fake.mu.Unlock()
	h.written = append(h.written, b...)
	return len(b), h.fake.write(h.file, h.written, h.mode)
}

// A stream is an output, which commands in the background share.
type stream struct {
	mu  sync.Mutex
	all []byte
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, b...)
	return len(b), nil
}

// kept is the head and the tail within the limit, and how much was between them.
func (s *stream) kept(limit int) ([]byte, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := max(0, len(s.all)-limit)
	head := (len(s.all) - dropped) / 2
	return append(bytes.Clone(s.all[:head]), s.all[head+dropped:]...), int64(dropped)
}
