package cli

import "github.com/spf13/cobra"

func newHostCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "host",
		GroupID: groupLook,
		Short:   "Look at one host: what was seen, what changed, what people say",
		Example: `  nightcall host show db1
  nightcall host diff web2
  nightcall host declare db1 --runs mysql`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHostShowCmd(a), newHostDiffCmd(a), newHostDeclareCmd(a), newHostRetractCmd(a))
	return cmd
}
