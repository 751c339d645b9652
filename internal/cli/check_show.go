package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/catalog"
	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
)

func newCheckShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show CHECK",
		Short: "Show one check: its file, its thresholds, and what it asks of a host",
		Long: `Show a check as it is applied: when it is critical, warning or unknown, its file, and
the facts it needs with everything that a scan asks of a host for them.

EXIT STATUS
  0  the check was shown
  1  a check file is wrong
  2  usage; no such check`,
		Example: `  nightcall check show filesystem-full
  nightcall check show heartbleed --json | jq -r .source`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeChecks,
		RunE:              func(_ *cobra.Command, args []string) error { return runCheckShow(a, args[0]) },
	}
}

func runCheckShow(a *app, name string) error {
	catalogue, broken := a.catalogue()
	e, err := checkNamed(catalogue, name)
	if err != nil {
		if broken != nil {
			return broken // the check asked for may be the one that is wrong
		}
		return err
	}
	row := newCheckRow(e)
	var facts []fact.Fact
	for _, need := range row.Needs {
		if f, ok := fact.Lookup(need); ok {
			facts = append(facts, f)
		}
	}
	if a.json {
		return printJSON(a.io, struct {
			checkRow
			Inputs []check.Input `json:"inputs"`
			Probes []probe       `json:"probes"`
			Source string        `json:"source"`
		}{row, inputsOf(e), probes(facts), e.Source})
	}
	if _, err := fmt.Fprint(a.io.Out, checkPage(e, row)); err != nil {
		return err
	}
	return printProbes(a, probes(facts))
}

// inputsOf describes what a check names under facts.
func inputsOf(e catalog.Entry) []check.Input {
	inputs := []check.Input{}
	for _, in := range check.Inputs() {
		for _, name := range e.Spec.Facts {
			if in.Name == name {
				inputs = append(inputs, in)
			}
		}
	}
	return inputs
}

// checkPage is a check for people, without its probes.
func checkPage(e catalog.Entry, row checkRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Spec.Name, printable(e.Spec.Title))
	fmt.Fprintf(&b, "origin: %s\n\n", printable(row.origin()))
	for _, c := range []struct{ name, text string }{
		{"critical", e.Spec.Critical}, {"warning", e.Spec.Warning}, {"unknown", e.Spec.Unknown},
	} {
		if c.text != "" {
			fmt.Fprintf(&b, "%-8s  when %s\n", c.name, printable(c.text))
		}
	}
	if e.Spec.Each != "" {
		fmt.Fprintf(&b, "judged for each of %s\n", printable(e.Spec.Each))
	}
	for _, in := range inputsOf(e) {
		if in.Derived {
			fmt.Fprintf(&b, "%s: %s\n", in.Name, in.Title)
		}
	}
	b.WriteString("\n# The file:\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(e.Source, "\n"), "\n") {
		b.WriteString("  " + printable(line) + "\n")
	}
	b.WriteString("\n# What a scan asks of the host for it:\n")
	if len(row.Needs) == 0 {
		b.WriteString("# nothing but the visit itself\n")
	}
	return b.String()
}
