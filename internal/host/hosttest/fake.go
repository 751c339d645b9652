package hosttest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// Fake is a host that is nowhere: a shell without processes over files in memory.
// It keeps the promises of [Contract]. What tests script must be set before it is
// asked.
type Fake struct {
	// Programs are its commands, by name or by a whole command line as host.Quote
	// writes it. A few that everybody has are there from the start.
	Programs map[string]Program
	// Denied are files that nobody may read or write.
	Denied map[string]bool
	// NoRoot has sudo refuse.
	NoRoot bool

	name string

	mu      sync.Mutex
	files   fstest.MapFS // by path, without the slash in front
	asked   []string
	running map[int]context.CancelCauseFunc // by process id
	pids    int
	lost    error
}

var _ host.Host = (*Fake)(nil)

// NewFake is a host with an empty /tmp and the files given, by path.
func NewFake(name string, files map[string]string) *Fake {
	f := &Fake{
		name: name, Denied: map[string]bool{}, running: map[int]context.CancelCauseFunc{},
		files: fstest.MapFS{"tmp": {Mode: fs.ModeDir | 0o777}},
	}
	for file, content := range files {
		f.files[inFS(file)] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	f.Programs = map[string]Program{"sh": f.sh, "cat": f.cat, "ls": f.ls, "kill": f.kill, "sleep": sleep}
	return f
}

// inFS is an absolute path as package fs spells it.
func inFS(file string) string { return cmp.Or(strings.TrimPrefix(path.Clean(file), "/"), ".") }

// Name implements host.Reader.
func (f *Fake) Name() string { return f.name }

// Asked is everything that was asked of the host, as host.Deed spells it.
func (f *Fake) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// Lose breaks the link: what runs and all that is asked from now on ends with
// host.ErrLost.
func (f *Fake) Lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = fmt.Errorf("%w: the cable", host.ErrLost)
	for _, end := range f.running {
		end(f.lost)
	}
}

// note writes down what was asked, and says whether the link is up.
func (f *Fake) note(d host.Deed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, d.String())
	return f.lost
}

// Probe implements host.Reader.
func (f *Fake) Probe(ctx context.Context, cmd host.Command) (host.Output, error) {
	return f.run(ctx, host.VerbProbe, cmd)
}

// Change implements host.Host.
func (f *Fake) Change(ctx context.Context, cmd host.Command) (host.Output, error) {
	return f.run(ctx, host.VerbChange, cmd)
}

// ReadFile implements host.Reader.
func (f *Fake) ReadFile(_ context.Context, file string) ([]byte, error) {
	if err := f.note(host.Deed{Verb: host.VerbRead, Path: file}); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(file)
}

// read is the content of a file. The caller holds the lock.
func (f *Fake) read(file string) ([]byte, error) {
	if f.Denied[path.Clean(file)] {
		return nil, &fs.PathError{Op: "read", Path: file, Err: fs.ErrPermission}
	}
	return fs.ReadFile(f.files, inFS(file))
}

// WriteFile implements host.Host.
func (f *Fake) WriteFile(_ context.Context, file string, data []byte, mode fs.FileMode) error {
	if err := f.note(host.Deed{Verb: host.VerbWrite, Path: file}); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(file, data, mode)
}

// write replaces a file. The caller holds the lock.
func (f *Fake) write(file string, data []byte, mode fs.FileMode) error {
	if f.Denied[path.Clean(file)] {
		return &fs.PathError{Op: "write", Path: file, Err: fs.ErrPermission}
	}
	if _, err := fs.Stat(f.files, path.Dir(inFS(file))); err != nil {
		return err
	}
	f.files[inFS(file)] = &fstest.MapFile{Data: bytes.Clone(data), Mode: mode}
	return nil
}

// How long a command may take that names no limit, and how much of each stream is
// kept.
const (
	fakeLimit  = 20 * time.Second
	fakeOutput = 1 << 20
)

// run runs one command as a process of its own.
func (f *Fake) run(ctx context.Context, verb host.Verb, cmd host.Command) (host.Output, error) {
	line := host.Quote(cmd.Argv...)
	if err := f.note(host.Deed{Verb: verb, Command: cmd}); err != nil {
		return host.Output{Exit: -1}, err
	}
	if cmd.Root && f.NoRoot {
		return host.Output{Exit: -1}, fmt.Errorf("%w: sudo refuses", host.ErrSudo)
	}
	limit := cmp.Or(cmd.Timeout, fakeLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: %s timed out after %s", host.ErrTimeout, line, limit))
	defer cancel()
	ctx, pid, gone := f.start(ctx)
	defer gone()
	var stdout, stderr stream
	began := time.Now()
	exit, err := f.interpret(ctx, `"$@"`, pid, cmd.Argv, Process{Stdin: bytes.NewReader(cmd.Stdin), Stdout: &stdout, Stderr: &stderr})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	out := host.Output{Exit: exit, Took: time.Since(began), Root: cmd.Root}
	out.Stdout, out.StdoutDropped = stdout.kept(fakeOutput)
	out.Stderr, out.StderrDropped = stderr.kept(fakeOutput)
	return out, err
}

// start enters a process into the table until it is gone.
func (f *Fake) start(ctx context.Context) (_ context.Context, pid int, gone func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pids++
	pid = f.pids
	f.running[pid] = cancel
	return ctx, pid, func() {
		cancel(nil)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.running, pid)
	}
}
