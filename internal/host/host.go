// Package host says what can be asked of a machine and what can be done to it.
//
// # Reader and Host
//
// A [Reader] can only look. Facts, checks, the inventory and every surface are
// given Readers. A [Host] embeds it and can also change the machine; only code
// whose purpose is a change ever holds one. The wrappers [ReadOnly], [DryRun]
// and [Recorded] turn one into the other, or write down what happened.
//
// # Output and error
//
// A command that ran and failed is an [Output] with a non-zero exit. An error
// means that nobody could find out: no link, no answer, no right to ask. The
// sentinels in errors.go say which.
package host

import (
	"context"
	"io/fs"
	"time"
)

// BatchTime is how long output may be held back, to be delivered in larger pieces,
// where nobody waits for single lines. The time noted for such output may be late by
// as much.
const BatchTime = 50 * time.Millisecond

// A Reader can only look at one machine.
type Reader interface {
	// Name is the host's name in this incident, for people and records.
	Name() string

	// Probe runs cmd, which is declared free of side effects. The returned
	// error wraps one of this package's sentinels when the host could not be
	// asked; a command that failed by itself is an Output.
	Probe(ctx context.Context, cmd Command) (Output, error)

	// ReadFile returns the content of a file, at most the wire's output limit.
	// It returns an error wrapping fs.ErrNotExist or fs.ErrPermission where the
	// host says so.
	ReadFile(ctx context.Context, path string) ([]byte, error)
}

// A Host can also be changed.
type Host interface {
	Reader

	// Change runs cmd, which may alter the machine.
	Change(ctx context.Context, cmd Command) (Output, error)

	// WriteFile replaces path atomically: readers see the old content or the
	// new, never a part. The file's mode is mode.
	WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error
}

// A Command is a program's arguments and standard input, not shell text. [Quote] is
// the only place that turns one into what a shell reads.
type Command struct {
	Argv  []string
	Stdin []byte

	// Root requires root: without a way to it nothing runs, and the error wraps
	// ErrSudo.
	Root bool

	// Timeout bounds the command; zero means the wire's own limit.
	Timeout time.Duration
}

// Output is what a command left behind.
type Output struct {
	Stdout, Stderr []byte

	// StdoutDropped and StderrDropped count the bytes cut from the middle once
	// an output passed its limit: head and tail are kept.
	StdoutDropped, StderrDropped int64

	Exit int           // the exit status; 128+n after signal n
	Took time.Duration // wall time, link included
	Root bool          // whether it ran as root
}

// Truncated reports whether bytes were dropped from either stream.
func (o Output) Truncated() bool { return o.StdoutDropped > 0 || o.StderrDropped > 0 }
