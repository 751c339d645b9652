package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/catalog"
)

func newCheckTestCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test [FILE...]",
		Short: "Judge checks by their fixtures",
		Long: `Judge each check by its fixtures, testdata/CHECK/*.json beside its file: hosts for
which the answer is known. A file that begins with bad must give a finding, one that
begins with good must give none, and one that begins with unknown must be unknown.
Without FILE the whole catalogue is tested, yours included.

EXIT STATUS
  0  every fixture was answered as it should be
  1  one was not, a check has no bad or no good fixture, or a file is wrong`,
		Example: `  nightcall check test
  nightcall check test ~/.config/nightcall/checks/queue-long.yaml`,
		RunE: func(_ *cobra.Command, args []string) error { return runCheckTest(a, args) },
	}
}

func runCheckTest(a *app, files []string) error {
	catalogue, err := a.catalogue()
	if err != nil && len(files) == 0 {
		return err
	}
	entries := catalogue.Entries
	if len(files) > 0 {
		if entries, err = loadChecks(files); err != nil {
			return err
		}
	}
	outcomes := []catalog.Outcome{}
	for _, e := range entries {
		tried, err := catalog.Test(e, catalogue.EOL)
		if err != nil {
			return err
		}
		outcomes = append(outcomes, tried...)
	}
	return printOutcomes(a, outcomes)
}

// loadChecks reads single check files.
func loadChecks(files []string) ([]catalog.Entry, error) {
	var entries []catalog.Entry
	for _, file := range files {
		e, err := catalog.LoadFile(os.DirFS(filepath.Dir(file)), filepath.Base(file), file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(err, "nightcall check list says where each check comes from")
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func printOutcomes(a *app, outcomes []catalog.Outcome) error {
	failed := 0
	table := newTable(a.io, "RESULT", "CHECK", "FIXTURE", "PROBLEM")
	for _, o := range outcomes {
		result := "pass"
		if !o.Passed {
			result = "fail"
			failed++
		}
		table.row(result, o.Check, filepath.Base(o.Fixture), o.Problem)
	}
	if a.json {
		if err := printJSON(a.io, map[string]any{"outcomes": outcomes, "failed": failed}); err != nil {
			return err
		}
	} else if err := table.flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d fixtures were answered otherwise", failed, len(outcomes))
	}
	return nil
}
