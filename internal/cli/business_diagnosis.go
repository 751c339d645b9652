package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newBusinessDiagnosisCmd(a *app) *cobra.Command {
	var saidBy string
	cmd := &cobra.Command{
		Use:   "diagnosis SPAN [TEXT]",
		Short: "Estimate how much longer the way to the cause takes",
		Long: `Write down how much longer finding the cause, or the repair that is waited for, is
thought to take from now. "nightcall business" then says what waiting costs, and whether
a mitigation would be quicker. A new estimate takes the place of the last; both stay in
the timeline.

EXIT STATUS
  0  it is written down
  1  it could not be
  2  usage`,
		Example: `  nightcall business diagnosis 3h "the restore of db1" --said-by Bob`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBusinessDiagnosis(cmd.Context(), a, saidBy, args)
		},
	}
	cmd.Flags().StringVar(&saidBy, "said-by", "", "who said it")
	return cmd
}

func runBusinessDiagnosis(ctx context.Context, a *app, saidBy string, args []string) error {
	takes, err := span(args[0], "the estimate", "nightcall business diagnosis 3h")
	if err != nil {
		return err
	}
	text := clean(strings.Join(args[1:], " "))
	return a.record(ctx, timeline.DiagnosisEstimated, "", func(incident.Incident) (any, error) {
		return timeline.Estimate{Takes: takes, Text: text, SaidBy: clean(saidBy)}, nil
	})
}
