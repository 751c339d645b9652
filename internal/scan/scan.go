// Package scan visits many hosts at once and turns each visit into facts.
//
// Each host costs its own deadline and nobody else's; one host's failure never
// stops the rest. What a visit found out before it broke is kept.
package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Target is one host to visit.
type Target struct {
	Name string
	// Access is what is known of the way there before the visit.
	Access inventory.Access
	// Dial connects. Its error wraps one of package host's sentinels.
	Dial func(ctx context.Context) (Link, error)
}

// A Link is a connection to a host.
type Link interface {
	shell.Wire
	// Describe completes what is known of the way there.
	Describe(a inventory.Access) inventory.Access
	Close() error
}

// A describer is an error that knows something of the way to the host all the
// same.
type describer interface {
	Describe(a inventory.Access) inventory.Access
}

// Options are how hosts are visited.
type Options struct {
	ID       string        // of this scan
	Facts    []fact.Fact   // what is asked of each host
	Parallel int           // hosts at once, not counting those slower than Patience; 25 when zero
	Patience time.Duration // how long a visit may take before another begins beside it; 2 s when zero
	Deadline time.Duration // for the visit of one host, from its beginning; 90 s when zero
	Root     shell.Root    // whether root is wanted
	Become   shell.Become  // and how it is got
	Limits   shell.Limits
	Clock    *shell.Clock      // of Deadline and Limits.Total; stands still while somebody is asked
	Stdin    map[string][]byte // what a fact's script reads, by the fact's name
	Now      func() time.Time

	// Password returns what hands out a password for root on the host of this name,
	// where we are logged in as user. Nil when there is none.
	Password func(name, user string) func(context.Context) (shell.Attempt, error)

	// Keep is given the connection of each host whose visit had no error, and has to
	// close it; it is called by several at once. When it is nil, each is closed.
	Keep func(name string, l Link)

	// Began is told of each host as its visit begins; it must not block.
	Began func(name string)
	// Ended stores the hosts whose visits have ended since the last call; it is never
	// called twice at once. Its error ends the scan.
	Ended func([]inventory.Host) error
}

const (
	defaultParallel = 25
	defaultDeadline = 90 * time.Second
	defaultPatience = 2 * time.Second

	// waiting is how many times as many hosts as Parallel are visited at most, those
	// that keep us waiting included: each holds a connection and some memory.
	waiting = 4
)

// Run visits the targets. What went wrong with one host is the class and the reason
// that it ends with. An error means that the scan as a whole was cancelled, that
// Ended failed, or that the facts' scripts cannot be put together.
func Run(ctx context.Context, targets []Target, opts Options) error {
	if opts.Parallel <= 0 {
		opts.Parallel = defaultParallel
	}
	if opts.Deadline <= 0 {
		opts.Deadline = defaultDeadline
	}
	if opts.Patience <= 0 {
		opts.Patience = defaultPatience
	}
	sections := Sections(opts.Facts)
	for n, s := range sections {
		sections[n].Stdin = opts.Stdin[s.Name]
	}
	program, err := shell.Compile(sections)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan inventory.Host, opts.Parallel)
	go func() {
		defer close(ended)
		inTurn(targets, opts, func(t Target) {
			if ctx.Err() != nil {
				return
			}
			h := visit(ctx, t, program, opts)
			if ctx.Err() == nil || h.Class == host.ClassOK { // otherwise its end says nothing about the host
				ended <- h
			}
		})
	}()
	var failed error
	for h := range ended {
		if failed != nil {
			continue
		}
		if failed = opts.Ended(append([]inventory.Host{h}, followers(ended)...)); failed != nil {
			cancel(failed)
		}
	}
	return context.Cause(ctx)
}

