package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
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
10.0.1.0/28. Of a range only addresses that answer are kept. Without a target the
hosts already known are looked at again. A scan that was interrupted goes on where
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
	f.DurationVar(&o.deadline, "deadline", 90*time.Second, "longest visit of one host, login included")
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

// targets is what the command line means, resolved to routes.
func (s *scanRun) targets(ctx context.Context, args []string) ([]routed, error) {
	named := len(args) > 0 || len(s.opts.files) > 0 || s.opts.fromSSHConfig || s.opts.fromKnownHosts || s.opts.fromNetBox || s.opts.notVisited
	switch {
	case s.opts.retryFailed && named:
		return nil, usageError("nightcall scan --retry-failed", "--retry-failed chooses the hosts itself; name no targets")
	case s.opts.retryFailed:
		return s.knownHosts(ctx, func(h inventory.Host) bool { return h.Class != host.ClassOK })
	case !named:
		return s.knownHosts(ctx, func(inventory.Host) bool { return true })
	}
	list := targetList{big: s.opts.yes}
	for _, arg := range args {
		if err := list.add(arg); err != nil {
			return nil, err
		}
	}
	for _, name := range s.opts.files {
		if err := list.addFile(s.app, name); err != nil {
			return nil, err
		}
	}
	if s.opts.fromSSHConfig {
		if err := list.addSSHConfig(s.reach.config); err != nil {
			return nil, err
		}
	}
	if s.opts.fromKnownHosts {
		if err := s.addKnownHosts(&list); err != nil {
			return nil, err
		}
	}
	if s.opts.fromNetBox {
		if err := s.addNetBox(ctx, &list); err != nil {
			return nil, err
		}
	}
	if s.opts.notVisited {
		if err := s.addNotVisited(ctx, &list); err != nil {
			return nil, err
		}
	}
	if len(list.targets) == 0 {
		return nil, usageError("nightcall scan web1 10.0.1.0/28", "there is no target in what you named")
	}
	return s.resolve(ctx, list.targets)
}

// addNetBox takes every machine that NetBox knows, by the name it has there.
func (s *scanRun) addNetBox(ctx context.Context, list *targetList) error {
	hosts, err := s.incident.netboxHosts(ctx)
	for _, h := range hosts {
		list.addTarget(target{Target: ssh.Target{Host: h.Access.Address}, Named: h.Name})
	}
	return err
}

func (s *scanRun) addNotVisited(ctx context.Context, list *targetList) error {
	fleet, err := s.incident.Fleet(ctx)
	if err != nil {
		return err
	}
	for _, a := range inventory.NotVisited(fleet) {
		if err := list.add(a.Addr.String()); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanRun) addKnownHosts(list *targetList) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("home directory: %w", err)
	}
	hashed, err := list.addKnownHosts(home)
	if hashed > 0 {
		s.say("known_hosts: %d names are hashed and cannot be read back", hashed)
	}
	return err
}

func (s *scanRun) resolve(ctx context.Context, named []target) ([]routed, error) {
	hosts, err := s.incident.DB.Roster(ctx)
	if err != nil {
		return nil, err
	}
	wires := map[string]string{} // that hosts were reached by, by name
	for _, h := range hosts {
		wires[h.Name] = h.Access.Wire
	}
	var targets []routed
	for _, t := range named {
		st, err := s.reach.target(ctx, t, wires[t.name()])
		if err != nil {
			return nil, err
		}
		s.swept[st.Name] = t.Swept
		targets = append(targets, st)
	}
	return targets, nil
}

