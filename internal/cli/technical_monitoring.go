package cli

import (
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newTechnicalMonitoringCmd(a *app) *cobra.Command {
	var answer timeline.Monitoring
	cmd := &cobra.Command{
		Use:   "monitoring yes|no",
		Short: "Is monitoring working on this platform, yes or no?",
		Long: `Write down the answer to the painful question: is monitoring working on this platform,
yes or no? "nightcall technical" holds it against what runs on the hosts that were
looked at.
` + exitStatusText,
		Example: `  nightcall technical monitoring no --said-by Bob --why "bought, never set up"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "yes" && args[0] != "no" {
				return usageError("nightcall technical monitoring yes|no", "%q is neither yes nor no", args[0])
			}
			return a.record(cmd.Context(), timeline.MonitoringAnswered, "", func(incident.Incident) (any, error) {
				return timeline.Monitoring{Working: args[0] == "yes", Text: clean(answer.Text), SaidBy: clean(answer.SaidBy)}, nil
			})
		},
		ValidArgsFunction: completeWords("yes", "no"),
	}
	cmd.Flags().StringVar(&answer.SaidBy, "said-by", "", "who said it")
	cmd.Flags().StringVar(&answer.Text, "why", "", "how they put it")
	return cmd
}
