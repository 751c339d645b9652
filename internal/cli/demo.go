package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/demo"
)

type demoOptions struct {
	serve bool
	extra int
	hang  int
	delay time.Duration
}

func newDemoCmd(a *app) *cobra.Command {
	var opts demoOptions
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupIncident,
		Short:   "See it all on a simulated fleet, without a server of your own",
		Long: `Start a simulated fleet inside this process, open an incident of its own, scan the
fleet, and print what is wrong with it.

The servers, the handshakes, the host keys and the scan are real; what the hosts
answer was written down beforehand. Everything happens on the loopback interface of
this machine. Your current incident stays the current one; the demo's is a directory
like any other and can be looked at afterwards.

EXIT STATUS
  0    the demo ran
  1    it could not
  130  cancelled`,
		Example: `  nightcall demo
  nightcall demo --serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), a, opts) },
	}
	f := cmd.Flags()
	f.BoolVar(&opts.serve, "serve", false, "keep the fleet up until ^C, for commands in another terminal")
	f.IntVar(&opts.extra, "hosts", 0, "this many more frontends, to see it with a crowd")
	f.IntVar(&opts.hang, "hang", 0, "this many of those frontends hang, each at another stage of a visit")
	f.DurationVar(&opts.delay, "delay", 0, "make each answer take this long, as a long line would")
	return cmd
}

// demoBanner is how long the demo waits for the one host that never greets.
const demoBanner = 2 * time.Second

func runDemo(ctx context.Context, a *app, opts demoOptions) (err error) {
	if opts.extra < 0 || opts.extra > 5000 || opts.hang < 0 || opts.hang > opts.extra || opts.delay < 0 {
		return usageError("nightcall demo --hosts 100", "--hosts goes from 0 to 5000, --hang is some of them, and --delay is a time")
	}
	say := func(format string, args ...any) { fmt.Fprintf(a.io.Err, format+"\n", args...) }
	machines, err := demo.Fleet(a.now())
	if err != nil {
		return err
	}
	machines = append(machines, demo.Crowd(opts.extra, opts.hang, a.now())...)
	say("This fleet is simulated: %d SSH servers in this process, on loopback. Their answers", len(machines))
	say("were written down beforehand; the handshakes and the scan are real.")

	incident, inIt, err := demoIncident(ctx, a)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nightcall-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fleet, err := demo.Up(dir, machines, opts.delay)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()

	a.incident = incident
	if err := demoScan(ctx, a, opts, fleet); err != nil {
		return err
	}
	if err := demoReach(ctx, a, fleet); err != nil {
		return err
	}
	if err := runFindings(ctx, a, findingsOptions{}); err != nil {
		return err
	}
	sayDemoNext(say, inIt, incident)
	if opts.serve {
		return serveDemo(ctx, say, fleet, inIt)
	}
	return nil
}

// demoIncident opens an incident for the demo, and returns its directory and how a
// person names nightcall on it. It becomes the current one only where there is none.
func demoIncident(ctx context.Context, a *app) (dir, inIt string, err error) {
	h, opened, err := a.newIncident(ctx, "demo: checkout is down")
	if err != nil {
		return "", "", err
	}
	if _, err := h.Current(); err == nil {
		return opened.Dir, "nightcall --incident " + opened.Dir + " ", nil
	}
	return opened.Dir, "nightcall ", h.SetCurrent(opened.Dir)
}

// demoHang is how long the demo visits a host at most where many hang.
const demoHang = 10 * time.Second

// demoScan is `nightcall scan` of the whole fleet. That one host is not reached is
// part of the story.
func demoScan(ctx context.Context, a *app, demoed demoOptions, fleet *demo.Running) error {
	opts := scanOptions{parallel: 25, deadline: 90 * time.Second, probeTimeout: 20 * time.Second, partOfMore: true}
	if demoed.hang > 0 {
		opts.deadline = demoHang
	}
	opts.reach.config, opts.reach.acceptNew, opts.reach.deadlines.Banner = fleet.Config, true, demoBanner
	err := runScan(ctx, a, opts, fleet.Names)
	var e *cliError
	if errors.As(err, &e) && e.silent && e.code == exitNotReached {
		return nil
	}
	return err
}

// demoReach is `nightcall reach`, with little patience.
func demoReach(ctx context.Context, a *app, fleet *demo.Running) error {
	opts := doorsOptions{parallel: 25, timeout: 2 * time.Second, quiet: true}
	opts.reach.config, opts.reach.acceptNew, opts.reach.deadlines.Banner = fleet.Config, true, demoBanner
	return runReach(ctx, a, opts)
}

// sayDemoNext is what a person would type next; inIt is nightcall on the demo's
// incident.
func sayDemoNext(say func(string, ...any), inIt, dir string) {
	say("\nThe incident stays at %s. Look around in it:", dir)
	for _, line := range []string{"hosts", "host show db1", "findings --host be3", "ssh-config", "export ansible", "timeline"} {
		say("  %s%s", inIt, line)
	}
	say("For a real one: nightcall open \"what is wrong\", then nightcall scan HOST...")
}

// serveDemo keeps the servers up until a person has had enough.
func serveDemo(ctx context.Context, say func(string, ...any), fleet *demo.Running, inIt string) error {
	say("\nThe fleet is up until ^C. From another terminal:")
	for _, line := range []string{
		inIt + "scan -F " + fleet.Config,
		inIt + "run -F " + fleet.Config + " be1,db1 -- uptime",
		"ssh -F " + fleet.Config + " db1 uptime",
	} {
		say("  %s", line)
	}
	<-ctx.Done()
	return nil
}
