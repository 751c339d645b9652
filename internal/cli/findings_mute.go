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
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newFindingsMuteCmd(a *app) *cobra.Command {
	var reason, until string
	cmd := &cobra.Command{
		Use:   "mute FINDING --reason TEXT --until WHEN",
		Short: "Leave a finding out of the list for a while, and say why",
		Long: `Leave a finding out of the list until a moment: a span from now (8h, 3d), a date or a
time. Who muted it, when, why and until when is in the timeline, and the finding stays
counted: in "nightcall findings", in the report's coverage, and one by one in "nightcall
findings muted". When it becomes worse than it was, it is shown again, and so it is when
the time is over.

A finding is named by the id that "nightcall findings" prints, or by the beginning of it.

EXIT STATUS
  0  it is muted
  1  the incident cannot be read or written
  2  usage; no such finding, or several`,
		Example: `  nightcall findings mute 5c1d0e9f --reason "known, ticket 4711" --until 3d
  nightcall findings mute 5c1d0e9f --reason "new disk comes on Friday" --until 2026-03-06`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFindingsMute(cmd.Context(), a, args[0], clean(reason), until)
		},
		ValidArgsFunction: a.completeFindings,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why nobody needs to read it")
	cmd.Flags().StringVar(&until, "until", "", "when it is shown again: 8h, 3d, 2026-03-06, 2026-03-06 18:00")
	return cmd
}

func newFindingsUnmuteCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unmute FINDING",
		Short: "Show a muted finding again",
		Long: `Show a muted finding again, before its time is over. The timeline keeps that it was
muted.

EXIT STATUS
  0  it is shown again
  1  the incident cannot be read or written
  2  usage; no such finding is muted`,
		Example: `  nightcall findings unmute 5c1d0e9f`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFindingsUnmute(cmd.Context(), a, args[0])
		},
	}
}

func newFindingsMutedCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "muted",
		Short: "List what is muted, by whom, why and until when",
		Long: `List what people muted: by whom, why, and until when. The state is "muted"; "over" when
the time is over; "worse" when the finding is worse than it was, and shown again; "gone"
when there is no such finding now.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incident cannot be read`,
		Example: `  nightcall findings muted
  nightcall findings muted --json | jq -r '.muted[] | select(.state == "over") | .finding'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFindingsMuted(cmd.Context(), a) },
	}
}

// mutes are what people muted in this incident.
func (i *openIncident) mutes(ctx context.Context) ([]check.Mute, error) {
	entries, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.FindingMuted, timeline.FindingUnmuted)
	return check.MutesOf(entries), err
}

// judged judges a fleet by the whole catalogue, and sets apart what is muted.
func (i *openIncident) judged(ctx context.Context, c catalog.Catalogue, fleet inventory.Fleet, m link.Map) (check.Result, error) {
	return i.judgedBy(ctx, c.Checks(), c.EOL, fleet, check.NewSite(fleet, m))
}

// judgedBy judges hosts of a site by some checks, and sets apart what is muted.
func (i *openIncident) judgedBy(ctx context.Context, checks []check.Check, eol check.EOL, fleet inventory.Fleet, site *check.Site) (check.Result, error) {
	now := i.app.now()
	result := check.JudgeFleet(checks, eol, fleet, site, now)
	mutes, err := i.mutes(ctx)
	result.Silence(mutes, now)
	return result, err
}

// found judges the incident's fleet. A check file that cannot be read is told,
// and the others count.
func (i *openIncident) found(ctx context.Context) (check.Result, error) {
	fleet, m, err := i.Map(ctx)
	if err != nil {
		return check.Result{}, err
	}
	catalogue, broken := i.app.catalogue()
	if broken != nil {
		i.app.say("nightcall: %s", printable(broken.Error()))
	}
	return i.judged(ctx, catalogue, fleet, m)
}

// everything is what was found, muted or not.
func everything(r check.Result) []check.Finding {
	all := slices.Clone(r.Findings)
	for _, f := range r.Muted {
		all = append(all, f.Finding)
	}
	return all
}

// findingNamed is the one whose id begins so.
func findingNamed(findings []check.Finding, id string) (check.Finding, error) {
	var meant []check.Finding
	for _, f := range findings {
		if id != "" && strings.HasPrefix(f.ID, strings.ToLower(id)) {
			meant = append(meant, f)
		}
	}
	switch len(meant) {
	case 0:
		return check.Finding{}, usageError("nightcall findings prints their ids", "no finding %q", id)
	case 1:
		return meant[0], nil
	}
	return check.Finding{}, usageError("type more of it", "%d findings begin with %q", len(meant), id)
}

func runFindingsMute(ctx context.Context, a *app, id, reason, until string) error {
	const example = `nightcall findings mute 5c1d0e9f --reason "ticket 4711" --until 3d`
	if reason == "" || until == "" {
		return usageError(example, "a mute has a --reason and an end, --until")
	}
	end, err := parseUntil(until, a.now())
	if err != nil {
		return err
	}
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
	return i.declare(ctx, timeline.FindingMuted, f.Host, timeline.Mute{
		Finding: f.ID, Check: f.Check, Host: f.Host, Key: f.Key, Status: f.Status.String(), Reason: reason, Until: end,
	})
}

// parseUntil reads a moment in the future: a span from now, or a time.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if d, ok := parseSpan(text); ok {
		return after(now.Add(d), now, text)
	}
	at, err := parseSince(text, now)
	if err != nil {
		return at, usageError(untilHint(now), "--until %q is no span and no time", text)
	}
	return after(at, now, text)
}

func after(at, now time.Time, text string) (time.Time, error) {
	if !at.After(now) {
		return at, usageError(untilHint(now), "--until %q is over already", text)
	}
	return at, nil
}

func untilHint(now time.Time) string {
	return "--until 8h, --until 3d, --until " + now.AddDate(0, 0, 3).Format(time.DateOnly)
}

func runFindingsUnmute(ctx context.Context, a *app, id string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	mutes, err := i.mutes(ctx)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(mutes, func(m check.Mute) bool { return id != "" && strings.HasPrefix(m.Finding, strings.ToLower(id)) })
	if n < 0 {
		return usageError("nightcall findings muted lists them", "no finding %q is muted", id)
	}
	m := mutes[n].Mute
	m.Reason, m.Until = "", time.Time{}
	return i.declare(ctx, timeline.FindingUnmuted, m.Host, m)
}

// A mutedState is a mute, and whether it still holds.
type mutedState struct {
	check.Mute

	State string `json:"state"` // muted, over, worse, gone
}

func runFindingsMuted(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	mutes, err := i.mutes(ctx)
	if err != nil {
		return err
	}
	result, err := i.found(ctx)
	if err != nil {
		return err
	}
	list := make([]mutedState, 0, len(mutes))
	for _, m := range mutes {
		list = append(list, mutedState{m, stateOf(m, result, a.now())})
	}
	if a.json {
		return printJSON(a.io, map[string]any{"muted": list})
	}
	if len(list) == 0 {
		a.say("nightcall: nothing is muted")
	}
	table := newTable(a.io, "STATE", "HOST", "CHECK", "KEY", "STATUS", "REASON", "UNTIL", "BY", "AT", "FINDING")
	for _, m := range list {
		table.row(m.State, m.Host, m.Check, m.Key, m.Status, m.Reason, stamp(m.Until), m.By, stamp(m.At), m.Finding)
	}
	return table.flush()
}

func stateOf(m check.Mute, result check.Result, now time.Time) string {
	switch {
	case m.Over(now):
		return "over"
	case slices.ContainsFunc(result.Muted, func(f check.MutedFinding) bool { return f.ID == m.Finding }):
		return "muted"
	case slices.ContainsFunc(result.Findings, func(f check.Finding) bool { return f.ID == m.Finding }):
		return "worse"
	}
	return "gone"
}

// completeFindings offers the ids of what was found.
func (a *app) completeFindings(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	i, err := a.openCurrent(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer i.Close()
	result, err := i.found(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, f := range result.Findings {
		ids = append(ids, fmt.Sprintf("%s\t%s %s", f.ID, f.Check, place(f)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
