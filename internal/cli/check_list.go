package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/catalog"
	"github.com/nightcall-sh/nightcall/internal/check"
)

func newCheckListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the checks and where they come from",
		Long: `List every check with its title, the statuses it can end in, the facts it needs and
its origin. A check of yours that stands in for a built-in one says so.

EXIT STATUS
  0  the list was printed
  1  a check file is wrong; the others are listed`,
		Example: `  nightcall check list
  nightcall check list --json | jq -r '.checks[].check'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runCheckList(a) },
	}
}

// A checkRow is one check as --json prints it.
type checkRow struct {
	check.Spec
	Needs   []string `json:"needs"` // the facts under those that it names
	Origin  string   `json:"origin"`
	Shadows bool     `json:"shadows"`
}

func newCheckRow(e catalog.Entry) checkRow {
	return checkRow{Spec: e.Spec, Needs: append([]string{}, check.Needs(e.Spec.Facts)...), Origin: e.Origin, Shadows: e.Shadows}
}

func runCheckList(a *app) error {
	catalogue, broken := a.catalogue()
	rows := []checkRow{}
	for _, e := range catalogue.Entries {
		rows = append(rows, newCheckRow(e))
	}
	if a.json {
		eol := map[string]any{"as_of": catalogue.EOL.AsOf, "origin": catalogue.EOLOrigin}
		if err := printJSON(a.io, map[string]any{"checks": rows, "eol": eol}); err != nil {
			return err
		}
		return broken
	}
	table := newTable(a.io, "CHECK", "TITLE", "STATUSES", "FACTS", "ORIGIN")
	for _, row := range rows {
		table.row(row.Name, row.Title, strings.Join(possible(row.Spec), ","), strings.Join(row.Needs, ","), row.origin())
	}
	if err := table.flush(); err != nil {
		return err
	}
	return broken
}

// possible are the statuses that a check's conditions name.
func possible(spec check.Spec) []string {
	var names []string
	for _, c := range []struct {
		text   string
		status check.Status
	}{{spec.Critical, check.Critical}, {spec.Warning, check.Warning}, {spec.Unknown, check.Unknown}} {
		if c.text != "" {
			names = append(names, c.status.String())
		}
	}
	return names
}

func (r checkRow) origin() string {
	if r.Shadows {
		return r.Origin + " (instead of the built-in one)"
	}
	return r.Origin
}
