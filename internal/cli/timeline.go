package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type timelineOptions struct {
	since string
	kinds []string
	hosts []string
}

func newTimelineCmd(a *app) *cobra.Command {
	var opts timelineOptions
	cmd := &cobra.Command{
		Use:     "timeline",
		GroupID: groupIncident,
		Short:   "Print what happened, in order",
		Long: `Print the entries of the timeline, in the order they were written down. Times are of
this laptop's zone.

--since takes a span (90m, 2h, 1d), a time of today (04:30), a date (2026-03-04), both
("2026-03-04 04:30"), or RFC 3339. --kind takes a kind of entry, or its first word:
scan is scan.started and scan.finished.

With --json each entry is one line: id, incident, host, at, seen, actor, trigger, kind,
v, data, and text, which is the entry in words.

EXIT STATUS
  0  the entries were printed, also when there are none
  1  the timeline cannot be read
  2  usage`,
		Example: `  nightcall timeline
  nightcall timeline --since 2h --kind note,command
  nightcall timeline --json | jq -r 'select(.host == "web1") | .text'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTimeline(cmd.Context(), a, opts) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.since, "since", "", "only entries since then")
	f.StringSliceVar(&opts.kinds, "kind", nil, "only entries of these kinds")
	f.StringSliceVar(&opts.hosts, "host", nil, "only entries about these hosts")
	_ = cmd.RegisterFlagCompletionFunc("kind", completeWords(kindWords()...))
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	return cmd
}

// A describedEntry is an entry in JSON, with what it says.
type describedEntry struct {
	timeline.Entry
	Text string `json:"text"`
}

func newDescribedEntry(e timeline.Entry) describedEntry {
	return describedEntry{Entry: e, Text: timeline.Describe(e)}
}

func runTimeline(ctx context.Context, a *app, opts timelineOptions) error {
	since, err := parseSince(opts.since, a.now())
	if err != nil {
		return err
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	entries, err := i.DB.Since(ctx, "")
	if err != nil {
		return err
	}
	if err := checkKinds(opts.kinds, entries); err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e timeline.Entry) bool { return !opts.wants(e, since) })
	return printTimeline(a, entries)
}

func (o timelineOptions) wants(e timeline.Entry, since time.Time) bool {
	return !e.At.Before(since) &&
		(len(o.hosts) == 0 || slices.Contains(o.hosts, e.Host)) &&
		(len(o.kinds) == 0 || slices.ContainsFunc(o.kinds, func(kind string) bool { return isKind(e.Kind, kind) }))
}

// isKind holds for the kind itself and for the first word of it.
func isKind(k timeline.Kind, name string) bool {
	return string(k) == name || strings.HasPrefix(string(k), name+".")
}

// checkKinds refuses a kind that neither this version nor the timeline knows.
func checkKinds(names []string, entries []timeline.Entry) error {
	for _, name := range names {
		known := slices.ContainsFunc(timeline.Kinds, func(k timeline.Kind) bool { return isKind(k, name) }) ||
			slices.ContainsFunc(entries, func(e timeline.Entry) bool { return isKind(e.Kind, name) })
		if !known {
			return usageError("kinds: "+strings.Join(kindWords(), ", "), "unknown kind %q", name)
		}
	}
	return nil
}

func kindWords() []string {
	words := make([]string, len(timeline.Kinds))
	for i, k := range timeline.Kinds {
		words[i] = string(k)
	}
	return words
}

func printTimeline(a *app, entries []timeline.Entry) error {
	if a.json {
		for _, e := range entries {
			if err := printJSONLine(a.io, newDescribedEntry(e)); err != nil {
				return err
			}
		}
		return nil
	}
	table := newTable(a.io, "AT", "ACTOR", "HOST", "KIND", "WHAT")
	for _, e := range entries {
		table.row(a.momentText(e.At), e.Actor, e.Host, string(e.Kind), timeline.Describe(e))
	}
	return table.flush()
}

// parseSince reads a span back from now, or a time in now's zone. Nothing is the
// zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, ok := parseSpan(text); ok {
		return now.Add(-d), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05 -0700", time.DateTime, "2006-01-02 15:04", time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		year, month, day := now.Date()
		return time.Date(year, month, day, t.Hour(), t.Minute(), 0, 0, now.Location()), nil
	}
	return time.Time{}, usageError("--since 2h, --since 04:30, --since 2026-03-04", "--since %q is no span and no time", text)
}

// parseSpan reads a duration, which may also be of days: 2d.
func parseSpan(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
