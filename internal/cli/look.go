package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/scan"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type lookOptions struct {
	scan    scanOptions
	timeout time.Duration
	first   int

	probeHeartbleed bool
	mysqlUser       string
}

func newLookCmd(a *app) *cobra.Command {
	var opts lookOptions
	cmd := &cobra.Command{
		Use:     "look [TARGET...]",
		GroupID: groupLook,
		Short:   "Scan, ask the services, test who reaches whom, judge and draw, in one go",
		Long: `Look at the hosts as nightcall scan does, and then at what runs on them: databases by
their host's root (sizes, replication), HAProxy by its socket, Redis, and a dozen
interfaces that should not answer strangers, with one harmless question each. Test from
inside each host whether it reaches what it and its siblings need. Judge all of it,
draw who talks to whom, and print what to look at first.

Each host is logged in to once. Nothing is changed there, no password is tried on a
service, and nightcall show-commands prints what is asked. The diagram is diagram.svg
in the incident's directory.

--probe-heartbleed also sends each TLS service one heartbeat that claims one byte more
than it has. A vulnerable one answers it; of that answer only the length is read.

TARGET is as for nightcall scan; without one, all hosts
already known are looked at. What was interrupted goes on where it stopped.

EXIT STATUS
  0    every host was reached, whatever was found
  1    it could not be done, or its results could not be kept
  2    usage
  10   some hosts were not reached
  11   stopped by nightcall stop
  130  cancelled`,
		Example: `  nightcall look lb1 be1 be2 be3 db1 db2
  nightcall look -f hosts.txt --accept-new --probe-heartbleed
  nightcall look --json | jq -r '.findings[0].summary'`,
		RunE:              func(cmd *cobra.Command, args []string) error { return runLook(cmd.Context(), a, opts, args) },
		ValidArgsFunction: a.completeTargets(&opts.scan.reach),
	}
	opts.scan.flags(cmd)
	cmd.Flags().DurationVar(&opts.timeout, "timeout", 3*time.Second, "longest wait for one connection between hosts")
	cmd.Flags().IntVar(&opts.first, "first", 5, "findings to print; nightcall findings has all")
	cmd.Flags().BoolVar(&opts.probeHeartbleed, "probe-heartbleed", false, "ask TLS services for a heartbeat with one byte too many (CVE-2014-0160)")
	cmd.Flags().StringVar(&opts.mysqlUser, "mysql-user", "", "ask once for the password of this user of MySQL or MariaDB, and try it first on each TARGET's own server")
	return cmd
}

