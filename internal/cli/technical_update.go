package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/report"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type updateOptions struct {
	given bool
	next  string
}

func newTechnicalUpdateCmd(a *app) *cobra.Command {
	var opts updateOptions
	cmd := &cobra.Command{
		Use:   "update [TEXT|-]",
		Short: "Print the status in business words, and say when the next one is due",
		Long: `Print a status update in business words, put together from what is known: what is wrong,
what it costs, what is in place, whether the cause is known, how many servers were
looked at and what was found there. It names no person and no host.

With --given, or with a text of your own, it is written into the timeline as what the
business was told, and the next one is due after --next, by default as long as last
time, at first 30 minutes.

EXIT STATUS
  0  it was printed, and written down where that was asked for
  1  the incident cannot be read or written
  2  usage`,
		Example: `  nightcall technical update
  nightcall technical update --given --next 30m
  nightcall technical update "orders work again; we watch it for an hour" --next 1h`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runTechnicalUpdate(cmd.Context(), a, opts, args) },
	}
	cmd.Flags().BoolVar(&opts.given, "given", false, "write down that the business was told this")
	cmd.Flags().StringVar(&opts.next, "next", "", "how long until the next one: 30m, 1h")
	return cmd
}

func runTechnicalUpdate(ctx context.Context, a *app, opts updateOptions, args []string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	d, err := i.reportData(ctx)
	if err != nil {
		return err
	}
	next := d.Incident.Technical.Every()
	if opts.next != "" {
		if next, err = span(opts.next, "--next", "nightcall technical update --given --next 30m"); err != nil {
			return err
		}
	}
	text := clean(report.Update(d, next))
	if len(args) > 0 {
		if text, err = a.words(args, "the update", "nightcall technical update --given"); err != nil {
			return err
		}
	}
	if opts.given || len(args) > 0 {
		if err := i.Append(ctx, timeline.UpdateGiven, "", timeline.Update{Text: text, Next: next}); err != nil {
			return err
		}
	}
	return printUpdate(a, text, a.now().Add(next), opts.given || len(args) > 0)
}

func printUpdate(a *app, text string, due time.Time, given bool) error {
	if a.json {
		return printJSON(a.io, map[string]any{"text": text, "next": due.UTC(), "given": given})
	}
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(a.io.Out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	if given {
		a.say("written down; the next one is due at %s", a.momentText(due))
	} else {
		a.say("next: nightcall technical update --given")
	}
	return nil
}

// picture draws who talks to whom, for a report.
func (i *openIncident) picture(m link.Map, found check.Result) report.Picture {
	if len(m.Hosts)+len(m.Links) == 0 {
		return report.Picture{}
	}
	return pictureOf(m, diagram.Options{Title: i.Title, FoldAbove: foldAbove, Marks: marksOf(found)})
}

func pictureOf(m link.Map, o diagram.Options) report.Picture {
	drawn := diagram.Of(m, m.Groups(), o)
	return report.Picture{Text: string(diagram.Text(drawn)), SVG: diagram.SVG(drawn)}
}

// past draws what the first scan found, and what became of it, where there was
// another scan since.
func (i *openIncident) past(ctx context.Context, d *report.Data) error {
	scans, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.ScanFinished)
	if err != nil || len(scans) < 2 {
		return err
	}
	from := scans[0].Seen
	both, o, err := i.between(ctx, from, d.At, false, diagram.Options{Title: i.Title, FoldAbove: foldAbove})
	if err != nil || len(both.before.m.Hosts) == 0 {
		return err
	}
	marks, err := i.marks(ctx, both.before.fleet, both.before.m)
	d.Before = report.Before{At: from, Picture: pictureOf(both.before.m, diagram.Options{Title: i.Title, FoldAbove: foldAbove, Marks: marks})}
	if len(o.Hosts) > 0 || slices.ContainsFunc(o.Links, func(c link.Change) bool { return c != link.Same }) {
		d.Before.Changed = pictureOf(both.after, o)
	}
	return err
}

// reportData is everything that updates and reports are told from.
func (i *openIncident) reportData(ctx context.Context) (report.Data, error) {
	d := report.Data{At: i.app.now(), Program: "nightcall " + version()}
	var err error
	if d.Entries, err = i.DB.Since(ctx, ""); err != nil {
		return d, err
	}
	d.Incident = incident.Fold(d.Entries)
	err = i.reportHosts(ctx, &d)
	return d, err
}

// reportHosts adds what is known of the hosts.
func (i *openIncident) reportHosts(ctx context.Context, d *report.Data) error {
	fleet, links, err := i.Map(ctx)
	if err != nil {
		return err
	}
	d.Fleet = fleet
	catalogue, broken := i.app.catalogue()
	if broken != nil {
		i.app.say("nightcall: %s", printable(broken.Error()))
	}
	if d.Findings, err = i.judged(ctx, catalogue, fleet, links); err != nil {
		return err
	}
	d.Picture = i.picture(links, d.Findings)
	return nil
}
