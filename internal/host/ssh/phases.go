package ssh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/word"
)

type phase int

const (
	phaseBanner phase = iota
	phaseKex
	phaseAuth
	phaseOpen
)

// phases is a connection that knows how far the login has come, and gives each
// step its own deadline: the library bounds none after the TCP connection.
type phases struct {
	net.Conn
	in     *bufio.Reader // the library's own is small: each of its reads would be a system call
	batch  atomic.Bool   // nobody waits for a single packet
	more   bool          // the last batch filled the buffer, so that the next one has come
	limits Deadlines

	mu      sync.Mutex
	at      phase
	first   []byte // what the server said first, for explanations
	key     ssh.PublicKey
	verdict error // why the host key was not trusted
	busyAt  time.Time
	waited  time.Duration // longest that somebody may have been typing
}

func newPhases(conn net.Conn, limits Deadlines) *phases {
	p := &phases{Conn: conn, in: bufio.NewReaderSize(conn, batchSize), limits: limits}
	p.to(phaseBanner)
	return p
}

func (p *phases) limit() time.Duration {
	return [...]time.Duration{p.limits.Banner, p.limits.Kex, p.limits.Auth, 0}[p.at]
}

// to enters a step and starts its clock.
func (p *phases) to(at phase) {
	p.mu.Lock()
	p.at = at
	p.mu.Unlock()
	p.resume()
}

// pause stops the clock while a person decides.
func (p *phases) pause() { _ = p.SetDeadline(time.Time{}) }

// busy stops the clock while a person may be typing.
func (p *phases) busy(on bool) {
	if on {
		p.busyAt = time.Now()
		p.pause()
		return
	}
	p.mu.Lock()
	p.waited = max(p.waited, time.Since(p.busyAt))
	p.mu.Unlock()
	p.resume()
}

// resume starts the step's clock afresh.
func (p *phases) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at != phaseOpen {
		_ = p.SetDeadline(time.Now().Add(p.limit()))
	}
}

// finish ends the login; from here on commands have their own limits.
func (p *phases) finish() {
	p.to(phaseOpen)
	_ = p.SetDeadline(time.Time{})
}

// batchSize is how many bytes are read at once.
const batchSize = 32 << 10

// maxBanner bounds what a server may say before its version line.
const maxBanner = 8 << 10

// Read notices the end of the version line. A server that says something else
// first is remembered by it.
func (p *phases) Read(b []byte) (int, error) {
	empty := p.in.Buffered() == 0
	if empty && !p.more && p.batch.Load() {
		time.Sleep(untilBatch(time.Now()))
	}
	n, err := p.in.Read(b)
	if empty {
		p.more = n+p.in.Buffered() >= batchSize
	}
	p.mu.Lock()
	banner := p.at == phaseBanner
	if banner && len(p.first) < maxBanner {
		p.first = append(p.first, b[:n]...)
	}
	version := banner && versionComplete(p.first)
	p.mu.Unlock()
	if version {
		p.to(phaseKex)
	}
	return n, err
}

// untilBatch is how long to leave what comes unread. All connections read at the
// same moments: this process then wakes once for all of them, not for every packet
// of every host, which is most of what a scan costs the laptop.
func untilBatch(now time.Time) time.Duration {
	return host.BatchTime - time.Duration(now.UnixNano())%host.BatchTime
}

// version is the line that the server greeted with; empty before it is whole.
func (p *phases) version() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range bytes.Lines(p.first) {
		if bytes.HasPrefix(line, []byte("SSH-")) {
			return strings.TrimRight(string(line), "\r\n")
		}
	}
	return ""
}

// versionComplete reports whether a whole line SSH-… has come.
func versionComplete(said []byte) bool {
	for line := range bytes.Lines(said) {
		if bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")) {
			return true
		}
	}
	return false
}

// greets reports whether what was said is an SSH banner as far as it goes.
func greets(said []byte) bool {
	banner := []byte("SSH-")
	return bytes.HasPrefix(said, banner) || bytes.HasPrefix(banner, said)
}

