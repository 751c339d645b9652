package shell

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// Root says whether a script wants to be root.
type Root int

// The three wishes.
const (
	RootNo   Root = iota // stay who we are
	RootTry              // become root if it costs nothing, else go on without
	RootMust             // without root there is nothing to do
)

// Limits bound a run; the zero value of each means its default.
type Limits struct {
	Hello   time.Duration // from the start of the shell to its hello: 15 s
	Section time.Duration // each section: 20 s
	Total   time.Duration // the whole run: 90 s
	Output  int           // bytes kept of each stream of a section: 1 MiB
	Bytes   int64         // bytes read from the host in all: 64 MiB
}

func (l Limits) withDefaults() Limits {
	l.Hello = cmp.Or(l.Hello, 15*time.Second)
	l.Section = cmp.Or(l.Section, 20*time.Second)
	l.Total = cmp.Or(l.Total, 90*time.Second)
	l.Output = cmp.Or(l.Output, 1<<20)
	l.Bytes = cmp.Or(l.Bytes, 64<<20)
	return l
}

// How long we wait for a killed section to end, and between two beats. The
// host's watch gives up after two periods of four seconds.
const (
	grace    = 5 * time.Second
	beatEach = 2 * time.Second
)

// Options are how a script is run.
type Options struct {
	Root   Root
	Become Become
	// User is who logs in, where that is known: root is told no ways to root.
	User string
	// Password is asked for the password of the way to root, only when it is
	// needed; nil when there is none. An error that wraps host.ErrSudo says why
	// there is none for this host.
	Password func(context.Context) (Attempt, error)
	Limits   Limits
	Clock    *Clock // of Limits.Total: Password may ask a person
	Now      func() time.Time
}

// An Answer is what became of one section.
type Answer struct {
	Section string
	host.Output
	Missing      string    // why there is no whole answer; empty when there is
	Began, Ended time.Time // the span in which it came
}

// A Visit is what became of a run.
type Visit struct {
	Root    bool   // whether the sections ran as root
	How     string // how root was got: "login", "sudo", "sudo with a password, on a terminal"; empty without it
	NoRoot  string // why not, when root was wanted
	Answers []Answer

	// Part is what the section had printed within which the run was broken off, for
	// people: its last line may be half of one.
	Part host.Output
}

// A Program is sections made ready to be sent to many hosts.
type Program struct {
	sections []Section
	word     string // of its frames; nobody can print it by accident

	mu     sync.Mutex
	packed map[Kind][]byte // the compressed scripts
}

// Compile makes sections ready.
func Compile(sections []Section) (*Program, error) {
	word, err := randomWord()
	if err != nil {
		return nil, err
	}
	return &Program{sections: sections, word: word, packed: map[Kind][]byte{}}, nil
}

// pack returns the compressed script for hosts of a kind, which is made once.
func (p *Program) pack(kind Kind) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.packed[kind] == nil {
		packed, err := pack(Script(p.word, p.sections, kind, false))
		if err != nil {
			return nil, fmt.Errorf("compress the script: %w", err)
		}
		p.packed[kind] = packed
	}
	return p.packed[kind], nil
}

// Run runs the program in one shell on the host. Its error wraps one of package
// host's sentinels; the answers that came before it are in the Visit.
func (p *Program) Run(ctx context.Context, wire Wire, opts Options) (Visit, error) {
	opts.Limits = opts.Limits.withDefaults()
	ctx, cancel := opts.Clock.WithTimeout(ctx, opts.Limits.Total,
		fmt.Errorf("%w: the whole visit took longer than %s", host.ErrTimeout, opts.Limits.Total))
	defer cancel()
	v, err := p.visit(ctx, wire, opts, false)
	if !errors.Is(err, errTerminal) {
		return v, err
	}
	if v, err = p.visit(ctx, wire, opts, true); !errors.Is(err, host.ErrRefused) || len(v.Answers) > 0 {
		return v, err
	}
	return p.visitWithout(ctx, wire, opts, err)
}

// visit runs the program in a shell, on a terminal if that is wanted.
func (p *Program) visit(ctx context.Context, wire Wire, opts Options, terminal bool) (Visit, error) {
	start := p.start
	if terminal {
		start = p.startTerminal
	}
	r, err := start(ctx, wire, opts)
	if err != nil {
		return Visit{}, err
	}
	defer r.close()
	err = r.conduct(ctx)
	if errors.Is(err, errTerminal) { // servers may allow no second session beside this one
		r.send("exit\n")
		r.awaitEnd(ctx)
	}
	return r.visit, err
}

// visitWithout visits as the login user a host that has no terminal for us.
func (p *Program) visitWithout(ctx context.Context, wire Wire, opts Options, refused error) (Visit, error) {
	why := fmt.Sprintf("root takes a terminal here: %s", host.Reason(refused))
	if opts.Root == RootMust {
		return Visit{NoRoot: why}, fmt.Errorf("%w: %s", host.ErrSudo, why)
	}
	opts.Root = RootNo
	v, err := p.visit(ctx, wire, opts, false)
	v.NoRoot = why
	return v, err
}

