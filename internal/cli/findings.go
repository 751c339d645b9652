package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/catalog"
	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

type findingsOptions struct {
	hosts    []string
	checks   []string
	statuses []string
	all      bool
}

func newFindingsCmd(a *app) *cobra.Command {
	var opts findingsOptions
	cmd := &cobra.Command{
		Use:     "findings",
		GroupID: groupLook,
		Short:   "Say what is wrong, worst first",
		Long: `Judge the facts that scans have stored, without connecting to any host. Each finding
has a technical sentence, one for people who are not technicians, and the evidence:
what to type to see it again, what proved it, and when that was read.

What could not be judged is said too. "unknown" means that the host was asked and
could not say; "not checked" that nobody asked it; neither counts as fine. What a
person muted is left out of the list, counted, and listed by "nightcall findings muted".

Findings are a result, not a failure: they do not change the exit status.

EXIT STATUS
  0  the facts were judged, whatever was found
  1  the incident or a check file cannot be read; what could be judged is printed
  2  usage; no such host, check or status`,
		Example: `  nightcall findings
  nightcall findings --host web1 --status critical,warning
  nightcall findings --json | jq -r '.findings[] | select(.status == "critical") | .business'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFindings(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringSliceVar(&opts.hosts, "host", nil, "only these hosts")
	cmd.Flags().StringSliceVar(&opts.checks, "check", nil, "only these checks")
	cmd.Flags().StringSliceVar(&opts.statuses, "status", nil, "only findings with these statuses: critical, warning, unknown")
	cmd.Flags().BoolVar(&opts.all, "all", false, "also list what is fine and what was not checked")
	_ = cmd.RegisterFlagCompletionFunc("status", completeWords(findingStatuses...))
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	_ = cmd.RegisterFlagCompletionFunc("check", a.completeChecks)
	cmd.AddCommand(newFindingsShowCmd(a), newFindingsMuteCmd(a), newFindingsUnmuteCmd(a), newFindingsMutedCmd(a))
	return cmd
}

// findingStatuses are those that a finding can have.
var findingStatuses = []string{check.Critical.String(), check.Warning.String(), check.Unknown.String()}

func runFindings(ctx context.Context, a *app, opts findingsOptions) error {
	for _, s := range opts.statuses {
		if !slices.Contains(findingStatuses, s) {
			return usageError("statuses: "+strings.Join(findingStatuses, ", "), "unknown status %q", s)
		}
	}
	catalogue, broken := a.catalogue()
	checks, err := chosenChecks(catalogue, opts.checks)
	if err != nil {
		return err
	}
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	fleet, m, err := incident.Map(ctx)
	if err != nil {
		return err
	}
	site := check.NewSite(fleet, m)
	if fleet.Hosts, err = chosenHosts(fleet, opts.hosts); err != nil {
		return err
	}
	result, err := incident.judgedBy(ctx, checks, catalogue.EOL, fleet, site)
	if err != nil {
		return err
	}
	if err := printFindings(a, opts, fleet, result); err != nil {
		return err
	}
	return broken
}

// chosenChecks are those named, or all.
func chosenChecks(c catalog.Catalogue, names []string) ([]check.Check, error) {
	if len(names) == 0 {
		return c.Checks(), nil
	}
	var chosen []check.Check
	for _, name := range names {
		e, err := checkNamed(c, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, e.Check)
	}
	return chosen, nil
}

// chosenHosts are those named, or all.
func chosenHosts(fleet inventory.Fleet, names []string) ([]inventory.Host, error) {
	if len(names) == 0 {
		return fleet.Hosts, nil
	}
	var chosen []inventory.Host
	for _, name := range names {
		h, ok := fleet.Find(name)
		if !ok {
			return nil, unknownHost(fleet, name)
		}
		chosen = append(chosen, h)
	}
	return chosen, nil
}

// printFindings prints a result in the shape that the reader of standard output
// wants.
func printFindings(a *app, opts findingsOptions, fleet inventory.Fleet, result check.Result) error {
	if len(opts.statuses) > 0 {
		result.Findings = slices.DeleteFunc(result.Findings, func(f check.Finding) bool {
			return !slices.Contains(opts.statuses, f.Status.String())
		})
		result.Muted = slices.DeleteFunc(result.Muted, func(f check.MutedFinding) bool {
			return !slices.Contains(opts.statuses, f.Status.String())
		})
	}
	if !opts.all {
		result.Judgements = nil
	}
	if a.json {
		return printFindingsJSON(a, result)
	}
	if len(fleet.Hosts) == 0 {
		fmt.Fprintln(a.io.Err, "nightcall: hint: this incident has no hosts yet: nightcall scan web1 web2")
	}
	if a.io.OutTTY {
		return printFindingsPage(a, fleet, result)
	}
	if err := printFindingsTable(a, result); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.io.Err, "nightcall: "+tallyText(result.Tally))
	return err
}

func printFindingsJSON(a *app, result check.Result) error {
	out := map[string]any{"findings": result.Findings, "muted": append([]check.MutedFinding{}, result.Muted...), "tally": result.Tally}
	if result.Judgements != nil {
		out["judgements"] = result.Judgements
	}
	return printJSON(a.io, out)
}

// printFindingsTable prints one line for each finding, and with --all one for
// each judgement without any.
func printFindingsTable(a *app, result check.Result) error {
	table := newTable(a.io, "STATUS", "HOST", "CHECK", "KEY", "CONFIDENCE", "SUMMARY", "BUSINESS", "REASON", "AT", "ID")
	for _, f := range result.Findings {
		var at time.Time
		if len(f.Evidence) > 0 {
			at = f.Evidence[0].At
		}
		table.row(f.Status.String(), f.Host, f.Check, f.Key, string(f.Confidence), f.Summary, f.Business, f.Reason, stamp(at), f.ID)
	}
	for _, j := range quiet(result.Judgements) {
		table.row(string(j.Answer), j.Host, j.Check, "", "", "", "", j.Reason, stamp(j.At), "")
	}
	return table.flush()
}

// quiet are the judgements that no finding stands for.
func quiet(judgements []check.Judgement) []check.Judgement {
	var rest []check.Judgement
	for _, j := range judgements {
		if j.Answer == check.Fine || j.Answer == check.NotChecked {
			rest = append(rest, j)
		}
	}
	return rest
}

// stamp is a time for machines; empty when it is not known.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// tallyText separates what is fine from what nobody could see.
func tallyText(t check.Tally) string {
	fine := fmt.Sprintf("%d fine", t.Fine)
	if t.Partial > 0 {
		fine += fmt.Sprintf(" (%d of them on incomplete facts)", t.Partial)
	}
	total := t.Found + t.Fine + t.Unknown + t.NotChecked
	text := fmt.Sprintf("%d judgements: %d with findings, %s, %d unknown, %d not checked", total, t.Found, fine, t.Unknown, t.NotChecked)
	if t.Muted > 0 {
		text += fmt.Sprintf("; %d muted (nightcall findings muted)", t.Muted)
	}
	return text
}

// completeChecks offers the names of checks.
func (a *app) completeChecks(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	c, _ := a.catalogue() // a broken file still leaves the others to offer
	return completeWords(c.Names()...)(cmd, args, typed)
}
