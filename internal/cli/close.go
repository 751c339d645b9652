package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type closeOptions struct {
	reason string
}

func newCloseCmd(a *app) *cobra.Command {
	var opts closeOptions
	cmd := &cobra.Command{
		Use:     "close",
		GroupID: groupIncident,
		Short:   "Write down that the incident is over",
		Long: `Write into the timeline that the incident is over. Nothing is deleted or locked: it
stays the current one, can be read and added to, and "nightcall reopen" takes it back.

EXIT STATUS
  0  it is closed
  1  it was closed already, or cannot be written
  2  usage`,
		Example: `  nightcall close --reason "disk of db1 replaced"`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runClose(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringVar(&opts.reason, "reason", "", "what ended it")
	return cmd
}

func runClose(ctx context.Context, a *app, opts closeOptions) error {
	reason := redact.Text(strings.TrimSpace(strings.ToValidUTF8(opts.reason, "")))
	return a.turn(ctx, incident.Closed, "nightcall reopen", timeline.IncidentClosed, timeline.Closed{Reason: reason})
}

func newReopenCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "reopen",
		GroupID: groupIncident,
		Short:   "Take back that the incident is over",
		Long: `Write into the timeline that a closed incident is open again.

EXIT STATUS
  0  it is open
  1  it was not closed, or cannot be written
  2  usage`,
		Example: `  nightcall reopen
  nightcall reopen --incident 2026-03-04-0430-checkout-is-down`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.turn(cmd.Context(), incident.Open, "nightcall close", timeline.IncidentReopened, nil)
		},
	}
}

// turn brings the incident into another state by an entry of this kind; back is
// the command that does the reverse.
func (a *app) turn(ctx context.Context, state incident.State, back string, kind timeline.Kind, data any) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	if now.State == state {
		return withHint(alreadyError{i.Title, state}, "%s", back)
	}
	entry, err := i.append(ctx, kind, "", data)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"id": i.ID, "name": i.Name(), "dir": i.Dir, "state": state, "at": entry.At})
	}
	a.say("incident %s: %s", state, printable(i.Title))
	return nil
}

// An alreadyError says that the incident is in the state that was asked for.
type alreadyError struct {
	title string
	state incident.State
}

func (e alreadyError) Error() string {
	return "incident " + printable(e.title) + " is " + string(e.state) + " already"
}
