//go:build unix

package openssh

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Conn is a login on a host. It is a shell.Wire.
type Conn struct {
	run *run
	dir string
	end sync.Once

	sessions shell.Sessions

	Server     string // the version line the server greets with
	HostKey    inventory.HostKey
	Algorithms inventory.Algorithms // what the connection settled on
	Legacy     inventory.Algorithms // what of it is outdated
}

var (
	_ shell.Wire     = (*Conn)(nil)
	_ shell.Terminal = (*Conn)(nil)
)

func newConn(r *run) *Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Conn{
		run: r, dir: r.dir, Server: r.server, HostKey: inventory.HostKey{Fingerprint: r.key},
		Algorithms: r.algorithms, Legacy: r.login.need.used(r.algorithms),
	}
}

// Describe completes what is known of the way to the host.
func (c *Conn) Describe(a inventory.Access) inventory.Access {
	a.Wire, a.Server, a.Algorithms, a.Legacy = "openssh", c.Server, c.Algorithms, c.Legacy
	a.ShowedKey(c.HostKey)
	return a
}

// Close ends the connection; the host's watch ends what still runs there.
func (c *Conn) Close() error {
	c.end.Do(c.run.end)
	return nil
}

// Start implements shell.Wire. On a server that allows no more sessions at once
// it waits for one of ours to end.
func (c *Conn) Start(ctx context.Context, command string) (shell.Process, error) {
	return c.open(ctx, newSession(command, ""))
}

// StartOnTerminal implements shell.Terminal. The terminal's modes are those of our
// end, and a pipe has none: every byte passes as it is and none is echoed. Whether
// the server gives one shows only once the command runs.
func (c *Conn) StartOnTerminal(ctx context.Context, command string) (shell.Process, error) {
	return c.open(ctx, newSession(command, "dumb"))
}

// open has the master ask for a session.
func (c *Conn) open(ctx context.Context, request []byte) (shell.Process, error) {
	start := func() (shell.Process, error) {
		select {
		case <-c.run.gone:
			return nil, c.lost()
		default:
			return openSession(ctx, c, request)
		}
	}
	return c.sessions.Start(ctx, start, func(err error) bool { return errors.Is(err, errNoSession) })
}

// lost says why the master is gone.
func (c *Conn) lost() error {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return fmt.Errorf("%w: %s", host.ErrLost, c.run.last())
}