func runLook(ctx context.Context, a *app, opts lookOptions, args []string) error {
	if opts.scan.parallel < 1 || opts.timeout <= 0 || opts.first < 0 {
		return usageError("nightcall look --parallel 25 --timeout 3s", "--parallel and --timeout must be above zero")
	}
	opts.scan.deep, opts.scan.partOfMore = true, true
	if opts.mysqlUser != "" && len(args) == 0 {
		return usageError("nightcall look --mysql-user ops db1 db2", "--mysql-user: name the hosts that may see the password")
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	r, err := i.newReach(ctx, opts.scan.reach)
	if err != nil {
		return err
	}
	defer r.Close()
	links := &keptLinks{links: map[string]scan.Link{}}
	defer links.Close()
	s := &scanRun{app: a, incident: i, reach: r, opts: opts.scan, counts: map[host.Class]int{}, swept: map[string]bool{}, links: links}
	targets, err := s.targets(ctx, args)
	if err != nil {
		return err
	}
	if opts.scan.dryRun {
		return s.plan(targets)
	}
	ctx, done, err := i.atWork(ctx)
	if err != nil {
		return err
	}
	defer done()
	if s.opts.stdin, err = opts.logins(ctx, a); err != nil {
		return err
	}
	if len(targets) > 0 {
		if err := s.run(ctx, targets); err != nil {
			return goingOn(err)
		}
	}
	l := &lookRun{app: a, incident: i, reach: r, opts: opts, links: links, scan: s}
	for _, t := range targets {
		l.targets = append(l.targets, t.Name)
	}
	return l.goOn(ctx)
}

// logins asks for what the scripts of facts read. A script's standard input is
// neither an argument nor in the environment there.
func (o lookOptions) logins(ctx context.Context, a *app) (map[string][]byte, error) {
	if o.mysqlUser == "" {
		return nil, nil
	}
	password, err := a.prompter().secret(ctx, "password of MySQL's "+printable(o.mysqlUser))
	if err != nil {
		return nil, err
	}
	login, err := fact.MySQLLogin(o.mysqlUser, password)
	return map[string][]byte{"databases": login}, err
}

// A lookRun is what a look does after its scan.
type lookRun struct {
	app      *app
	incident *openIncident
	reach    *reach
	opts     lookOptions
	links    *keptLinks
	scan     *scanRun
	targets  []string // names of the hosts of this look

	tests []doorResult
	asked int // services
}

// goOn asks and tests at the same time, then judges, draws and prints. A host
// that is not reached is one thing less to say, never the end.
func (l *lookRun) goOn(ctx context.Context) error {
	ended := l.scan.finish() // says how many were reached
	fleet, m, err := l.incident.Map(ctx)
	if err != nil {
		return err
	}
	var work errgroup.Group
	work.Go(func() error { return l.ask(ctx, fleet) })
	work.Go(func() error { return l.test(ctx, fleet, m) })
	if err := work.Wait(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	fleet, m, err = l.incident.Map(ctx)
	if err != nil {
		return err
	}
	catalogue, broken := l.app.catalogue()
	result, err := l.incident.judged(ctx, catalogue, fleet, m)
	if err != nil {
		return err
	}
	file, err := l.draw(ctx, m, result)
	if err != nil {
		return err
	}
	return errors.Join(l.print(result, file), broken, ended)
}

// visited reports whether this look has reached the host, or would have: one that
// an interrupted look had finished counts too.
func (l *lookRun) visited(h inventory.Host) bool {
	return slices.Contains(l.targets, h.Name) && h.Class.Reached()
}

// test has each host of the look try the doors that it needs.
func (l *lookRun) test(ctx context.Context, fleet inventory.Fleet, m link.Map) error {
	fleet.Hosts = slices.DeleteFunc(slices.Clone(fleet.Hosts), func(h inventory.Host) bool { return !l.visited(h) })
	t := &doorTest{
		app: l.app, incident: l.incident, reach: l.reach, links: l.links, run: ulid.Make().String(), last: map[link.Door]string{},
		opts: doorsOptions{reach: l.opts.scan.reach, timeout: l.opts.timeout, parallel: l.opts.scan.parallel, silent: true},
	}
	err := t.everywhere(ctx, fleet, m.Doors(m.Groups()))
	l.tests = t.results
	var missed *cliError
	if errors.As(err, &missed) && missed.silent {
		return nil // it was said; the scan's own count decides the exit status
	}
	return err
}

// diagramFile is what a look draws, in the incident's directory.
const diagramFile = "diagram.svg"

func (l *lookRun) draw(ctx context.Context, m link.Map, result check.Result) (string, error) {
	file := filepath.Join(l.incident.Dir, diagramFile)
	o := diagram.Options{Title: l.incident.Title, FoldAbove: foldAbove, Marks: marksOf(result)}
	text := diagram.SVG(diagram.Of(m, m.Groups(), o))
	if err := l.incident.Append(ctx, timeline.Exported, "", timeline.Export{Format: "diagram svg", Path: file, Hosts: len(m.Hosts)}); err != nil {
		return "", err
	}
	return file, export.WriteFile(file, text, 0o600)
}

// print says what to look at first.
func (l *lookRun) print(result check.Result, file string) error {
	failed := 0
	for _, t := range l.tests {
		if !link.Open(string(t.Outcome)) {
			failed++
		}
	}
	firsts := distinct(result.Findings, l.opts.first)
	if l.app.json {
		return printJSON(l.app.io, map[string]any{
			"scan": l.scan.id, "classes": l.scan.counts, "connections_tested": len(l.tests), "connections_failed": failed,
			"services_asked": l.asked, "findings": firsts, "tally": result.Tally, "diagram": file,
		})
	}
	l.app.say("asked %d services, tested %d connections between hosts: %d fail", l.asked, len(l.tests), failed)
	table := newTable(l.app.io, "STATUS", "HOST", "CHECK", "SUMMARY")
	for _, f := range firsts {
		table.row(f.Status.String(), f.Host, f.Check, f.Summary)
	}
	if err := table.flush(); err != nil {
		return err
	}
	l.app.say("%s", tallyText(result.Tally))
	l.app.say("diagram: %s", printable(file))
	l.app.say("next: nightcall findings")
	return nil
}

// distinct are the first findings about something known, those that say the same
// of several hosts once.
func distinct(findings []check.Finding, limit int) []check.Finding {
	said, out := map[string]bool{}, []check.Finding{}
	for _, f := range findings {
		if f.Status == check.Unknown || said[sameness(f)] || len(out) == limit {
			continue
		}
		said[sameness(f)] = true
		out = append(out, f)
	}
	return out
}

// notForwarding is why a host's services could not be asked.
const notForwarding = "not asked: its SSH server forwards no connection"
