package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/knock"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type doorsOptions struct {
	reach    reachOptions
	from     []string
	to       string
	again    bool
	timeout  time.Duration
	parallel int
	dryRun   bool
	kept     bool
	quiet    bool // say how many fail, and print nothing
	silent   bool // not even that
}

func newReachCmd(a *app) *cobra.Command {
	var opts doorsOptions
	cmd := &cobra.Command{
		Use:     "reach",
		GroupID: groupLook,
		Short:   "Test from inside each host whether it reaches the services it needs",
		Long: `Test, from inside each host, whether it can connect to every service that it or one of
its siblings uses. The host's own SSH server makes the connection, so that nothing is
needed there; where it forwards nothing, bash or nc on the host does. Nothing is sent
to a service; what it says by itself is shown.

The outcome is open; closed (accepted, and hung up at once); refused; timeout; no route;
no name; or unclear, where nobody could find out. Results are kept: findings and
diagrams show them. --again repeats the last tests and prints what is different now.
--last prints what is known without connecting to anything: of each service that a host
needs, the outcome of the last test; or, where the hosts were looked at since, "seen" for
a connection and "no answer" for a call in vain; a dash where nobody has tested it.

EXIT STATUS
  0    tested, whatever came out
  1    there is nothing to test, or the incident cannot be written
  2    usage; no such host
  10   some hosts were not reached
  11   stopped by nightcall stop
  130  cancelled`,
		Example: `  nightcall reach
  nightcall reach --dry-run
  nightcall reach --from be2 --to db1:3306
  nightcall reach --again
  nightcall reach --last --json | jq '.reach[] | select(.outcome == "timeout")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReach(cmd.Context(), a, opts) },
	}
	opts.reach.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&opts.from, "from", nil, "only from these hosts")
	f.StringVar(&opts.to, "to", "", "only to this host, or to this host:port whoever uses it")
	f.BoolVar(&opts.again, "again", false, "repeat the last tests and print what is different")
	f.BoolVar(&opts.dryRun, "dry-run", false, "say what would be tested from where, and connect to nothing")
	f.BoolVar(&opts.kept, "last", false, "print what the last tests said, and connect to nothing")
	cmd.MarkFlagsMutuallyExclusive("last", "again")
	cmd.MarkFlagsMutuallyExclusive("last", "dry-run")
	f.DurationVar(&opts.timeout, "timeout", 5*time.Second, "longest wait for one connection")
	f.IntVar(&opts.parallel, "parallel", 25, "hosts at once")
	_ = cmd.RegisterFlagCompletionFunc("from", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	return cmd
}

func runReach(ctx context.Context, a *app, opts doorsOptions) error {
	if opts.timeout <= 0 || opts.parallel < 1 {
		return usageError("nightcall reach --timeout 5s", "--timeout and --parallel must be above zero")
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	fleet, m, err := i.Map(ctx)
	if err != nil {
		return err
	}
	doors, err := opts.doors(fleet, m)
	if err != nil {
		return err
	}
	if opts.kept {
		return opts.printKept(a, m)
	}
	if len(doors) == 0 {
		return opts.nothing()
	}
	if opts.dryRun {
		return a.printDoors(doors)
	}
	r, err := i.newReach(ctx, opts.reach)
	if err != nil {
		return err
	}
	defer r.Close()
	ctx, done, err := i.atWork(ctx)
	if err != nil {
		return err
	}
	defer done()
	t := &doorTest{app: a, incident: i, reach: r, opts: opts, run: ulid.Make().String(), last: map[link.Door]string{}}
	for _, d := range doors {
		t.last[d] = lastOutcome(m.Tests, d)
	}
	return t.everywhere(ctx, fleet, doors)
}

// printDoors says what would be tested.
func (a *app) printDoors(doors []link.Door) error {
	if a.json {
		return printJSON(a.io, map[string]any{"doors": doors})
	}
	table := newTable(a.io, "FROM", "TO", "PORT", "SERVICE", "ADDRESS")
	for _, d := range doors {
		table.row(d.From, d.To, portText(d.Port), dash(link.TitleOf(d.Kind)), d.Address)
	}
	return table.flush()
}

// printKept prints what is known of the doors that are asked for.
func (o doorsOptions) printKept(a *app, m link.Map) error {
	all := slices.DeleteFunc(m.Reach(m.Groups()), func(r link.Reach) bool { return !o.wanted(r.Door) })
	if a.json {
		return printJSON(a.io, map[string]any{"reach": all})
	}
	if len(all) == 0 {
		a.say("nightcall: hint: no host is known to need a service: nightcall scan, or nightcall reach --from web1 --to db1:3306")
	}
	table := newTable(a.io, "FROM", "TO", "PORT", "SERVICE", "OUTCOME", "AT")
	for _, r := range all {
		table.row(r.From, r.To, portText(r.Port), dash(link.TitleOf(r.Kind)), dash(r.Outcome), stamp(r.At))
	}
	return table.flush()
}

// wanted reports whether the flags ask for a door; --to was read already.
func (o doorsOptions) wanted(d link.Door) bool {
	to, port, _ := hostPort(o.to)
	return (len(o.from) == 0 || slices.Contains(o.from, d.From)) && (to == "" || d.To == to || d.Address == to) && (port == 0 || d.Port == port)
}

// doors are those to knock at.
func (o doorsOptions) doors(fleet inventory.Fleet, m link.Map) ([]link.Door, error) {
	for _, name := range o.from {
		if _, ok := fleet.Find(name); !ok {
			return nil, unknownHost(fleet, name)
		}
	}
	doors := m.Doors(m.Groups())
	to, port, err := hostPort(o.to)
	if err != nil {
		return nil, usageError("nightcall reach --to db1:3306", "%w", err)
	}
	if to != "" && port != 0 {
		doors = append(doors, o.asked(m, doors, to, port)...)
	}
	return slices.DeleteFunc(doors, func(d link.Door) bool {
		return !o.wanted(d) || o.again && lastOutcome(m.Tests, d) == ""
	}), nil
}

// nothing is why there is nothing to test.
func (o doorsOptions) nothing() error {
	to, port, _ := hostPort(o.to)
	switch {
	case o.again:
		return withHint(errors.New("there is nothing to repeat: none of this was tested before"), "nightcall reach")
	case to != "" && port != 0 && len(o.from) == 0:
		return withHint(fmt.Errorf("there is nothing to test: no host is known to use %s", o.to), "nightcall reach --from web1 --to %s; nightcall links shows who uses what", o.to)
	case to != "":
		return withHint(fmt.Errorf("there is nothing to test: nobody is known to use a service of %s", to), "nightcall reach --from web1 --to %s:3306; nightcall links shows who uses what", to)
	case len(o.from) > 0:
		return withHint(fmt.Errorf("there is nothing to test: %s is not known to use a service", strings.Join(o.from, ", ")), "nightcall reach --from %s --to db1:3306", o.from[0])
	}
	return withHint(errors.New("there is nothing to test: no host is known to use a service"), "nightcall scan, or nightcall reach --from web1 --to db1:3306")
}

// asked are the doors that only the command line names.
func (o doorsOptions) asked(m link.Map, doors []link.Door, to string, port int) []link.Door {
	address := to
	if n, ok := m.Node(to); ok {
		address = n.Address
	}
	var out []link.Door
	for _, from := range o.from {
		known := func(d link.Door) bool { return d.From == from && (d.To == to || d.Address == to) && d.Port == port }
		if !slices.ContainsFunc(doors, known) {
			out = append(out, link.Door{From: from, To: to, Address: address, Port: port})
		}
	}
	return out
}

func lastOutcome(tests []link.Test, d link.Door) string {
	for _, t := range tests {
		if t.From == d.From && t.To == d.To && t.Port == d.Port {
			return t.Outcome
		}
	}
	return ""
}

// A doorTest is one run of tests on many hosts.
type doorTest struct {
	app      *app
	incident *openIncident
	reach    *reach
	opts     doorsOptions
	run      string
	last     map[link.Door]string
	links    *keptLinks // connections that are open already; may be nil

	mu      sync.Mutex
	results []doorResult
	missed  int // hosts that were not reached
}

// A doorResult is one test, as --json prints it.
type doorResult struct {
	link.Door
	knock.Result

	Before string `json:"before"` // the outcome of the last test; empty for none
	TookMS int64  `json:"took_ms"`
}

func (t *doorTest) everywhere(ctx context.Context, fleet inventory.Fleet, doors []link.Door) error {
	var workers errgroup.Group
	workers.SetLimit(t.opts.parallel)
	for _, h := range fleet.Hosts {
		own := slices.DeleteFunc(slices.Clone(doors), func(d link.Door) bool { return d.From != h.Name })
		if len(own) > 0 {
			workers.Go(func() error { return t.from(ctx, h, own) })
		}
	}
	err := workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err := errors.Join(t.print(), err); err != nil {
		return err
	}
	if t.missed > 0 {
		return exitWith(exitNotReached)
	}
	return nil
}

// knocksAtOnce bounds the tests on one host: a server allows few channels.
const knocksAtOnce = 8

// from knocks at all doors of one host and writes down what came out.
func (t *doorTest) from(ctx context.Context, h inventory.Host, doors []link.Door) error {
	if ctx.Err() != nil {
		return nil
	}
	wire, sh, closeLink, err := t.open(ctx, h)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.missed++
		t.app.say("nightcall: %s: %s", printable(h.Name), printable(err.Error()))
		return nil
	}
	defer func() { _ = closeLink() }()
	results := make([]knock.Result, len(doors))
	var knocks errgroup.Group
	knocks.SetLimit(knocksAtOnce)
	for n, d := range doors {
		knocks.Go(func() error {
			began := t.app.now()
			results[n] = knock.Try(ctx, wire, sh, net.JoinHostPort(d.Address, strconv.Itoa(d.Port)), t.opts.timeout)
			results[n].Took = t.app.now().Sub(began)
			return nil
		})
	}
	_ = knocks.Wait() // none fails
	if ctx.Err() != nil {
		return nil // what a cancelled knock found is nothing
	}
	return t.keep(ctx, h, doors, results)
}

// open logs in; the wire may forward, and the shell is for when it does not.
func (t *doorTest) open(ctx context.Context, h inventory.Host) (any, host.Reader, func() error, error) {
	wire, done, err := t.reach.connect(ctx, h, t.links)
	if err != nil {
		return nil, nil, nil, err
	}
	limits := shell.Limits{Section: t.opts.timeout + 10*time.Second, Total: t.opts.timeout + 30*time.Second}
	sh := shell.New(h.Name, wire, shell.Options{Root: shell.RootNo, Limits: limits, Now: t.app.now})
	return wire, sh, done, nil
}

func (t *doorTest) keep(ctx context.Context, h inventory.Host, doors []link.Door, results []knock.Result) error {
	data := timeline.Reach{Run: t.run}
	t.mu.Lock()
	for n, d := range doors {
		r := results[n]
		data.Results = append(data.Results, timeline.ReachResult{
			To: d.To, Address: d.Address, Port: d.Port, Outcome: string(r.Outcome), How: r.How, Detail: r.Detail, Greeting: r.Greeting, Took: r.Took,
		})
		t.results = append(t.results, doorResult{d, r, t.last[d], r.Took.Milliseconds()})
	}
	t.mu.Unlock()
	return t.incident.Append(context.WithoutCancel(ctx), timeline.ReachTested, h.Name, data)
}

func (t *doorTest) print() error {
	slices.SortFunc(t.results, func(a, b doorResult) int {
		return slices.Compare([]string{a.From, a.To, fmt.Sprintf("%05d", a.Port)}, []string{b.From, b.To, fmt.Sprintf("%05d", b.Port)})
	})
	if t.opts.silent {
		return nil
	}
	failed := slices.DeleteFunc(slices.Clone(t.results), func(r doorResult) bool { return r.Outcome == knock.Open })
	tested := fmt.Sprintf("tested %s from inside the hosts: %d fail", plural(len(t.results), "connection"), len(failed))
	if t.opts.quiet {
		t.app.say("%s", tested)
		return nil
	}
	if len(t.results) == 0 && !t.app.json {
		t.app.say("nothing was tested: none of the hosts was reached")
		return nil
	}
	if t.opts.again {
		t.results = slices.DeleteFunc(t.results, func(r doorResult) bool { return r.Before == string(r.Outcome) })
	}
	if t.app.json {
		if t.results == nil {
			t.results = []doorResult{}
		}
		return printJSON(t.app.io, map[string]any{"run": t.run, "results": t.results})
	}
	if t.opts.again && len(t.results) == 0 {
		t.app.say("nothing is different from the last test; %s%s", tested, still(failed))
		return nil
	}
	defer t.app.say("%s", tested)
	table := newTable(t.app.io, "FROM", "TO", "PORT", "SERVICE", "OUTCOME", "BEFORE", "TOOK", "HOW", "SAYS")
	for _, r := range t.results {
		says := r.Greeting
		if r.Detail != "" {
			says = r.Detail
		}
		table.row(r.From, r.To, portText(r.Port), dash(link.TitleOf(r.Kind)), string(r.Outcome), r.Before, durationText(r.Took), r.How, says)
	}
	return table.flush()
}

// still names the first of the connections that fail as before.
func still(failed []doorResult) string {
	if len(failed) == 0 {
		return ""
	}
	f := failed[0]
	text := fmt.Sprintf(": %s to %s port %d still ends with %s", printable(f.From), printable(f.To), f.Port, f.Outcome)
	if more := len(failed) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
