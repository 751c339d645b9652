package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/home"
)

func newUseCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "use NAME|DIR",
		GroupID: groupIncident,
		Short:   "Make another incident the current one",
		Long: `Make an incident the one that commands work on, by its name, the beginning of its
name or words in it, or its directory, wherever that is. A closed one will do, to read
in it.

For one command only there is --incident, and for one shell $NIGHTCALL_INCIDENT.

EXIT STATUS
  0  it is the current one
  1  there is no such incident, or it cannot be read
  2  usage; also when the name fits several`,
		Example: `  nightcall use checkout
  nightcall use 2026-03-04
  nightcall use /media/usb/acme`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return runUse(cmd.Context(), a, args[0]) },
		ValidArgsFunction: a.completeIncidents,
	}
}

func runUse(ctx context.Context, a *app, name string) (err error) {
	i, err := a.openNamed(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	h, err := home.Find(a.getenv)
	if err != nil {
		return withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	if err := h.SetCurrent(i.Dir); err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"id": i.ID, "name": i.Name(), "dir": i.Dir, "title": i.Title})
	}
	a.say("current incident: %s", printable(i.Title))
	a.warnOverride(i.Dir)
	_, err = fmt.Fprintln(a.io.Out, i.Dir)
	return err
}
