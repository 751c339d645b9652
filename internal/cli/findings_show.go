package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
)

func newFindingsShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show FINDING",
		Short: "Show one finding whole, and what would put it right",
		Long: `Show one finding with its evidence and, where there is one, the correction: what would
put it right, as a diff of the files on the host. It is ready to be read, discussed and
applied by a person; nightcall does not apply it.

A finding is named by the id that "nightcall findings" prints, or by the beginning of it.

EXIT STATUS
  0  it is shown
  1  the incident cannot be read
  2  usage; no such finding, or several`,
		Example: `  nightcall findings show 5c1d0e9f
  nightcall findings show 5c1d0e9f --json | jq -r .correction.diff`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return runFindingsShow(cmd.Context(), a, args[0]) },
		ValidArgsFunction: a.completeFindings,
	}
}

func runFindingsShow(ctx context.Context, a *app, id string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	result, err := i.found(ctx)
	if err != nil {
		return err
	}
	f, err := findingNamed(everything(result), id)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, f)
	}
	p := findingsPage{now: a.now(), colour: a.io.Colour, width: a.io.Width}
	p.whole(f)
	n := slices.IndexFunc(result.Muted, func(m check.MutedFinding) bool { return m.ID == f.ID })
	if n >= 0 {
		m := result.Muted[n].Mute
		p.line("Muted by %s until %s: %s", m.By, m.Until.UTC().Format("2006-01-02 15:04 UTC"), m.Reason)
	}
	_, err = fmt.Fprint(a.io.Out, p.text.String())
	return err
}

// whole prints a finding and its correction.
func (p *findingsPage) whole(f check.Finding) {
	c := f.Correction
	f.Correction = nil
	p.finding(f, nil)
	if c == nil {
		p.line("No correction is known for it.")
		return
	}
	p.line("Ready, and not applied: %s.", c.Title)
	p.text.WriteString("\n" + c.Diff + "\n") // as it is: lines are not folded
	p.line("Before: %s.", c.Caution)
	p.line("Then:   %s", c.Then)
}
