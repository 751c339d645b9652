package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Conn is a login on a host. It is a shell.Wire.
type Conn struct {
	client *ssh.Client

	sessions shell.Sessions
	phases   *phases

	Server     string // the version line the server greets with
	HostKey    inventory.HostKey
	Algorithms inventory.Algorithms // what the connection settled on
	Legacy     inventory.Algorithms // what of it is outdated
}

var (
	_ shell.Wire     = (*Conn)(nil)
	_ shell.Terminal = (*Conn)(nil)
	_ shell.Batcher  = (*process)(nil)
)

func newConn(client *ssh.Client, l *login, p *phases, legacy legacySet) *Conn {
	c := &Conn{client: client, phases: p, Server: string(client.ServerVersion()), HostKey: describeKey(p.key)}
	if meta, ok := client.Conn.(ssh.AlgorithmsConnMetadata); ok {
		c.Algorithms = negotiated(meta.Algorithms(), l.sigAlgo)
		c.Legacy = legacy.used(meta.Algorithms(), l.sigAlgo)
	}
	return c
}

// Describe completes what is known of the way to the host.
func (c *Conn) Describe(a inventory.Access) inventory.Access {
	a.Wire, a.Server, a.Algorithms, a.Legacy = "ssh", c.Server, c.Algorithms, c.Legacy
	a.ShowedKey(c.HostKey)
	return a
}

// Close ends the connection; the host's watch ends what still runs there.
func (c *Conn) Close() error { return c.client.Close() }

// openTimeout bounds the opening of a channel on a connection that was alive a
// moment ago.
const openTimeout = 15 * time.Second

// dial opens a TCP connection from the host onward.
func (c *Conn) dial(ctx context.Context, address string) (net.Conn, error) {
	inTime, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	conn, err := c.client.DialContext(inTime, "tcp", address)
	if err == nil {
		return &forwarded{Conn: conn}, nil
	}
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: the bastion cannot connect to it: %s", host.ErrUnreachable, refused.Message)
	}
	if ctx.Err() != nil { // the host's own time is up, or all is cancelled
		return nil, reason(ctx, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: the bastion got no answer from it in %s", host.ErrUnreachable, openTimeout)
	}
	return nil, fmt.Errorf("%w: through the bastion: %w", host.ErrUnreachable, err)
}

// Start implements shell.Wire. On a server that allows no more sessions at once
// it waits for one of ours to end.
func (c *Conn) Start(ctx context.Context, command string) (shell.Process, error) {
	return c.open(ctx, command, nil)
}

// StartOnTerminal implements shell.Terminal.
func (c *Conn) StartOnTerminal(ctx context.Context, command string) (shell.Process, error) {
	return c.open(ctx, command, func(s *ssh.Session) error { return s.RequestPty("dumb", 24, 80, rawTerminal) })
}

// rawTerminal has a terminal pass every byte as it is, both ways, and echo none.
var rawTerminal = ssh.TerminalModes{
	ssh.ECHO: 0, ssh.ECHONL: 0, ssh.ICANON: 0, ssh.ISIG: 0, ssh.IEXTEN: 0, ssh.OPOST: 0, ssh.ONLCR: 0,
	ssh.ICRNL: 0, ssh.INLCR: 0, ssh.IGNCR: 0, ssh.IXON: 0, ssh.IXOFF: 0, ssh.ISTRIP: 0, ssh.CS8: 1, ssh.PARENB: 0,
}

// open opens a session, has it prepared and starts command in it.
func (c *Conn) open(ctx context.Context, command string, prepare func(*ssh.Session) error) (shell.Process, error) {
	start := func() (shell.Process, error) { return c.startInTime(ctx, command, prepare) }
	return c.sessions.Start(ctx, start, func(err error) bool {
		var full *ssh.OpenChannelError
		return errors.As(err, &full)
	})
}

// startInTime is start with a bound on how long the server may take.
func (c *Conn) startInTime(ctx context.Context, command string, prepare func(*ssh.Session) error) (shell.Process, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout,
		fmt.Errorf("%w: it opened no session in %s", host.ErrTimeout, openTimeout))
	defer cancel()
	type opened struct {
		p   shell.Process
		err error
	}
	done := make(chan opened, 1)
	go func() {
		p, err := c.start(command, prepare)
		done <- opened{p, err}
	}()
	select {
	case o := <-done:
		return o.p, o.err
	case <-ctx.Done():
		_ = c.client.Close() // unblocks the goroutine
		return nil, reason(ctx, ctx.Err())
	}
}

func (c *Conn) start(command string, prepare func(*ssh.Session) error) (shell.Process, error) {
	s, err := c.client.NewSession()
	if err != nil {
		return nil, sessionError(err)
	}
	c.sessions.Opened()
	p := &process{session: s, ended: c.sessions.Ended, hangUp: c.client.Close, batch: &c.phases.batch}
	p.stdin, err = s.StdinPipe()
	if err == nil {
		p.stdout, err = s.StdoutPipe()
	}
	if err == nil {
		p.stderr, err = s.StderrPipe()
	}
	if err == nil && prepare != nil {
		err = prepare(s)
	}
	if err == nil {
		err = s.Start(command)
	}
	if err != nil {
		p.Kill()
		return nil, sessionError(err)
	}
	return p, nil
}

func sessionError(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it hung up when asked for a session", host.ErrLost)
	}
	return fmt.Errorf("%w: it starts no command: %w", host.ErrRefused, err)
}

type process struct {
	session        *ssh.Session
	stdin          io.WriteCloser
	stdout, stderr io.Reader
	ended          func()
	hangUp         func() error
	batch          *atomic.Bool
	kill, end      sync.Once
}

func (p *process) Stdin() io.WriteCloser { return p.stdin }
func (p *process) Stdout() io.Reader     { return p.stdout }
func (p *process) Stderr() io.Reader     { return p.stderr }

func (p *process) Batch() { p.batch.Store(true) }

func (p *process) Wait() (int, error) {
	err := p.session.Wait()
	p.end.Do(p.ended)
	var (
		exit *ssh.ExitError
		none *ssh.ExitMissingError
	)
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	case errors.As(err, &none):
		return -1, fmt.Errorf("%w: the session ended without an exit status", host.ErrLost)
	default:
		return -1, fmt.Errorf("%w: %w", host.ErrLost, err)
	}
}

// closeTimeout is how long a host may take to take notice that we are done.
const closeTimeout = 5 * time.Second

// Kill closes the channel. The script's control line ends with it, and the
// process group ends itself. Of a host that reads nothing any more, not even
// that, the connection is closed: it would keep us for ever.
func (p *process) Kill() {
	p.kill.Do(func() {
		p.batch.Store(false)
		defer time.AfterFunc(closeTimeout, func() { _ = p.hangUp() }).Stop()
		_ = p.session.Close()
	})
	p.end.Do(p.ended)
}

// Forward opens a TCP connection from the host onward, by the host's own SSH
// server. The error is the server's word for what went wrong; it wraps
// host.ErrRefused where the server forwards nothing or has no word for it.
func (c *Conn) Forward(ctx context.Context, address string) (net.Conn, error) {
	conn, err := c.client.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) {
		return nil, err
	}
	if refused.Reason != ssh.ConnectionFailed || refused.Message == "" {
		return nil, fmt.Errorf("%w: it forwards no connection: %s", host.ErrRefused, refused.Message)
	}
	return nil, errors.New(refused.Message)
}
