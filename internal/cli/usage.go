package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// checkUsage makes every command below cmd answer wrong arguments as a usage
// error, with where to read on.
func checkUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		checkUsage(sub)
		if sub.Args == nil {
			continue
		}
		accept := sub.Args
		sub.Args = func(cmd *cobra.Command, args []string) error {
			err := accept(cmd, args)
			var known *cliError
			if err == nil || errors.As(err, &known) {
				return err
			}
			return usageError("nightcall "+commandPath(cmd)+"--help", "%w", err)
		}
	}
}
