package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/scan"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type scanOptions struct {
	reach          reachOptions
	files          []string
	fromSSHConfig  bool
	fromKnownHosts bool
	fromNetBox     bool
	notVisited     bool
	retryFailed    bool
	fresh          bool
	dryRun         bool
	yes            bool
	parallel       int
	deadline       time.Duration
	probeTimeout   time.Duration
	partOfMore     bool // another command goes on from here: no table, no next steps
	deep           bool // ask the services too
	stdin          map[string][]byte
}

// facts are what is asked of each host.
func (o scanOptions) facts() []fact.Fact {
	if o.deep {
		return fact.All()
	}
	return fact.Shallow()
}

func newScanCmd(a *app) *cobra.Command {
	var opts scanOptions
	cmd := &cobra.Command{
		Use:     "scan [TARGET...]",
		GroupID: groupLook,
		Short:   "Look at many hosts at once over SSH and store what they are",
		Long: `Look at many hosts at once: one connection and one shell each, nothing written
there, every step bounded in time and output.

A TARGET is a host of your ssh configuration, [user@]host[:port], or a range like
10.0.1.0/28. Of a range only addresses that answer are kept. A host that is named
twice is visited once, as the user that was named first. Without a target the hosts
already known are looked at again. A scan that was interrupted goes on where
it stopped: hosts it had finished are not visited again, unless --fresh is given.

Keys, the agent, bastions (ProxyJump) and names come from your ssh configuration.
Host keys are checked against the incident's known_hosts, then yours; a new one is
shown and asked about, a changed one stops its host.

EXIT STATUS
  0    every host was reached
  1    the scan could not be done or its results could not be kept
  2    usage
  10   some hosts were not reached; nightcall scan --retry-failed tries those again
  11   stopped by nightcall stop
  130  cancelled`,
		Example: `  nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28
  nightcall scan -f hosts.txt --from-ssh-config --accept-new
  nightcall scan --retry-failed -k
  secret-tool lookup nightcall kim | nightcall scan -k    # a password from the keyring`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runScan(cmd.Context(), a, opts, args)
		},
		ValidArgsFunction: a.completeTargets(&opts.reach),
	}
	opts.flags(cmd)
	return cmd
}

func (o *scanOptions) flags(cmd *cobra.Command) {
	o.reach.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&o.files, "file", "f", nil, "file of targets, one a line; - is standard input (may be repeated)")
	f.BoolVar(&o.fromSSHConfig, "from-ssh-config", false, "add every host the ssh configuration names")
	f.BoolVar(&o.fromKnownHosts, "from-known-hosts", false, "add every host ~/.ssh/known_hosts names")
	f.BoolVar(&o.fromNetBox, "from-netbox", false, "add every machine that NetBox knows, or did at the last nightcall netbox pull when it is not told where to find one or gets no answer")
	f.BoolVar(&o.notVisited, "not-visited", false, "add the private addresses that known hosts talk to and nobody has visited")
	f.BoolVar(&o.retryFailed, "retry-failed", false, "visit exactly the hosts whose last visit was not ok")
	f.BoolVar(&o.fresh, "fresh", false, "visit every target, also those an interrupted scan had finished")
	f.BoolVar(&o.dryRun, "dry-run", false, "say which hosts would be visited and how, and connect to none")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask: ranges over 4096 addresses are meant")
	f.IntVar(&o.parallel, "parallel", 25, "hosts at once, beside those that have kept us waiting for 2 s")
	f.DurationVar(&o.deadline, "deadline", 90*time.Second, "longest visit of one host, login included, without the time you type")
	f.DurationVar(&o.probeTimeout, "probe-timeout", 20*time.Second, "longest single probe")
}

