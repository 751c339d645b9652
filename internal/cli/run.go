package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type runOptions struct {
	reach    reachOptions
	change   bool
	root     bool
	dryRun   bool
	stdin    bool
	timeout  time.Duration
	parallel int
}

func newRunCmd(a *app) *cobra.Command {
	var opts runOptions
	cmd := &cobra.Command{
		Use:     "run HOST[,HOST...] -- COMMAND [ARG...]",
		GroupID: groupUse,
		Short:   "Run one command on hosts of the incident, and write it down",
		Long: `Run one command on one or more hosts. A single argument is a line for sh; several
are a command and its arguments, passed on exactly. "all" means every host that was
reached.

A command is taken for a look unless --change says that it alters the host. Both are
written to the timeline before they run and after they ended, with exit status,
duration and output; of a long output the timeline has head and tail, and a file of the
evidence all of it, up to 1 MiB from each host. It ends with us: on a timeout, on ^C, and when the link breaks.

EXIT STATUS
  0    the command ended with 0 on every host
  1    it ended otherwise somewhere
  2    usage
  10   some hosts were not reached
  11   stopped by nightcall stop
  130  cancelled`,
		Example: `  nightcall run web1 -- uptime
  nightcall run web1,web2 -- 'tail -n 20 /var/log/syslog | grep -i error'
  nightcall run web2 --sudo --change -- systemctl reload haproxy`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRun(cmd.Context(), a, opts, args, cmd.ArgsLenAtDash())
		},
		ValidArgsFunction: a.completeHosts,
	}
	opts.reach.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&opts.change, "change", false, "the command alters the host: say so in the timeline")
	f.BoolVar(&opts.root, "sudo", false, "run as root; fails where root cannot be had")
	f.BoolVar(&opts.dryRun, "dry-run", false, "print what would run where, and run nothing")
	f.BoolVar(&opts.stdin, "stdin", false, "give our standard input to the command on each host")
	f.DurationVar(&opts.timeout, "timeout", time.Minute, "longest run on one host")
	f.IntVar(&opts.parallel, "parallel", 25, "hosts at once")
	return cmd
}

const runExample = "nightcall run web1,web2 -- uptime"