// knownHosts takes hosts of the inventory.
func (s *scanRun) knownHosts(ctx context.Context, want func(inventory.Host) bool) ([]routed, error) {
	hosts, err := s.incident.DB.Roster(ctx)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, usageError("nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28", "this incident knows no host yet; name some")
	}
	var targets []routed
	for _, h := range hosts {
		if !want(h) {
			continue
		}
		t, err := s.reach.known(ctx, h)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// plan prints who would be visited.
func (s *scanRun) plan(targets []routed) error {
	if s.app.json {
		accesses := make(map[string]inventory.Access, len(targets))
		for _, t := range targets {
			accesses[t.Name] = t.Access
		}
		return printJSON(s.app.io, map[string]any{"targets": accesses})
	}
	table := newTable(s.app.io, "HOST", "ADDRESS", "PORT", "USER", "THROUGH")
	for _, t := range targets {
		var through []string
		for _, hop := range t.Access.Jump {
			through = append(through, hop.Alias)
		}
		table.row(t.Name, t.Access.Address, fmt.Sprint(t.Access.Port), t.Access.User, strings.Join(through, " -> "))
	}
	return table.flush()
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
	s.reach.ask = holding(s.progress, s.reach.ask)
	err = scan.Run(ctx, unrouted(targets), scan.Options{
		ID: s.id, Facts: s.opts.facts(), Parallel: s.opts.parallel, Deadline: s.opts.deadline,
		Root: s.opts.reach.wanted(), Become: s.opts.reach.become.Become, Password: s.reach.rootPassword,
		Limits: shell.Limits{Section: s.opts.probeTimeout, Total: s.opts.deadline},
		Now:    s.app.now,
		Stdin:  s.opts.stdin,
		Keep:   s.links.keeper(),
		Began:  s.progress.hostBegan,
		Ended:  func(hosts []inventory.Host) error { return s.keep(ctx, hosts) },
	})
	s.progress.close()
	return errors.Join(err, s.close(ctx, began, err))
}

// routesOf are the ways to the targets.
func routesOf(targets []routed) []ssh.Route {
	routes := make([]ssh.Route, len(targets))
	for n, t := range targets {
		routes[n] = t.route
	}
	return routes
}

// unrouted is what the scan needs of targets.
func unrouted(targets []routed) []scan.Target {
	out := make([]scan.Target, len(targets))
	for n, t := range targets {
		out[n] = t.Target
	}
	return out
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

// sweep drops the addresses of ranges where nothing answers.
func (s *scanRun) sweep(ctx context.Context, targets []routed) []routed {
	var routes []ssh.Route
	for _, t := range targets {
		if s.swept[t.Name] {
			routes = append(routes, t.route)
		}
	}
	if len(routes) == 0 {
		return targets
	}
	s.say("looking which of %d addresses answer", len(routes))
	answers := ssh.Sweep(ctx, routes)
	next := 0
	return slices.DeleteFunc(targets, func(t routed) bool {
		if !s.swept[t.Name] {
			return false
		}
		next++
		if !answers[next-1] {
			s.silent++
		}
		return !answers[next-1]
	})
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

// finish prints the result and chooses the exit status.
func (s *scanRun) finish() error {
	slices.SortFunc(s.hosts, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	if err := s.print(); err != nil {
		return err
	}
	missed := 0
	for class, n := range s.counts {
		if !class.Reached() {
			missed += n
		}
	}
	if !s.app.json {
		s.summarise(missed)
	}
	if missed > 0 {
		return exitWith(exitNotReached)
	}
	return nil
}

// A scannedHost is a host in the JSON of a scan.
type scannedHost struct {
	Name   string     `json:"name"`
	Class  host.Class `json:"class"`
	Reason string     `json:"reason"`
	Root   bool       `json:"root"`
	TookMS int64      `json:"took_ms"`
}

func (s *scanRun) print() error {
	if s.app.json && !s.opts.partOfMore {
		hosts := []scannedHost{}
		for _, h := range s.hosts {
			hosts = append(hosts, scannedHost{h.Name, h.Class, h.Reason, h.Root, h.Took.Milliseconds()})
		}
		return printJSON(s.app.io, map[string]any{"scan": s.id, "hosts": hosts, "classes": s.counts, "silent_addresses": s.silent})
	}
	if s.opts.partOfMore || s.app.io.OutTTY && s.app.io.ErrTTY {
		return nil // the progress lines have told it
	}
	table := newTable(s.app.io, "HOST", "CLASS", "ROOT", "TOOK", "REASON")
	for _, h := range s.hosts {
		table.row(h.Name, string(h.Class), yesNo(h.Root), h.Took.Round(time.Millisecond).String(), h.Reason)
	}
	return table.flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (s *scanRun) summarise(missed int) {
	if len(s.hosts) > 0 {
		s.say("%s: %s", plural(len(s.hosts), "host"), classCounts(s.counts))
	}
	if s.silent > 0 {
		s.say("%d addresses of the ranges did not answer and are not kept", s.silent)
	}
	if s.opts.partOfMore {
		return
	}
	if missed > 0 {
		s.say("again for those: nightcall scan --retry-failed")
	}
	for _, class := range []host.Class{host.ClassHostKey, host.ClassAuth, host.ClassSudo} {
		if s.counts[class] > 0 {
			s.say("nightcall: hint: %s", hintForClass(class))
		}
	}
	if len(s.hosts) > missed {
		s.say("next: nightcall findings")
	}
}

// holding takes the progress block off the screen while ask asks.
func holding(p *progress, ask func(context.Context, string) (string, error)) func(context.Context, string) (string, error) {
	return func(ctx context.Context, prompt string) (answer string, err error) {
		p.hold(func() { answer, err = ask(ctx, prompt) })
		return answer, err
	}
}
