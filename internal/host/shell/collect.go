package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A collector joins what belongs together: a section's two outputs, and the
// reason why it has none.
type collector struct {
	*run
	current string                 // the section that runs now
	pid     int                    // its process on the host
	limit   *time.Timer            // its deadline, then its grace
	missing string                 // why the current section will have no whole answer
	killed  int                    // the last process that we had killed
	stderr  map[string]host.Output // standard errors that came first
	held    []Answer               // answers that wait for their standard error
	through bool                   // the host said it is done
	mute    bool                   // its standard error ended: no more will come
}

// collect gathers the answers of the script, kills sections that are out of
// time, and keeps the host's watch awake.
func (r *run) collect(ctx context.Context) error {
	c := &collector{run: r, stderr: map[string]host.Output{}, mute: r.silent}
	beat := time.NewTicker(beatEach)
	defer beat.Stop()
	for !c.through || len(c.held) > 0 {
		select {
		case e := <-r.events:
			if err := c.take(e); err != nil {
				return c.stop(err)
			}
		case <-c.deadline():
			if err := c.expire(); err != nil {
				return c.stop(err)
			}
		case <-beat.C:
			r.send("beat\n")
		case <-ctx.Done():
			return c.stop(cause(ctx))
		}
	}
	return nil
}

func (c *collector) deadline() <-chan time.Time {
	if c.limit == nil {
		return nil
	}
	return c.limit.C
}

func (c *collector) take(e event) error {
	switch e.kind {
	case eventBegin:
		c.current, c.pid, c.missing = e.name, e.pid, ""
		c.limit = time.NewTimer(c.section(e.name).Time)
	case eventStdout:
		c.finish(e.out)
	case eventSkip:
		c.visit.Answers = append(c.visit.Answers, e.out)
	case eventStderr:
		c.stderr[e.name] = e.out.Output
		c.release()
	case eventDone:
		c.through = true
	case eventFlood:
		return fmt.Errorf("%w: %w than %d bytes", host.ErrRefused, ErrFlood, c.opts.Limits.Bytes)
	case eventEnd:
		if !c.through {
			return fmt.Errorf("%w: the host closed it before the end", host.ErrLost)
		}
	case eventStderrEnd:
		c.mute = true
		c.release()
	}
	return nil
}

// finish takes the end of the current section. Our word to kill the one before, in
// the same process, may have come late and ended this one.
func (c *collector) finish(a Answer) {
	if c.missing == "" && a.Exit > 128 && c.pid == c.killed {
		c.missing = "ended with the one before, whose time was up"
	}
	a.Missing, a.Root, a.Took = c.missing, c.visit.Root, a.Ended.Sub(a.Began)
	c.current, c.limit, c.missing = "", nil, ""
	c.held = append(c.held, a)
	c.release()
}

// release moves the answers that are whole, in order, to the visit.
func (c *collector) release() {
	for len(c.held) > 0 {
		a := c.held[0]
		if c.section(a.Section).Stderr {
			out, ok := c.stderr[a.Section]
			if !ok && !c.mute {
				return
			}
			a.Stderr, a.StderrDropped = out.Stderr, out.StderrDropped
		}
		c.visit.Answers = append(c.visit.Answers, a)
		c.held = c.held[1:]
	}
}

// expire ends a section that is out of time: first on the host, through the
// control line; when that does not help within the grace, by ending the visit.
func (c *collector) expire() error {
	if c.missing != "" {
		return fmt.Errorf("%w: %s hangs and cannot be ended", host.ErrTimeout, c.current)
	}
	c.missing = fmt.Sprintf("timed out after %s", c.section(c.current).Time)
	c.limit = time.NewTimer(grace)
	c.killed = c.pid
	c.send(fmt.Sprintf("kill %d\n", c.pid))
	return nil
}

// ErrFlood is the reason why a host that prints without end is left.
var ErrFlood = errors.New("it printed more")

// stop keeps what there is: the sections that did not end have err as their
// reason.
func (c *collector) stop(err error) error {
	c.mute = true
	c.release()
	if c.current != "" {
		reason := c.missing
		if reason == "" {
			reason = err.Error()
		}
		c.visit.Answers = append(c.visit.Answers, Answer{Section: c.current, Missing: reason})
		if out := c.captured(); out != nil {
			c.visit.Part.Stdout, c.visit.Part.StdoutDropped = out.Bytes(), out.dropped
		}
	}
	return err
}

// section finds a section by name, with its limit resolved. Unknown names come
// only from a host that makes up frames of its own; they get the default.
func (c *collector) section(name string) Section {
	found := Section{Name: name}
	for _, s := range c.sections {
		if s.Name == name {
			found = s
			break
		}
	}
	found.Time = cmp.Or(found.Time, c.opts.Limits.Section)
	return found
}
