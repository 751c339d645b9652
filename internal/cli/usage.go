package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// checkUsage makes every command below cmd answer wrong arguments as a usage
// error, with what to type instead.
func checkUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		checkUsage(sub)
		if sub.Args == nil {
			continue
		}
		accept := sub.Args
		if sub.HasSubCommands() {
			accept = unknownCommand
		}
		sub.Args = func(cmd *cobra.Command, args []string) error {
			if err := accept(cmd, args); err != nil {
				return wrongArguments(cmd, args, err)
			}
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return usageError(firstExample(cmd), "%w", err)
			}
			return nil
		}
	}
}

// wrongArguments says how the command is called, unless err says it better.
func wrongArguments(cmd *cobra.Command, args []string, err error) error {
	var known *cliError
	switch takes := strings.TrimSuffix(cmd.UseLine(), " [flags]"); {
	case errors.As(err, &known):
		return err
	case len(args) == 0:
		return usageError(firstExample(cmd), "something is missing: %s", takes)
	default:
		return usageError(firstExample(cmd), "%q does not fit: %s", strings.Join(args, " "), takes)
	}
}

// wrongFlag says what is wrong with a flag, and where to read on.
func wrongFlag(cmd *cobra.Command, err error) error {
	hint := "nightcall " + commandPath(cmd) + "--help"
	if strings.Contains(err.Error(), "duration") {
		hint = "a duration has a unit: 500ms, 10s, 5m; " + hint
	}
	return usageError(hint, "%w", err)
}

// firstExample is what to type to see the command at work.
func firstExample(cmd *cobra.Command) string {
	line, _, _ := strings.Cut(cmd.Example, "\n")
	return strings.TrimSpace(line)
}

// unknownCommand refuses what is no command, with the nearest one.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := "nightcall " + commandPath(cmd) + "--help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: nightcall " + commandPath(cmd) + near[0]
	}
	return usageError(hint, "unknown command %q", commandPath(cmd)+args[0])
}
