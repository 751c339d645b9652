package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type mitigationOptions struct {
	loss     string
	saves    string
	takes    string
	risk     string
	reversal string
	owner    string
}

func newBusinessMitigationCmd(a *app) *cobra.Command {
	var opts mitigationOptions
	cmd := &cobra.Command{
		Use:   "mitigation TEXT",
		Short: "Propose what would make the loss smaller before the cause is known",
		Long: `Propose an interim mitigation: what would be lost once it is in place, how long it takes
to put there, what may go wrong, how it is taken back, and whose it is. It changes
nothing yet; "nightcall business apply" says that it was done.

EXIT STATUS
  0  it is written down
  1  it could not be
  2  usage`,
		Example: `  nightcall business mitigation "sell through the old shop" --loss 200k/day --takes 15m --owner Ana
  nightcall business mitigation "reroute to Frankfurt" --saves 80% --takes 40m --risk "slower for Asia" --reversal "DNS back"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBusinessMitigation(cmd.Context(), a, opts, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.loss, "loss", "", "what is lost with it: 200k/day")
	f.StringVar(&opts.saves, "saves", "", "or which part of the present loss it spares: 80%")
	f.StringVar(&opts.takes, "takes", "", "how long until it is in place: 15m, 3h")
	f.StringVar(&opts.risk, "risk", "", "what may go wrong")
	f.StringVar(&opts.reversal, "reversal", "", "how it is taken back")
	f.StringVar(&opts.owner, "owner", "", "whose it is")
	return cmd
}

const mitigationExample = `nightcall business mitigation "sell through the old shop" --loss 200k/day --takes 15m`

func runBusinessMitigation(ctx context.Context, a *app, opts mitigationOptions, args []string) error {
	text, err := a.words(args, "the mitigation", mitigationExample)
	if err != nil {
		return err
	}
	if (opts.loss == "") == (opts.saves == "") {
		return usageError(mitigationExample, "say either --loss or --saves")
	}
	takes, err := span(opts.takes, "--takes", mitigationExample)
	if err != nil {
		return err
	}
	return a.record(ctx, timeline.MitigationProposed, "", func(now incident.Incident) (any, error) {
		rate, err := opts.rate(now, a.now())
		return timeline.Proposal{
			Text: text, Rate: rate, Takes: takes, Risk: clean(opts.risk), Reversal: clean(opts.reversal), Owner: clean(opts.owner),
		}, err
	})
}

// errNoLoss says that a part of an unknown whole was asked for.
var errNoLoss = errors.New("nobody said yet what is lost")

// rate is what is lost with the mitigation.
func (o mitigationOptions) rate(now incident.Incident, at time.Time) (money.Rate, error) {
	present, known := now.Business.RateAt(at)
	if o.saves == "" {
		rate, err := money.ParseRate(o.loss, present.Currency)
		if err != nil {
			return rate, usageError(mitigationExample, "%w", err)
		}
		return rate, nil
	}
	if !known {
		return present, withHint(errNoLoss, "%s", lossExample)
	}
	part, err := money.ParsePart(o.saves)
	if err != nil {
		return present, usageError(mitigationExample, "--saves %w", err)
	}
	return present.Less(part), nil
}

type turnOptions struct {
	loss   string
	since  string
	reason string
}

func newBusinessApplyCmd(a *app) *cobra.Command {
	var opts turnOptions
	cmd := &cobra.Command{
		Use:   "apply MITIGATION",
		Short: "Write down that a mitigation is in place",
		Long: `Write down that a mitigation is in place. From then on the loss is what was proposed, or
what --loss says it really is.

A mitigation is named by the ref that "nightcall business" prints, or by words of it.

EXIT STATUS
  0  it is written down
  1  there is no such mitigation, or it was applied or dropped already
  2  usage; also when several are meant`,
		Example: `  nightcall business apply "old shop"
  nightcall business apply 8q2z --loss 250k/day --since 05:10`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opts.turn(cmd.Context(), a, timeline.MitigationApplied, args, incident.Proposed)
		},
		ValidArgsFunction: a.completeMitigations,
	}
	cmd.Flags().StringVar(&opts.loss, "loss", "", "what is lost now, when it is not what was proposed")
	cmd.Flags().StringVar(&opts.since, "since", "", "in place since: 05:10, 20m")
	return cmd
}

func newBusinessRevertCmd(a *app) *cobra.Command {
	var opts turnOptions
	cmd := &cobra.Command{
		Use:   "revert MITIGATION",
		Short: "Write down that a mitigation was taken back",
		Long: `Write down that a mitigation is no longer in place. From then on the loss is what it was
before, or what --loss says.

EXIT STATUS
  0  it is written down
  1  there is no such mitigation, or it is not in place
  2  usage; also when several are meant`,
		Example: `  nightcall business revert "old shop" --loss 0/day --reason "the shop is back"`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opts.turn(cmd.Context(), a, timeline.MitigationReverted, args, incident.Applied)
		},
		ValidArgsFunction: a.completeMitigations,
	}
	cmd.Flags().StringVar(&opts.loss, "loss", "", "what is lost now, when it is not what it was before")
	cmd.Flags().StringVar(&opts.since, "since", "", "taken back at: 05:10, 20m")
	cmd.Flags().StringVar(&opts.reason, "reason", "", "why")
	return cmd
}

func newBusinessDropCmd(a *app) *cobra.Command {
	var opts turnOptions
	cmd := &cobra.Command{
		Use:   "drop MITIGATION",
		Short: "Write down that a proposed mitigation is not wanted",
		Long: `Write down that a proposed mitigation will not be applied. The proposal stays in the
timeline, with the reason beside it.

EXIT STATUS
  0  it is written down
  1  there is no such mitigation, or it was applied or dropped already
  2  usage; also when several are meant`,
		Example: `  nightcall business drop "old shop" --reason "legal says no"`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opts.turn(cmd.Context(), a, timeline.MitigationDropped, args, incident.Proposed)
		},
		ValidArgsFunction: a.completeMitigations,
	}
	cmd.Flags().StringVar(&opts.reason, "reason", "", "why")
	return cmd
}

// turn writes the next word on a mitigation that is in the state it needs.
func (o turnOptions) turn(ctx context.Context, a *app, kind timeline.Kind, args []string, needs incident.MitigationState) error {
	from, err := a.since(o.since)
	if err != nil {
		return err
	}
	return a.record(ctx, kind, "", func(now incident.Incident) (any, error) {
		m, err := oneMitigation(now, strings.Join(args, " "), needs)
		if err != nil {
			return nil, err
		}
		turn := timeline.Turn{Mitigation: m.ID, Text: m.Text, Reason: clean(o.reason)}
		if kind == timeline.MitigationDropped {
			return turn, nil
		}
		if kind == timeline.MitigationReverted && from.Before(m.From) {
			return nil, usageError("--since says when it was taken back", "%s was put in place later than that", printable(m.Text))
		}
		rate, err := o.rate(now, m, kind, from)
		turn.Rate, turn.From = &rate, from.UTC()
		return turn, err
	})
}

// rate is what is lost after the turn.
func (o turnOptions) rate(now incident.Incident, m incident.Mitigation, kind timeline.Kind, from time.Time) (money.Rate, error) {
	expected := m.Rate
	if kind == timeline.MitigationReverted {
		expected = m.Before
	}
	if o.loss == "" {
		if !expected.Valid() {
			return expected, withHint(errNoLoss, "--loss says what is lost now")
		}
		return expected, nil
	}
	present, _ := now.Business.RateAt(from)
	rate, err := money.ParseRate(o.loss, present.Currency)
	if err != nil {
		return rate, usageError("--loss 200k/day", "%w", err)
	}
	return rate, nil
}

// oneMitigation is the one that a word means, in the state it has to have.
func oneMitigation(now incident.Incident, word string, needs incident.MitigationState) (incident.Mitigation, error) {
	meant := now.Business.Find(word)
	if fit := slices.DeleteFunc(slices.Clone(meant), func(m incident.Mitigation) bool { return m.State != needs }); len(fit) == 1 {
		return fit[0], nil
	}
	switch len(meant) {
	case 0:
		return incident.Mitigation{}, withHint(fmt.Errorf("no mitigation is called %q", word), "nightcall business lists them")
	case 1:
		return incident.Mitigation{}, withHint(
			fmt.Errorf("mitigation %q is %s, not %s", printable(meant[0].Text), meant[0].State, needs), "nightcall business",
		)
	}
	var refs []string
	for _, m := range meant {
		refs = append(refs, incident.Ref(m.ID)+" "+m.Text)
	}
	return incident.Mitigation{}, usageError("name one by its ref: "+strings.Join(refs, ", "), "%q means %s", word, plural(len(meant), "mitigation"))
}

// completeMitigations offers the refs of mitigations.
func (a *app) completeMitigations(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	i, err := a.openCurrent(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer i.Close()
	now, _ := i.fold(cmd.Context())
	var offers []string
	for _, m := range now.Business.Mitigations {
		offers = append(offers, incident.Ref(m.ID))
	}
	return completeWords(offers...)(cmd, nil, typed)
}