func runRun(ctx context.Context, a *app, opts runOptions, args []string, dash int) error {
	if dash != 1 || len(args) < 2 {
		return usageError(runExample, "name the hosts, then --, then the command")
	}
	if strings.TrimSpace(args[1]) == "" {
		return usageError(runExample, "the command is empty")
	}
	if opts.timeout <= 0 || opts.parallel < 1 {
		return usageError(runExample, "--timeout and --parallel must be above zero")
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	hosts, err := i.chooseHosts(ctx, args[0])
	if err != nil {
		return err
	}
	cmd := host.Command{Argv: args[1:], Root: opts.root, Timeout: opts.timeout}
	if len(cmd.Argv) == 1 {
		cmd.Argv = []string{"sh", "-c", cmd.Argv[0]}
	}
	if opts.dryRun {
		return a.printCommand(hosts, cmd)
	}
	if opts.stdin {
		if cmd.Stdin, err = readStdin(a); err != nil {
			return err
		}
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
	c := &commandRun{app: a, incident: i, reach: r, opts: opts, cmd: cmd, id: ulid.Make().String()}
	return c.everywhere(ctx, hosts)
}

// printCommand says what would run where.
func (a *app) printCommand(hosts []inventory.Host, cmd host.Command) error {
	if a.json {
		names := make([]string, len(hosts))
		for n, h := range hosts {
			names[n] = h.Name
		}
		return printJSON(a.io, map[string]any{"hosts": names, "command": cmd.Argv})
	}
	for _, h := range hosts {
		fmt.Fprintf(a.io.Out, "%s\t%s\n", h.Name, host.Quote(cmd.Argv...))
	}
	return nil
}

// maxStdin bounds what is held in memory and sent to every host.
const maxStdin = 1 << 20

func readStdin(a *app) ([]byte, error) {
	data := make([]byte, 0, 4096)
	buf := make([]byte, 32<<10)
	for {
		n, err := a.io.In.Read(buf)
		data = append(data, buf[:n]...)
		if len(data) > maxStdin {
			return nil, usageError("copy the file there with scp, then run the command", "standard input is longer than %d bytes", maxStdin)
		}
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil { // part of what was meant must not reach a host
			return nil, fmt.Errorf("standard input: %w", err)
		}
	}
}

// chooseHosts finds hosts of the inventory by a comma-separated list of names, each
// once, or all that were reached.
func (i *openIncident) chooseHosts(ctx context.Context, list string) ([]inventory.Host, error) {
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	if list == "all" {
		hosts := slices.DeleteFunc(fleet.Hosts, func(h inventory.Host) bool { return h.Seen.IsZero() })
		if len(hosts) == 0 {
			return nil, withHint(errors.New("no host was reached yet"), "nightcall scan web1 web2")
		}
		return hosts, nil
	}
	var hosts []inventory.Host
	for _, name := range strings.Split(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		h, ok := fleet.Find(name)
		if !ok {
			return nil, unknownHost(fleet, name)
		}
		if !slices.ContainsFunc(hosts, func(other inventory.Host) bool { return other.Name == h.Name }) {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil, usageError(runExample, "no host is named")
	}
	return hosts, nil
}

// A commandRun is one command on many hosts.
type commandRun struct {
	app      *app
	incident *openIncident
	reach    *reach
	opts     runOptions
	cmd      host.Command
	id       string

	mu      sync.Mutex
	results []commandResult
}

// A commandResult is one host's part, as --json prints it.
type commandResult struct {
	Host    string `json:"host"`
	Exit    int    `json:"exit"`
	Error   string `json:"error"`
	Class   string `json:"class"`
	TookMS  int64  `json:"took_ms"`
	Root    bool   `json:"root"`
	Stdout  string `json:"stdout"`
	Stderr  string `json:"stderr"`
	Dropped int64  `json:"dropped"`
}

func (c *commandRun) everywhere(ctx context.Context, hosts []inventory.Host) error {
	var workers errgroup.Group
	workers.SetLimit(c.opts.parallel)
	for _, h := range hosts {
		workers.Go(func() error { return c.on(ctx, h, len(hosts) > 1) })
	}
	err := workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if c.app.json {
		slices.SortFunc(c.results, func(a, b commandResult) int { return strings.Compare(a.Host, b.Host) })
		err = errors.Join(printJSON(c.app.io, map[string]any{"run": c.id, "results": c.results}), err)
	}
	if err != nil {
		return err
	}
	return c.exit()
}

// on runs the command on one host. The timeline has it before the host does.
func (c *commandRun) on(ctx context.Context, h inventory.Host, many bool) error {
	if ctx.Err() != nil {
		return nil
	}
	start := timeline.CommandStart{Run: c.id, Argv: redact.Argv(c.cmd.Argv), Change: c.opts.change, Root: c.opts.root}
	if len(c.cmd.Stdin) > 0 {
		start.Stdin = digest(c.cmd.Stdin)
	}
	if err := c.incident.Append(ctx, timeline.CommandStarted, h.Name, start); err != nil {
		return err
	}
	began := c.app.now()
	out, err := c.execute(ctx, h)
	took := c.app.now().Sub(began)
	end := timeline.CommandEnd{
		Run: c.id, Exit: out.Exit, Took: took,
		Stdout: redact.Text(excerpt(out.Stdout)), Stderr: redact.Text(excerpt(out.Stderr)),
		Dropped: out.StdoutDropped + out.StderrDropped, SHA256: digest(out.Stdout),
	}
	if err != nil {
		end.Error = redact.Text(err.Error())
	}
	kept := c.finish(context.WithoutCancel(ctx), h.Name, end, out)
	c.show(h, out, err, took, many)
	return kept
}

// finish writes the end of the command, with all of its output that does not fit
// there as files of the evidence. The end is written also where a file cannot be
// kept: that the command ran must not be forgotten.
func (c *commandRun) finish(ctx context.Context, name string, end timeline.CommandEnd, out host.Output) error {
	var entries []timeline.Entry
	var lost error
	for _, stream := range []struct {
		name string
		text []byte
	}{{"stdout", out.Stdout}, {"stderr", out.Stderr}} {
		if len(stream.text) <= maxExcerpt {
			continue
		}
		f, err := c.incident.keep(name+"-"+c.id+"."+stream.name, bytes.NewReader(stream.text))
		if err != nil {
			lost = errors.Join(lost, err)
			continue
		}
		e, err := c.incident.entry(timeline.EvidenceAdded, name, f)
		if err != nil {
			return err
		}
		entries = append(entries, e)
		end.Evidence = append(end.Evidence, f.Name)
	}
	e, err := c.incident.entry(timeline.CommandFinished, name, end)
	if err != nil {
		return errors.Join(err, lost)
	}
	return errors.Join(c.incident.DB.Append(ctx, append(entries, e)...), lost)
}

func (c *commandRun) execute(ctx context.Context, h inventory.Host) (host.Output, error) {
	limits := shell.Limits{Section: c.opts.timeout, Total: c.opts.timeout + 30*time.Second}
	machine, closeLink, err := c.reach.open(ctx, h, limits, c.app.now)
	if err != nil {
		return host.Output{Exit: -1}, err
	}
	defer func() { _ = closeLink() }()
	run := machine.Probe
	if c.opts.change {
		run = machine.Change
	}
	return run(ctx, c.cmd)
}

// maxExcerpt is how much of an output the timeline keeps, head and tail.
const maxExcerpt = 8 << 10

func excerpt(text []byte) string {
	if len(text) <= maxExcerpt {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	half := maxExcerpt / 2
	return strings.ToValidUTF8(fmt.Sprintf("%s\n… %d bytes …\n%s",
		text[:half], len(text)-maxExcerpt, text[len(text)-half:]), "\uFFFD")
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// show prints one host's output as it came; with many hosts each line carries
// the host's name.
func (c *commandRun) show(h inventory.Host, out host.Output, err error, took time.Duration, many bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	result := commandResult{
		Host: h.Name, Exit: out.Exit, TookMS: took.Milliseconds(), Root: out.Root,
		Class: string(host.Classify(err)), Dropped: out.StdoutDropped + out.StderrDropped,
	}
	if c.app.json {
		result.Stdout, result.Stderr = string(out.Stdout), string(out.Stderr)
	}
	if err != nil {
		result.Error = err.Error()
	}
	c.results = append(c.results, result)
	if c.app.json {
		return
	}
	prefix := ""
	if many {
		prefix = h.Name + ": "
	}
	c.lines(c.app.io.Out, c.app.io.OutTTY, prefix, out.Stdout)
	c.lines(c.app.io.Err, c.app.io.ErrTTY, prefix, out.Stderr)
	switch {
	case err != nil:
		fmt.Fprintf(c.app.io.Err, "nightcall: %s: %s\n", h.Name, printable(err.Error()))
		if hint := hintFor(err); hint != "" {
			fmt.Fprintf(c.app.io.Err, "nightcall: hint: %s\n", hint)
		}
	case out.Exit != 0:
		fmt.Fprintf(c.app.io.Err, "nightcall: %s: exit %d\n", h.Name, out.Exit)
	}
	if result.Dropped > 0 {
		fmt.Fprintf(c.app.io.Err, "nightcall: %s: %d bytes were dropped from the middle of the output\n", h.Name, result.Dropped)
	}
}

// exit chooses the exit status: hosts that were not reached weigh most.
func (c *commandRun) exit() error {
	code := exitDone
	for _, r := range c.results {
		switch {
		case r.Error != "" && r.Class != string(host.ClassSudo) && r.Class != string(host.ClassTimeout):
			code = exitNotReached
		case (r.Error != "" || r.Exit != 0) && code == exitDone:
			code = exitFailed
		}
	}
	if code == exitDone {
		return nil
	}
	return exitWith(code)
}

// lines prints text with a prefix on each line. On a terminal, control
// characters of a stranger's machine are made visible; a pipe gets the bytes.
func (c *commandRun) lines(w io.Writer, tty bool, prefix string, text []byte) {
	if prefix == "" && !tty {
		_, _ = w.Write(text)
		return
	}
	for line := range bytes.Lines(text) {
		body := string(bytes.TrimSuffix(line, []byte("\n")))
		if tty {
			body = printable(body)
		}
		fmt.Fprintf(w, "%s%s\n", prefix, body)
	}
}