func runScan(ctx context.Context, a *app, opts scanOptions, args []string) error {
	if opts.parallel < 1 {
		return usageError("nightcall scan --parallel 25", "--parallel %d: at least one host at a time", opts.parallel)
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	r, err := i.newReach(ctx, opts.reach)
	if err != nil {
		return err
	}
	defer r.Close()
	s := &scanRun{app: a, incident: i, reach: r, opts: opts, counts: map[host.Class]int{}, swept: map[string]bool{}}
	targets, err := s.targets(ctx, args)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		s.say("every host's last visit was ok; there is nothing to try again")
	}
	if opts.dryRun {
		return s.plan(targets)
	}
	if len(targets) == 0 {
		return s.finish()
	}
	ctx, done, err := i.atWork(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.run(ctx, targets); err != nil {
		return goingOn(err)
	}
	return s.finish()
}

// goingOn says what to do after a cancelled scan.
func goingOn(err error) error {
	var known *cliError
	if errors.As(err, &known) || !errors.Is(err, context.Canceled) {
		return err
	}
	return withHint(err, "the same command goes on where this one stopped")
}

// A scanRun is one scan command at work.
type scanRun struct {
	app      *app
	incident *openIncident
	reach    *reach
	opts     scanOptions
	progress *progress
	links    *keptLinks // takes over the connections; nil closes them

	id     string
	swept  map[string]bool // names of addresses that only a range named
	hosts  []inventory.Host
	silent int // addresses of ranges where nothing answered
	counts map[host.Class]int
}

func (s *scanRun) say(format string, args ...any) {
	fmt.Fprintf(s.app.io.Err, format+"\n", args...)
}

// run visits the targets, each result durable before the next is announced.
func (s *scanRun) run(ctx context.Context, targets []routed) error {
	targets, err := s.resume(ctx, targets)
	if err != nil {
		return err
	}
	targets = s.sweep(ctx, targets)
	if err := s.confirmKeys(ctx, targets); err != nil {
		return err
	}
	if s.app.io.InTTY {
		if err := s.reach.askAhead(ctx, routesOf(targets)); err != nil {
			return err
		}
	}
	s.spareLaptop()
	began := s.app.now()
	s.progress = newProgress(s.app.io, len(targets), s.app.now)
	s.reach.ask, s.reach.life = holding(s.progress, s.reach.ask), ctx
	err = scan.Run(ctx, unrouted(targets), scan.Options{
		ID: s.id, Facts: s.opts.facts(), Parallel: s.opts.parallel, Deadline: s.opts.deadline,
		Root: s.opts.reach.wanted(), Become: s.opts.reach.become.Become, Password: s.reach.rootPassword,
		Limits: shell.Limits{Section: s.opts.probeTimeout, Total: s.opts.deadline},
		Clock:  &s.reach.clock,
		Now:    s.app.now,
		Stdin:  s.opts.stdin,
		Keep:   s.links.keeper(),
		Began:  s.progress.hostBegan,
		Ended:  func(hosts []inventory.Host) error { return s.keep(ctx, hosts) },
	})
	s.progress.close()
	return errors.Join(err, s.close(ctx, began, err))
}

// spareLaptop goes easy on the laptop, which has a board, a call and a browser to carry beside
// us. Garbage lies while there is room: a scan lives for seconds. And one
// processor for a hundred hosts at once is plenty: a scan waits for hosts, and
// with more of them most of our time would go into waking each other up.
func (s *scanRun) spareLaptop() {
	debug.SetGCPercent(1600)
	debug.SetMemoryLimit(96 << 20)
	if s.app.getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.NumCPU(), 1+s.opts.parallel/100))
	}
}

// resume goes on with a scan that was interrupted, when it had the same targets;
// otherwise it begins a new one.
func (s *scanRun) resume(ctx context.Context, targets []routed) ([]routed, error) {
	names := make([]string, len(targets))
	for n, t := range targets {
		names[n] = t.Name
	}
	last, err := s.incident.DB.LastScan(ctx)
	if err != nil {
		return nil, err
	}
	if !s.opts.fresh && last.ID != "" && !last.Finished && slices.Equal(last.Targets, names) {
		s.id = last.ID
		rest := slices.DeleteFunc(targets, func(t routed) bool { return slices.Contains(last.Done, t.Name) })
		s.say("going on with the scan that was interrupted: %d of %d hosts are left (--fresh begins anew)", len(rest), len(names))
		return rest, nil
	}
	s.id = ulid.Make().String()
	if err := s.incident.Append(ctx, timeline.ScanStarted, "", timeline.ScanStart{Scan: s.id, Targets: names}); err != nil {
		return nil, err
	}
	return targets, s.incident.DB.StartScan(ctx, s.id, names, s.app.now())
}

// keep stores results, each with its entry of the timeline, before anybody is
// told of them.
func (s *scanRun) keep(ctx context.Context, hosts []inventory.Host) error {
	var visits []sqlite.Visit
	for _, h := range hosts {
		if s.nobody(h) {
			s.silent++
			s.progress.hostEnded(h, false)
			continue
		}
		entry, err := s.incident.entry(timeline.HostScanned, h.Name, timeline.HostVisit{
			Scan: s.id, Class: string(h.Class), Reason: h.Reason, Took: h.Took, Root: h.Root,
		})
		if err != nil {
			return err
		}
		visits = append(visits, sqlite.Visit{Host: h, Entries: []timeline.Entry{entry}})
	}
	// What was seen is kept, also when the scan is cancelled.
	if err := s.incident.DB.SaveVisits(context.WithoutCancel(ctx), visits); err != nil {
		return err
	}
	for _, v := range visits {
		v.Host.Facts = fact.Set{} // stored; a thousand of them need not stay in memory
		s.hosts = append(s.hosts, v.Host)
		s.counts[v.Host.Class]++
		s.progress.hostEnded(v.Host, true)
	}
	return nil
}

// nobody reports whether a result is of an address that only a range named, and
// that has fallen silent since it was swept.
func (s *scanRun) nobody(h inventory.Host) bool {
	return s.swept[h.Name] && h.Class == host.ClassUnreachable
}

// close writes down how the scan ended. A cancelled one stays open, to be gone on
// with.
func (s *scanRun) close(ctx context.Context, began time.Time, err error) error {
	end := timeline.ScanEnd{Scan: s.id, Classes: map[string]int{}, Took: s.app.now().Sub(began)}
	for class, n := range s.counts {
		end.Classes[string(class)] = n
	}
	if err != nil {
		end.Stopped = err.Error()
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.incident.Append(ctx, timeline.ScanFinished, "", end); err != nil {
		return err
	}
	if err != nil {
		return nil
	}
	return s.incident.DB.FinishScan(ctx, s.id, s.app.now())
}

// holding takes the progress block off the screen while ask asks.
func holding(p *progress, ask func(context.Context, string) (string, error)) func(context.Context, string) (string, error) {
	return func(ctx context.Context, prompt string) (answer string, err error) {
		p.hold(func() { answer, err = ask(ctx, prompt) })
		return answer, err
	}
}