func (p *Program) start(ctx context.Context, wire Wire, opts Options) (*run, error) {
	proc, err := wire.Start(ctx, Command)
	if err != nil {
		return nil, err
	}
	return newRun(proc, p, opts, false), nil
}

// Run compiles sections and runs them once.
func Run(ctx context.Context, wire Wire, sections []Section, opts Options) (Visit, error) {
	p, err := Compile(sections)
	if err != nil {
		return Visit{}, err
	}
	return p.Run(ctx, wire, opts)
}

// randomWord makes the word of a run's frames: nobody can print it by accident.
func randomWord() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("random word: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// conduct greets, becomes root if wanted, sends the script and collects. A shell
// that may have to hear a password first is sent plain lines.
func (r *run) conduct(ctx context.Context) error {
	packed := !r.terminal && (r.opts.Root == RootNo || r.opts.Password == nil)
	if r.terminal {
		if err := r.awaitReady(ctx); err != nil {
			return err
		}
	}
	r.sendText(greeting(r.word, r.opts, packed, r.terminal))
	hello, err := r.awaitHello(ctx)
	if err != nil {
		return err
	}
	s := parseStanding(hello)
	if !s.root && r.opts.Root != RootNo {
		if s, err = r.becomeRoot(ctx, s); err != nil {
			return err
		}
	}
	r.visit.Root, r.visit.How = s.root, s.how(r.terminal)
	if err := r.sendScript(s); err != nil {
		return err
	}
	if b, ok := r.proc.(Batcher); ok {
		b.Batch()
	}
	return r.collect(ctx)
}

// sendScript sends the script for this host, compressed where the host waits for
// that.
func (r *run) sendScript(s standing) error {
	if !s.unpacks {
		r.sendText(Script(r.word, r.sections, s.kind, r.terminal))
		return nil
	}
	packed, err := r.pack(s.kind)
	if err != nil {
		return err
	}
	r.put(fmt.Appendf(nil, "%d\n%s", len(packed), packed))
	return nil
}

// awaitHello waits for the shell behind the login to speak.
func (r *run) awaitHello(ctx context.Context) (string, error) {
	timer := time.NewTimer(r.opts.Limits.Hello)
	defer timer.Stop()
	for {
		select {
		case e := <-r.events:
			switch {
			case e.kind == eventHello:
				return e.name, nil
			case e.kind == eventStderr, e.kind == eventStderrEnd:
				r.said(e)
			case e.kind == eventEnd:
				return "", r.noShell(ctx, e.err)
			case e.kind == eventFlood:
				return "", fmt.Errorf("%w: it printed more than %d bytes and no hello", host.ErrRefused, maxNoise)
			}
		case <-timer.C:
			return "", fmt.Errorf("%w: the login shell said nothing for %s%s", host.ErrTimeout, r.opts.Limits.Hello, r.saidInstead())
		case <-ctx.Done():
			return "", cause(ctx)
		}
	}
}

// noShell explains a login that ended before it said hello.
func (r *run) noShell(ctx context.Context, readErr error) error {
	exit, err := r.exit(ctx)
	if readErr == nil {
		readErr = err
	}
	if readErr != nil && errors.Is(readErr, host.ErrLost) {
		return fmt.Errorf("%w before the login shell answered%s", readErr, r.saidInstead())
	}
	if errors.Is(readErr, host.ErrRefused) {
		return readErr
	}
	return fmt.Errorf("%w: the login gives no POSIX shell (exit %d)%s", host.ErrRefused, exit, r.saidInstead())
}

// exit is the exit status of a process whose output has ended, -1 when it goes on
// all the same.
func (r *run) exit(ctx context.Context) (int, error) {
	type end struct {
		exit int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		exit, err := r.proc.Wait()
		ended <- end{exit, err}
	}()
	enough := time.NewTimer(grace)
	defer enough.Stop()
	select {
	case e := <-ended:
		return e.exit, e.err
	case <-enough.C:
	case <-ctx.Done():
	}
	return -1, nil
}

// saidInstead quotes the first line that came in place of what we waited for.
func (r *run) saidInstead() string {
	for line := range strings.Lines(r.greetingNoise()) {
		if line = strings.Trim(line, blank); line != "" {
			return "; it said: " + quoted(line)
		}
	}
	return ""
}

// blank is what says nothing.
const blank = " \t\r\n\v\f\x00"

// maxQuoted is how many characters of a host's line are worth quoting.
const maxQuoted = 200

// quoted quotes a line of the host's, shortened as it shows: what is binary takes
// four characters a byte.
func quoted(line string) string {
	shown := []rune(fmt.Sprintf("%.*q", maxQuoted+1, line))
	if len(shown) <= maxQuoted+len(`""`) {
		return string(shown)
	}
	return string(shown[:maxQuoted]) + `…"`
}

// cause is why ctx ended, as one of package host's sentinels or as the
// cancellation it was.
func cause(ctx context.Context) error {
	err := context.Cause(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", host.ErrTimeout, err)
	}
	return err
}
