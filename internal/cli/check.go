package cli

import "github.com/spf13/cobra"

func newCheckCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check",
		GroupID: groupLook,
		Short:   "The catalogue of checks that findings come from",
		Long: `The checks that "nightcall findings" judges by: the built-in ones, and yours from
$NIGHTCALL_CHECKS or nightcall/checks in your configuration directory. A file of
yours stands in for the built-in check of the same name.`,
		Example: `  nightcall check list
  nightcall check show filesystem-full
  nightcall check test`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckListCmd(a), newCheckShowCmd(a), newCheckTestCmd(a))
	return cmd
}
