// Package shell speaks to a POSIX sh on the other end of a wire, so that every
// wire gets probes, changes, files, root, limits and a clean death from one
// place. A wire only starts processes.
//
// # Conversation
//
// We start `sh -s` and send a greeting: it sets a plain environment, finds a way
// to root if one is wanted, and says hello. Then we send one script of named
// sections. Each section's output comes back between frames that carry a random
// word, so nothing that a host prints can be taken for a frame. Login banners,
// a csh as login shell and talkative profiles do no harm.
//
// # Death
//
// While a script runs its standard input is the control line: we send a beat
// every few seconds and, when a section is out of time, its process id. When
// the line closes (we were killed, or the link was), or when the beats stay
// away (a cut cable), the whole process group on the host kills itself. Nothing
// there needs timeout(1), setsid(1) or a file.
package shell

import (
	"context"
	"io"
)

// A Wire starts processes on one machine.
type Wire interface {
	// Start starts command through the login shell there. Its error wraps one
	// of package host's sentinels.
	Start(ctx context.Context, command string) (Process, error)
}

// A Process is one that a Wire started.
type Process interface {
	Stdin() io.WriteCloser
	Stdout() io.Reader
	Stderr() io.Reader

	// Wait returns the exit status once the process ended and both outputs were
	// read to their end; -1 when it is not known.
	Wait() (exit int, err error)

	// Kill ends the process and closes its streams. It may be called at any
	// time, more than once, from any goroutine.
	Kill()
}

// A Batcher is a Process whose output may come in batches.
type Batcher interface {
	// Batch says that until the process ends nobody waits for a single line: its
	// output may be delivered up to [host.BatchTime] late.
	Batch()
}
