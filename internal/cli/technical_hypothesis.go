package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newTechnicalHypothesisCmd(a *app) *cobra.Command {
	var test, owner, host string
	cmd := &cobra.Command{
		Use:   "hypothesis TEXT|-",
		Short: "Write down what may be the cause, and what would tell",
		Long: `Write down a hypothesis: what may be the cause, the test that would tell, and who does
it. "nightcall technical outcome" says what the test said.
` + exitStatusText,
		Example: `  nightcall technical hypothesis "the firewall drops web2" --test "nc db1 3306 from each backend" --owner Bob`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.words(args, "the hypothesis", `nightcall technical hypothesis "the firewall drops web2" --test "nc db1 3306"`)
			if err != nil {
				return err
			}
			return a.record(cmd.Context(), timeline.HypothesisRaised, host, func(incident.Incident) (any, error) {
				return timeline.Hypothesis{Text: text, Test: clean(test), Owner: clean(owner)}, nil
			})
		},
	}
	cmd.Flags().StringVar(&test, "test", "", "what would tell")
	cmd.Flags().StringVar(&owner, "owner", "", "who tests it")
	a.hostFlag(cmd, &host)
	return cmd
}

// outcomes are what a test may say.
var outcomes = []string{string(timeline.Confirmed), string(timeline.Refuted), string(timeline.Unclear)}

func newTechnicalOutcomeCmd(a *app) *cobra.Command {
	var evidence string
	cmd := &cobra.Command{
		Use:   "outcome HYPOTHESIS confirmed|refuted|unclear",
		Short: "Write down what the test of a hypothesis said",
		Long: `Write down what the test of a hypothesis said: confirmed, refuted or unclear. A later
outcome takes the place of an earlier one; both stay in the timeline.

A hypothesis is named by the ref that "nightcall technical" prints, or by words of it.

EXIT STATUS
  0  it is written down
  1  there is no such hypothesis
  2  usage; also when several are meant`,
		Example: `  nightcall technical outcome firewall confirmed --evidence "only web2 times out"`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTechnicalOutcome(cmd.Context(), a, evidence, args)
		},
		ValidArgsFunction: completeWords(outcomes...),
	}
	cmd.Flags().StringVar(&evidence, "evidence", "", "what showed it")
	return cmd
}

func runTechnicalOutcome(ctx context.Context, a *app, evidence string, args []string) error {
	last := len(args) - 1
	if !slices.Contains(outcomes, args[last]) {
		return usageError("outcomes: "+strings.Join(outcomes, ", "), "unknown outcome %q", args[last])
	}
	return a.record(ctx, timeline.HypothesisSettled, "", func(now incident.Incident) (any, error) {
		h, err := one(now.Technical.FindHypotheses, strings.Join(args[:last], " "), "hypothesis", "hypotheses",
			func(h incident.Hypothesis) string { return incident.Ref(h.ID) + " " + h.Text })
		return timeline.Settlement{
			Hypothesis: h.ID, Text: h.Text, Outcome: timeline.Outcome(args[last]), Evidence: clean(evidence),
		}, err
	})
}

// one is the only thing that a word means.
func one[T any](find func(string) []T, word, thing, things string, name func(T) string) (found T, err error) {
	meant := find(word)
	switch len(meant) {
	case 0:
		return found, withHint(fmt.Errorf("no %s is called %q", thing, word), "nightcall technical lists them")
	case 1:
		return meant[0], nil
	}
	var names []string
	for _, m := range meant {
		names = append(names, name(m))
	}
	return found, usageError("name one by its ref: "+strings.Join(names, ", "), "%q means %d %s", word, len(meant), things)
}
