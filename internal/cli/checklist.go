package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newChecklistCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "checklist",
		GroupID: groupRoom,
		Short:   "Show the five steps of the night, and what is still to be asked",
		Long: `Show the checklist: business situation, technical situation, inventory, monitoring,
solution, each with its questions, who settled them and when, and what to type for those
that are open. A question is answered by what is written down ("nightcall business loss"
answers what is lost), or ticked with "nightcall step".

Nothing of the inventory step is ticked before the problem is stated and a schema is
drafted. "nightcall" without arguments shows the same on a whole terminal.

EXIT STATUS
  0  it was printed
  1  the incident cannot be read
  2  usage`,
		Example: `  nightcall checklist
  nightcall checklist --json | jq -r '.steps[].items[] | select(.state == "open") | .question'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runChecklist(cmd.Context(), a) },
	}
}

// A stepView is one step in the JSON of the checklist.
type stepView struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	Settled int        `json:"settled"`
	Needs   []string   `json:"needs"` // items that are still open and have to come first
	Items   []itemView `json:"items"`
}

type itemView struct {
	ID       string             `json:"id"`
	Question string             `json:"question"`
	How      string             `json:"how"` // what to type to answer it
	State    incident.ItemState `json:"state"`
	At       *time.Time         `json:"at"`
	By       string             `json:"by,omitempty"`
	Reason   string             `json:"reason,omitempty"`
}

func runChecklist(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"step": now.Steps[now.Step()].ID, "steps": newStepViews(now)})
	}
	table := newTable(a.io, "STATE", "ITEM", "QUESTION", "BY", "AT", "TYPE")
	for _, s := range newStepViews(now) {
		for _, item := range s.Items {
			table.row(item.cells(a)...)
		}
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, s := range newStepViews(now) {
		if len(s.Needs) > 0 {
			a.say("before %s: %s", s.ID, strings.Join(s.Needs, ", "))
		}
	}
	return nil
}

func newStepViews(now incident.Incident) []stepView {
	var steps []stepView
	for _, s := range now.Steps {
		settled, _ := s.Count()
		view := stepView{ID: s.ID, Title: s.Title, Settled: settled, Needs: []string{}}
		for _, item := range s.Items {
			view.Items = append(view.Items, itemView{
				item.ID, item.Question, "nightcall " + item.How, item.State, someTime(item.Settled.At), item.Settled.By, item.Reason,
			})
		}
		for _, missing := range now.Missing(s.Items[0].ID) {
			view.Needs = append(view.Needs, missing.ID)
		}
		steps = append(steps, view)
	}
	return steps
}

func (v itemView) cells(a *app) []string {
	if v.State == incident.ItemOpen {
		return []string{string(v.State), v.ID, v.Question, "", "", v.How}
	}
	question := v.Question
	if v.Reason != "" {
		question += " " + flat(v.Reason)
	}
	return []string{string(v.State), v.ID, question, v.By, a.momentText(*v.At), ""}
}

func newStepCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "step",
		GroupID: groupRoom,
		Short:   "Tick, skip or reopen questions of the checklist",
		Example: `  nightcall step tick technical.together
  nightcall step skip business.less --reason "nothing can be sold at night"`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newStepTurnCmd(a, stepTurn{
			use: "tick", short: "Tick a question: it is answered", kind: timeline.StepTicked,
			long: `Write down that a question of the checklist is answered, by you, now. --reason may say
how.`,
			example: "  nightcall step tick technical.together",
		}),
		newStepTurnCmd(a, stepTurn{
			use: "skip", short: "Skip a question, with a reason", kind: timeline.StepSkipped, needsReason: true,
			long:    `Write down that a question of the checklist is not asked this time, and why.`,
			example: `  nightcall step skip business.less --reason "nothing can be sold at night"`,
		}),
		newStepTurnCmd(a, stepTurn{
			use: "reopen", short: "Open a question again", kind: timeline.StepReopened,
			long:    `Write down that a question of the checklist has to be asked again.`,
			example: `  nightcall step reopen solution.verified --reason "it is back"`,
		}),
	)
	return cmd
}

// A stepTurn is one of the commands that settle questions.
type stepTurn struct {
	use, short, long, example string
	kind                      timeline.Kind
	needsReason               bool
}

func newStepTurnCmd(a *app, turn stepTurn) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: turn.use + " ITEM", Short: turn.short, Example: turn.example,
		Long: turn.long + `

EXIT STATUS
  0  it is written down
  1  something else has to come first, or it cannot be written
  2  usage; no such question`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStep(cmd.Context(), a, turn, args[0], clean(reason))
		},
		ValidArgsFunction: completeWords(itemIDs()...),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func itemIDs() []string {
	var ids []string
	for _, s := range incident.Checklist() {
		for _, item := range s.Items {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

func runStep(ctx context.Context, a *app, turn stepTurn, item, reason string) error {
	if turn.needsReason && reason == "" {
		return usageError(fmt.Sprintf(`nightcall step %s %s --reason "why not"`, turn.use, item), "skipping needs a reason")
	}
	return a.record(ctx, turn.kind, "", func(now incident.Incident) (any, error) {
		return timeline.Step{Item: item, Reason: reason}, mayTurn(now, turn.kind, item)
	})
}

// mayTurn refuses a question that is not asked, and a tick before its time.
func mayTurn(now incident.Incident, kind timeline.Kind, item string) error {
	if now.Item(item) == nil {
		return usageError("nightcall checklist", "no question is called %q", item)
	}
	missing := now.Missing(item)
	if kind != timeline.StepTicked || len(missing) == 0 {
		return nil
	}
	return withHint(errors.New(item+": "+missing[0].ID+" comes first: "+missing[0].Question), "nightcall %s", missing[0].How)
}