// explain turns the library's error into one of ours, by the step it came in.
func (p *phases) explain(ctx context.Context, l *login, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var no *ssh.AlgorithmNegotiationError
	switch {
	case ctx.Err() != nil:
		return reason(ctx, err)
	case p.verdict != nil:
		return p.verdict
	case errors.As(err, &no):
		return err // the caller knows what to do
	case p.at == phaseBanner && len(bytes.TrimSpace(p.first)) > 0 && !greets(p.first):
		return p.notSSH(err)
	case errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(err.Error(), "i/o timeout"):
		return fmt.Errorf("%w: connected, but %s took longer than %s",
			host.ErrTimeout, [...]string{"its SSH banner", "the key exchange", "the login", ""}[p.at], p.limit())
	case p.at == phaseBanner:
		return p.notSSH(err)
	case isAuthFailure(err):
		return l.refusal(err)
	case p.at == phaseAuth && p.waited > soon:
		return fmt.Errorf("%w: %w: %w", host.ErrAuth, errImpatient, err)
	case p.at == phaseAuth:
		return fmt.Errorf("%w: it hung up during the login: %w", host.ErrAuth, err)
	default:
		return fmt.Errorf("%w: the key exchange broke: %w", host.ErrRefused, err)
	}
}

// errImpatient is a server that hung up while somebody looked for an answer: it gives
// a login two minutes, unless its LoginGraceTime says otherwise.
var errImpatient = errors.New("it hung up before it was answered (its LoginGraceTime)")

// soon is what nobody hangs up for.
const soon = time.Second

// notSSH explains a server that did not greet like one. Servers over their
// MaxStartups hang up before any greeting.
func (p *phases) notSSH(err error) error {
	said := strings.TrimSpace(string(p.first))
	switch {
	case strings.HasPrefix(said, "Exceeded MaxStartups"):
		return fmt.Errorf("%w: %w", host.ErrRefused, ErrBusy)
	case said == "", strings.HasPrefix(said, "Not allowed at this time"): // PerSourcePenalties
		return fmt.Errorf("%w: %w", host.ErrRefused, ErrDropped)
	}
	line, _, _ := strings.Cut(said, "\n")
	return fmt.Errorf("%w: not an SSH server; it said %.80q (%w)", host.ErrRefused, strings.TrimSpace(line), err)
}

// refusal explains which ways in were tried.
func (l *login) refusal(err error) error {
	if l.answers.stopped != nil {
		return l.answers.stopped
	}
	tried := "with keys of the agent and the configuration"
	if l.answers.trial != nil {
		tried = "with the password"
	} else if keys, _ := l.keys.signers(l.ctx, l.hop); len(keys) == 0 {
		tried = "we have no key to offer"
	}
	refused := Refused(l.hop, tried, l.offered)
	if len(l.trouble) > 0 {
		refused = fmt.Errorf("%w (%s)", refused, strings.Join(l.trouble, "; "))
	}
	if errors.Is(err, host.ErrAuth) && !errors.Is(err, errOtherWay) {
		return fmt.Errorf("%w: %s", refused, strings.TrimPrefix(err.Error(), "ssh: handshake failed: "+host.ErrAuth.Error()+": "))
	}
	return refused
}

// ErrNoTicket is wrapped where a server takes Kerberos and there is no ticket for
// it here.
var ErrNoTicket = errors.New("there is no Kerberos ticket here")

// Refused says who was not let in and what was tried, which methods the server
// takes, and what is missing here for Kerberos.
func Refused(h Hop, tried string, offered []string) error {
	err := fmt.Errorf("%w as %s, %s", host.ErrAuth, h.User, tried)
	if len(offered) > 0 {
		err = fmt.Errorf("%w; the server takes %s", err, word.OneLine(strings.Join(offered, ", ")))
	}
	switch {
	case !slices.Contains(offered, gssapi):
		return err
	case h.Kerberos == NoTicket:
		return fmt.Errorf("%w, and %w: kinit gets one", err, ErrNoTicket)
	case h.Kerberos == KerberosOff:
		return fmt.Errorf("%w; for Kerberos the ssh configuration needs GSSAPIAuthentication yes", err)
	default:
		return err
	}
}

// dialError classifies a TCP connection that did not come about.
func dialError(ctx context.Context, err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return reason(ctx, err)
	case errors.As(err, &dns):
		return fmt.Errorf("%w: the name does not resolve: %s", host.ErrUnreachable, dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens on the SSH port", host.ErrRefused)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: no answer to the TCP connection", host.ErrUnreachable)
	default:
		return fmt.Errorf("%w: %w", host.ErrUnreachable, err)
	}
}

// reason is why ctx ended: a limit of ours, or a cancellation, which stays one.
func reason(ctx context.Context, err error) error {
	why := context.Cause(ctx)
	if why == nil {
		return err
	}
	if errors.Is(why, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", host.ErrTimeout, why)
	}
	return why
}
