package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newTechnicalActionCmd(a *app) *cobra.Command {
	var action timeline.Action
	var host string
	cmd := &cobra.Command{
		Use:   "action TEXT|-",
		Short: "Write down what is to be done, and by whom",
		Long: `Write down something to be done. With --later it is a follow-up: it waits until the
incident is over, and the report lists it. "nightcall technical done" says that it was
done, and what came of it. Commands that nightcall runs are in the timeline by
themselves.
` + exitStatusText,
		Example: `  nightcall technical action "take web2 out of the pool" --owner Bob
  nightcall technical action "health checks in haproxy" --later --owner Ana`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.words(args, "the action", `nightcall technical action "take web2 out of the pool" --owner Bob`)
			if err != nil {
				return err
			}
			return a.record(cmd.Context(), timeline.ActionAdded, host, func(incident.Incident) (any, error) {
				return timeline.Action{Text: text, Owner: clean(action.Owner), Later: action.Later}, nil
			})
		},
	}
	cmd.Flags().StringVar(&action.Owner, "owner", "", "who does it")
	cmd.Flags().BoolVar(&action.Later, "later", false, "after the incident")
	a.hostFlag(cmd, &host)
	return cmd
}

func newTechnicalDoneCmd(a *app) *cobra.Command {
	var outcome string
	cmd := &cobra.Command{
		Use:   "done ACTION",
		Short: "Write down that an action was done",
		Long: `Write down that an action was done, and what came of it.

An action is named by the ref that "nightcall technical" prints, or by words of it.

EXIT STATUS
  0  it is written down
  1  there is no such action
  2  usage; also when several are meant`,
		Example: `  nightcall technical done "web2 out" --outcome "errors are gone"`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTechnicalDone(cmd.Context(), a, outcome, strings.Join(args, " "))
		},
	}
	cmd.Flags().StringVar(&outcome, "outcome", "", "what came of it")
	return cmd
}

func runTechnicalDone(ctx context.Context, a *app, outcome, word string) error {
	return a.record(ctx, timeline.ActionDone, "", func(now incident.Incident) (any, error) {
		// Words mean what is still to be done, where they could mean either.
		find := func(word string) []incident.Action {
			meant := now.Technical.FindActions(word)
			if open := slices.DeleteFunc(slices.Clone(meant), isDone); len(open) > 0 {
				return open
			}
			return meant
		}
		action, err := one(find, word, "action", "actions", func(a incident.Action) string { return incident.Ref(a.ID) + " " + a.Text })
		return timeline.Done{Action: action.ID, Text: action.Text, Outcome: clean(outcome)}, err
	})
}

func isDone(a incident.Action) bool { return !a.Done.At.IsZero() }
