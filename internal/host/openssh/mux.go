//go:build unix

package openssh

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// The messages of OpenSSH's multiplexing protocol that we speak.
const (
	muxHello      = 0x00000001
	muxNewSession = 0x10000002
	muxDenied     = 0x80000002
	muxFailure    = 0x80000003
	muxExit       = 0x80000004
	muxOpened     = 0x80000006
	muxNoTerminal = 0x80000008

	muxVersion = 4
	muxLimit   = 256 << 10 // bytes of a message
	noEscape   = 0xffffffff
)

// openTimeout bounds the opening of a session on a connection that was alive a
// moment ago.
const openTimeout = 15 * time.Second

// A process is one session of a master.
type process struct {
	conn           *Conn
	control        *net.UnixConn
	stdin          *os.File
	stdout, stderr *os.File
	open           bool // the server opened it
	kill, end      sync.Once
}

func (p *process) Stdin() io.WriteCloser { return p.stdin }
func (p *process) Stdout() io.Reader     { return p.stdout }
func (p *process) Stderr() io.Reader     { return p.stderr }

// Kill closes the session. The script's control line ends with it, and the
// process group ends itself.
func (p *process) Kill() {
	p.over()
	p.kill.Do(func() {
		_ = p.control.Close()
		for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
			_ = f.Close()
		}
	})
}

// over notes the end of a session that was open.
func (p *process) over() {
	if p.open {
		p.end.Do(p.conn.sessions.Ended)
	}
}

// Wait returns what the master says of the session's end.
func (p *process) Wait() (int, error) {
	defer p.over()
	for {
		m, err := readMessage(p.control)
		if err != nil {
			return -1, p.noExit(err)
		}
		if m.kind == muxNoTerminal {
			return -1, fmt.Errorf("%w: it gives no terminal", host.ErrRefused)
		}
		if m.kind != muxExit {
			continue // news of another version
		}
		m.word() // the session
		exit := int(m.word())
		if m.bad {
			return -1, fmt.Errorf("%w: ssh says an exit status that is none", host.ErrLost)
		}
		return exit, nil
	}
}

// noExit explains a session that ended without a status.
func (p *process) noExit(err error) error {
	select {
	case <-p.conn.run.gone:
		return p.conn.lost()
	default:
		return fmt.Errorf("%w: the session ended without an exit status: %w", host.ErrLost, err)
	}
}

// openSession makes a request for a session of the master.
func openSession(ctx context.Context, c *Conn, request []byte) (shell.Process, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout,
		fmt.Errorf("%w: it opened no session in %s", host.ErrTimeout, openTimeout))
	defer cancel()
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "unix", filepath.Join(c.dir, socketFile))
	if err != nil {
		return nil, fmt.Errorf("%w: ssh's control socket: %w", host.ErrLost, err)
	}
	p := &process{conn: c, control: raw.(*net.UnixConn)}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Now()) })
	defer stop()
	theirs, err := p.pipes()
	if err == nil {
		err = p.request(request, theirs)
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		p.Kill()
		if ctx.Err() != nil {
			return nil, reason(ctx)
		}
		return nil, err
	}
	return p, nil
}

// pipes makes the three streams; theirs are the ends for the master.
func (p *process) pipes() (theirs []*os.File, err error) {
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", host.ErrRefused, err)
	}
	p.stdin, theirs = stdin, append(theirs, in)
	for _, ours := range []**os.File{&p.stdout, &p.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, fmt.Errorf("%w: %w", host.ErrRefused, err)
		}
		*ours, theirs = r, append(theirs, w)
	}
	return theirs, nil
}

// request holds the conversation up to the point where the command runs.
func (p *process) request(session []byte, theirs []*os.File) error {
	err := greet(p.control)
	if err == nil {
		err = writeMessage(p.control, session)
	}
	for _, f := range theirs {
		if err == nil {
			err = pass(p.control, f)
		}
	}
	if err != nil {
		return p.broken(err)
	}
	return p.awaitOpen()
}

// errNoSession says that the server opens no session now.
var errNoSession = errors.New("it starts no command")

func (p *process) awaitOpen() error {
	m, err := readMessage(p.control)
	if err != nil {
		return p.broken(err)
	}
	m.word() // the request
	switch m.kind {
	case muxOpened:
		p.open = true
		p.conn.sessions.Opened()
		return nil
	case muxFailure:
		return fmt.Errorf("%w: %w: %s", host.ErrRefused, errNoSession, word.OneLine(m.text()))
	case muxDenied:
		return fmt.Errorf("%w: it starts no command: %s", host.ErrRefused, word.OneLine(m.text()))
	default:
		return fmt.Errorf("%w: ssh answers %#x when asked for a session", host.ErrRefused, m.kind)
	}
}

func (p *process) broken(err error) error {
	select {
	case <-p.conn.run.gone:
		return p.conn.lost()
	default:
		return fmt.Errorf("%w: it hung up when asked for a session: %w", host.ErrLost, err)
	}
}

// greet agrees on the protocol's version.
func greet(c *net.UnixConn) error {
	if err := writeMessage(c, words(muxHello, muxVersion)); err != nil {
		return err
	}
	m, err := readMessage(c)
	if err != nil {
		return err
	}
	if version := m.word(); m.kind != muxHello || version != muxVersion {
		return fmt.Errorf("ssh multiplexes in version %d, and %d is spoken here", version, muxVersion)
	}
	return nil
}

// newSession asks for command without X11, an agent or a subsystem, on a terminal
// if that is named.
func newSession(command, terminal string) []byte {
	var want uint32
	if terminal != "" {
		want = 1
	}
	m := words(muxNewSession, 0)
	m = appendText(m, "") // reserved
	m = append(m, words(want, 0, 0, 0, noEscape)...)
	m = appendText(m, terminal)
	return appendText(m, command)
}

// pass hands a file to the master.
func pass(c *net.UnixConn, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = c.WriteMsgUnix([]byte{0}, syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sent)
}

// A message is one of the protocol's, while it is read.
type message struct {
	kind uint32
	rest []byte
	bad  bool // it was shorter than it should be
}

func (m *message) word() uint32 {
	if len(m.rest) < 4 {
		m.bad, m.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint32(m.rest)
	m.rest = m.rest[4:]
	return n
}

func (m *message) text() string {
	n := m.word()
	if uint64(n) > uint64(len(m.rest)) {
		m.bad, m.rest = true, nil
		return ""
	}
	text := string(m.rest[:n])
	m.rest = m.rest[n:]
	return text
}

func readMessage(r io.Reader) (message, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return message{}, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 4 || n > muxLimit {
		return message{}, fmt.Errorf("a message of %d bytes", n)
	}
	m := message{rest: make([]byte, n)}
	if _, err := io.ReadFull(r, m.rest); err != nil {
		return message{}, err
	}
	m.kind = m.word()
	return m, nil
}

func writeMessage(w io.Writer, m []byte) error {
	_, err := w.Write(append(words(uint32(len(m))), m...))
	return err
}

func words(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}