// inTurn calls do for each target, for Parallel of them at once. A target that
// keeps us waiting makes room for another: otherwise a few hosts that hang would
// take all the room, one after the other, and those that come last would begin
// when the others had long ended.
func inTurn(targets []Target, opts Options, do func(Target)) {
	var workers errgroup.Group
	workers.SetLimit(waiting * opts.Parallel)
	room := make(chan struct{}, opts.Parallel)
	for _, t := range targets {
		room <- struct{}{}
		leave := sync.OnceFunc(func() { <-room })
		workers.Go(func() error {
			defer leave()
			defer time.AfterFunc(opts.Patience, leave).Stop()
			do(t)
			return nil
		})
	}
	_ = workers.Wait()
}

// together is how long a finished visit waits to be kept with others that finish,
// while there are any: each keeping costs a write to the disk of its own.
const together = 200 * time.Millisecond

// followers are the hosts that end shortly after another, until none is left.
func followers(ended <-chan inventory.Host) []inventory.Host {
	enough := time.NewTimer(together)
	defer enough.Stop()
	var hosts []inventory.Host
	for {
		select {
		case h, ok := <-ended:
			if !ok {
				return hosts
			}
			hosts = append(hosts, h)
		case <-enough.C:
			return hosts
		}
	}
}

// visit looks at one host, within its deadline.
func visit(ctx context.Context, t Target, program *shell.Program, opts Options) inventory.Host {
	opts.Began(t.Name)
	began := opts.Now()
	ctx, cancel := opts.Clock.WithTimeout(ctx, opts.Deadline,
		fmt.Errorf("%w: the visit took longer than %s", host.ErrTimeout, opts.Deadline))
	defer cancel()

	h := inventory.Host{Name: t.Name, Access: t.Access, Scan: opts.ID}
	err := look(ctx, t, program, opts, &h)
	h.Visited = opts.Now()
	h.Took = h.Visited.Sub(began)
	if !h.Seen.IsZero() {
		h.Class, h.Reason = completeness(h, opts.Facts, err)
		return h
	}
	h.Class, h.Reason = host.Classify(err), host.Reason(err)
	if h.Class.Reached() { // the link broke before it let us look
		h.Class = host.ClassRefused
	}
	return h
}

// look connects and asks; h.Seen is set once the host let us look.
func look(ctx context.Context, t Target, program *shell.Program, opts Options, h *inventory.Host) (err error) {
	link, err := t.Dial(ctx)
	if err != nil {
		var seen describer
		if errors.As(err, &seen) {
			h.Access = seen.Describe(t.Access)
		}
		return err
	}
	defer func() {
		if err == nil && opts.Keep != nil {
			opts.Keep(t.Name, link)
			return
		}
		_ = link.Close()
	}()
	h.Access = link.Describe(t.Access)
	shellOpts := shell.Options{Root: opts.Root, Become: opts.Become, User: h.Access.User, Limits: opts.Limits, Clock: opts.Clock, Now: opts.Now}
	if opts.Password != nil {
		shellOpts.Password = opts.Password(h.Name, h.Access.User)
	}
	v, err := program.Run(ctx, link, shellOpts)
	if len(v.Answers) == 0 {
		return cmp.Or(err, errNothing)
	}
	h.Root, h.Access.Root = v.Root, v.How
	h.Seen = opts.Now()
	h.Facts = read(opts.Facts, v, err, h.Seen)
	h.NoRoot = v.NoRoot
	return err
}

// errNothing is a visit that asked nothing and went well.
var errNothing = fmt.Errorf("%w: it was asked for no facts", host.ErrRefused)

// completeness tells a whole visit from a partial one, and names what is
// missing.
func completeness(h inventory.Host, facts []fact.Fact, err error) (host.Class, string) {
	var missing []string
	for _, f := range facts {
		if f.Status(&h.Facts).State == fact.Unknown {
			missing = append(missing, f.Name)
		}
	}
	var why []string
	if err != nil {
		why = append(why, host.Reason(err))
	}
	if len(missing) > 0 {
		why = append(why, "not read: "+strings.Join(missing, ", "))
	}
	if len(why) == 0 {
		return host.ClassOK, ""
	}
	if h.NoRoot != "" {
		why = append(why, "without root: "+h.NoRoot)
	}
	return host.ClassPartial, strings.Join(why, "; ")
}
