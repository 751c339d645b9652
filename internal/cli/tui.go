package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/stdio"
	"github.com/nightcall-sh/nightcall/internal/timeline"
	"github.com/nightcall-sh/nightcall/internal/tui"
)

// runRoot is nightcall without arguments: the incident on a whole terminal, or the
// help where there is none to draw on.
func runRoot(cmd *cobra.Command, a *app) error {
	if !a.io.InTTY || !a.io.OutTTY || a.json || a.getenv("TERM") == "dumb" {
		return cmd.Help()
	}
	ctx := cmd.Context()
	i, err := a.openCurrent(ctx)
	if errors.Is(err, home.ErrNoCurrent) {
		i, err = a.offerIncident(ctx, cmd)
	}
	if err != nil || i == nil {
		return err
	}
	defer i.Close()
	ctx, stop := uninterrupted(ctx)
	defer stop()
	return tui.Run(ctx, &room{i}, a.io.In, a.screen)
}

// uninterrupted is a context that only a request to end cancels. On the whole terminal
// ^C is a key like others; an interrupt that still comes was typed while a command
// had the terminal, and is for that command.
func uninterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	interrupts := make(chan os.Signal, 1) // which nobody reads: it keeps them from ending this process
	signal.Notify(interrupts, os.Interrupt)
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM)
	return ctx, func() {
		signal.Stop(interrupts)
		stop()
	}
}

// offerIncident asks what is wrong and opens an incident. It is nil when nothing
// is; then the help was printed.
func (a *app) offerIncident(ctx context.Context, cmd *cobra.Command) (*openIncident, error) {
	title, err := a.prompter().ask(ctx, "No incident is open. What is wrong? (empty for help) ")
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(title) == "" {
		return nil, cmd.Help()
	}
	if err := runOpen(ctx, a, title); err != nil {
		return nil, err
	}
	return a.openCurrent(ctx)
}

// A room is the open incident, as the terminal needs it.
type room struct{ incident *openIncident }

// Title implements tui.Room.
func (r *room) Title() string { return r.incident.Title }

// Now implements tui.Room.
func (r *room) Now() time.Time { return r.incident.app.now() }

// Entries implements tui.Room.
func (r *room) Entries(ctx context.Context, after string, known int) ([]timeline.Entry, bool, error) {
	count, err := r.incident.DB.Count(ctx)
	if err != nil || known > 0 && count == known {
		return nil, false, err
	}
	entries, err := r.incident.DB.Since(ctx, after)
	if err != nil || known == 0 || known+len(entries) >= count {
		return entries, known == 0, err
	}
	entries, err = r.incident.DB.Since(ctx, "") // some came before the last one
	return entries, true, err
}

// Fleet implements tui.Room.
func (r *room) Fleet(ctx context.Context) (tui.Sight, error) {
	fleet, m, err := r.incident.Map(ctx)
	if err != nil {
		return tui.Sight{}, err
	}
	catalogue, broken := r.incident.app.catalogue()
	found, err := r.incident.judged(ctx, catalogue, fleet, m)
	return tui.Sight{Fleet: fleet, Map: m, Result: found}, errors.Join(err, broken)
}

// Draw implements tui.Room.
func (r *room) Draw(s tui.Sight, part link.Map) string {
	return string(diagram.Text(diagram.Of(part, s.Map.Groups(), diagram.Options{Marks: marksOf(s.Result), FoldAbove: foldAbove})))
}

// Run implements tui.Room: the command line runs in this process, with nobody to
// answer a question.
func (r *room) Run(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	a := r.incident.app
	streams := stdio.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
	sub := &app{io: streams, now: a.now, getenv: a.getenv}
	sub.prompter = func() *prompter { return newPrompter(streams) }
	root := newRootCmd(sub)
	root.SetArgs(append([]string{"--incident", r.incident.Dir}, args...))
	if err := root.ExecuteContext(ctx); err != nil {
		return "", withoutCode(err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
	return first, nil
}

// withoutCode is what went wrong and what to do about it, on one line.
func withoutCode(err error) error {
	var e *cliError
	if errors.As(err, &e) && e.hint != "" {
		return fmt.Errorf("%w (%s)", err, e.hint)
	}
	return err
}

// Command implements tui.Room: a process of its own, which may ask for passwords
// and be interrupted. A person reads what it said before the frame comes back.
func (r *room) Command(args []string) tui.Command {
	return &ownCommand{incident: r.incident.Dir, args: args}
}

// An ownCommand is nightcall, started by nightcall.
type ownCommand struct {
	incident string
	args     []string
	in       io.Reader
	out, err io.Writer
}

func (c *ownCommand) SetStdin(in io.Reader)   { c.in = in }
func (c *ownCommand) SetStdout(out io.Writer) { c.out = out }
func (c *ownCommand) SetStderr(err io.Writer) { c.err = err }

// Run runs the command and waits for a line. How the command ended it has said
// itself.
func (c *ownCommand) Run() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start nightcall: %w", err)
	}
	fmt.Fprintf(os.Stderr, "$ nightcall %s\n", printable(strings.Join(c.args, " "))) // it may be silent for long
	cmd := exec.Command(self, append([]string{"--incident", c.incident}, c.args...)...)
	cmd.Args[0] = os.Args[0]                                           // what it was called, it is called again
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr // the terminal itself: it asks for passwords
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("start nightcall: %w", err)
	}
	fmt.Fprint(os.Stderr, "\nenter goes back ")
	_, err = os.Stdin.Read(make([]byte, 256)) // the terminal hands over a line
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
