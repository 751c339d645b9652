package host

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// ReadOnly makes a Host of h that refuses each change with ErrReadOnly, so that code
// which must be given a Host can be proved to look only.
func ReadOnly(h Reader) Host { return readOnly{h} }

type readOnly struct{ Reader }

func (h readOnly) Change(_ context.Context, cmd Command) (Output, error) {
	return Output{}, fmt.Errorf("change %s: %w", Quote(cmd.Argv...), ErrReadOnly)
}

func (h readOnly) WriteFile(_ context.Context, path string, _ []byte, _ fs.FileMode) error {
	return fmt.Errorf("write %s: %w", path, ErrReadOnly)
}

// DryRun makes a Host that reads from h and changes nothing: each change is handed to
// plan instead, and succeeds.
func DryRun(h Reader, plan func(Deed)) Host { return dryRun{h, plan} }

type dryRun struct {
	Reader
	plan func(Deed)
}

func (h dryRun) Change(_ context.Context, cmd Command) (Output, error) {
	h.plan(Deed{Host: h.Name(), Verb: VerbChange, Command: cmd})
	return Output{}, nil
}

func (h dryRun) WriteFile(_ context.Context, path string, data []byte, mode fs.FileMode) error {
	h.plan(Deed{Host: h.Name(), Verb: VerbWrite, Path: path, Bytes: len(data), Mode: mode})
	return nil
}

// A Verb is what was asked of a host.
type Verb string

// The verbs: the methods of a Host, of which the first two only look.
const (
	VerbProbe  Verb = "probe"
	VerbRead   Verb = "read"
	VerbChange Verb = "change"
	VerbWrite  Verb = "write"
)

// A Deed is one thing asked of a host, and how it went.
type Deed struct {
	Host    string
	Verb    Verb
	Command Command     // for probe and change
	Path    string      // for read and write
	Bytes   int         // written or read
	Mode    fs.FileMode // for write
	Output  Output      // for probe and change, once done
	Err     error
	Began   time.Time
}

// String is the verb, and the path or the command as a shell reads it.
func (d Deed) String() string {
	switch d.Verb {
	case VerbRead, VerbWrite:
		return fmt.Sprintf("%s %s", d.Verb, d.Path)
	default:
		return fmt.Sprintf("%s %s", d.Verb, Quote(d.Command.Argv...))
	}
}

// A Transcript collects deeds; it is safe for concurrent use.
type Transcript struct {
	mu    sync.Mutex
	deeds []Deed
}

// Add appends one deed.
func (t *Transcript) Add(d Deed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deeds = append(t.deeds, d)
}

// Deeds returns what was recorded so far, in order.
func (t *Transcript) Deeds() []Deed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Deed(nil), t.deeds...)
}

// Recorded passes everything on to h, and hands each deed to record when it has
// ended. Deeds are dated by now.
func Recorded(h Host, now func() time.Time, record func(Deed)) Host {
	return recorded{h: h, now: now, record: record}
}

type recorded struct {
	h      Host
	now    func() time.Time
	record func(Deed)
}

func (r recorded) Name() string { return r.h.Name() }

func (r recorded) Probe(ctx context.Context, cmd Command) (Output, error) {
	return r.command(ctx, VerbProbe, cmd, r.h.Probe)
}

func (r recorded) Change(ctx context.Context, cmd Command) (Output, error) {
	return r.command(ctx, VerbChange, cmd, r.h.Change)
}

func (r recorded) command(ctx context.Context, verb Verb, cmd Command, run func(context.Context, Command) (Output, error)) (Output, error) {
	began := r.now()
	out, err := run(ctx, cmd)
	r.record(Deed{Host: r.Name(), Verb: verb, Command: cmd, Output: out, Err: err, Began: began})
	return out, err
}

func (r recorded) ReadFile(ctx context.Context, path string) ([]byte, error) {
	began := r.now()
	data, err := r.h.ReadFile(ctx, path)
	r.record(Deed{Host: r.Name(), Verb: VerbRead, Path: path, Bytes: len(data), Err: err, Began: began})
	return data, err
}

func (r recorded) WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error {
	began := r.now()
	err := r.h.WriteFile(ctx, path, data, mode)
	r.record(Deed{Host: r.Name(), Verb: VerbWrite, Path: path, Bytes: len(data), Mode: mode, Err: err, Began: began})
	return err
}
