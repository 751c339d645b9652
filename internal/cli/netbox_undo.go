package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func newNetBoxUndoCmd(a *app) *cobra.Command {
	var opts netboxOptions
	cmd := &cobra.Command{
		Use: "undo", Short: "Take back exactly what this incident wrote into NetBox",
		Long: `Delete what this incident created in NetBox and give the fields it changed their old
values, as the timeline tells. What somebody has changed since stays, and so does
whatever holds something that is not ours. Where the record does not tell whether a
request was done, NetBox is asked. The token needs the right to delete.` + netboxHelp + `

EXIT STATUS
  0    taken back, but for what is said to stay
  1    NetBox refused some of it, or could not be reached
  2    usage
  130  cancelled`,
		Example: `  nightcall netbox undo --dry-run
  nightcall netbox undo --token-file admin-token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNetBoxUndo(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "say what would be taken back, and write nothing")
	return cmd
}

func runNetBoxUndo(ctx context.Context, a *app, opts netboxOptions) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	client, _, err := a.connect(ctx, opts)
	if err != nil {
		return err
	}
	record, open, err := i.netboxRecord(ctx, client.URL())
	if err != nil {
		return err
	}
	plan, err := client.PlanUndo(ctx, record, open)
	if err != nil {
		return netboxHint(err)
	}
	if opts.dryRun {
		return a.printNetBoxPlan(client, plan, false)
	}
	result, err := client.Undo(ctx, plan, i.netboxReason()+": undone", netboxRecorder{ctx, i, client.URL()})
	return a.netboxFinish(client, result, err)
}
