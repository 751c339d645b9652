package cli

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/incident"
)

func newShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show [NAME|DIR]",
		GroupID: groupIncident,
		Short:   "Show where the incident stands",
		Long: `Show an incident, by default the current one: since when and by whom, the hosts by how
the last visit ended, the last scan, notes, and commands or scans that were started and
of which no end was written. The next steps go to standard error.

EXIT STATUS
  0  it was printed
  1  there is no such incident, or it cannot be read
  2  usage`,
		Example: `  nightcall show
  nightcall show 2026-03-04 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runShow(cmd.Context(), a, append(args, "")[0])
		},
		ValidArgsFunction: a.completeIncidents,
	}
}

// A shownIncident is the JSON of an incident.
type shownIncident struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Dir        string             `json:"dir"`
	Title      string             `json:"title"`
	State      incident.State     `json:"state"`
	Opened     time.Time          `json:"opened"`
	OpenedBy   string             `json:"opened_by"`
	Closed     *time.Time         `json:"closed"`
	Reason     string             `json:"reason,omitempty"`
	Hosts      map[host.Class]int `json:"hosts"` // by class
	Notes      int                `json:"notes"`
	LastScan   *shownScan         `json:"last_scan"`
	Unfinished []unfinished       `json:"unfinished"` // commands
	Last       time.Time          `json:"last"`       // entry of the timeline
}

// A shownScan is the last scan in the JSON of an incident. Finished is null when
// no end of it was written, stopped says why it ended early.
type shownScan struct {
	ID       string             `json:"id"`
	Started  time.Time          `json:"started"`
	Finished *time.Time         `json:"finished"`
	Stopped  string             `json:"stopped,omitempty"`
	Targets  int                `json:"targets"`
	Classes  map[host.Class]int `json:"classes"`
}

// An unfinished command was started, and no end of it was written.
type unfinished struct {
	Run     string    `json:"run"`
	Host    string    `json:"host"`
	Argv    []string  `json:"argv"`
	Change  bool      `json:"change"`
	Started time.Time `json:"started"`
	Actor   string    `json:"actor"`
}

func runShow(ctx context.Context, a *app, name string) error {
	i, err := a.openNamed(ctx, name)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, newShownIncident(i, now))
	}
	if err := showTable(a, i, now); err != nil {
		return err
	}
	for _, step := range nextSteps(now) {
		a.say("next: %s", step)
	}
	return nil
}

func newShownIncident(i *openIncident, now incident.Incident) shownIncident {
	s := shownIncident{
		ID: i.ID, Name: i.Name(), Dir: i.Dir, Title: now.Title, State: now.State,
		Opened: now.Opened.At, OpenedBy: now.Opened.By, Closed: someTime(now.Closed.At), Reason: now.Reason,
		Hosts: now.Hosts, Notes: now.Notes, Unfinished: []unfinished{}, Last: now.Last,
	}
	if scan := now.LastScan; scan.ID != "" {
		s.LastScan = &shownScan{scan.ID, scan.Started.At, someTime(scan.Ended), scan.Stopped, scan.Targets, map[host.Class]int{}}
		maps.Copy(s.LastScan.Classes, scan.Classes)
	}
	for _, c := range now.Commands {
		s.Unfinished = append(s.Unfinished, unfinished{c.Run, c.Host, c.Argv, c.Change, c.Started.At, c.Started.By})
	}
	return s
}

func showTable(a *app, i *openIncident, now incident.Incident) error {
	table := newTable(a.io, "INCIDENT", now.Title)
	table.row("state", string(now.State))
	table.row("opened", fmt.Sprintf("%s by %s, %s", a.momentText(now.Opened.At), now.Opened.By, ageText(&now.Opened.At, a.now())))
	if now.State == incident.Closed {
		table.row("closed", fmt.Sprintf("%s by %s", a.momentText(now.Closed.At), now.Closed.By))
		table.row("reason", now.Reason)
	}
	table.row("directory", i.Dir)
	table.row("hosts", hostsText(now.Hosts, now.HostCount()))
	table.row("last scan", lastScanText(a, now.LastScan))
	table.row("notes", fmt.Sprint(now.Notes))
	for _, c := range now.Commands {
		table.row("no end", fmt.Sprintf("%s on %s, started %s by %s", c.Line(), c.Host, a.momentText(c.Started.At), c.Started.By))
	}
	return table.flush()
}

func hostsText(classes map[host.Class]int, n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", n, classCounts(classes))
}

func lastScanText(a *app, s incident.Scan) string {
	if s.ID == "" {
		return "none"
	}
	text := fmt.Sprintf("%s, %s", a.momentText(s.Started.At), plural(s.Targets, "target"))
	switch counts := classCounts(s.Classes); {
	case s.Ended.IsZero():
		text += ": no end was written; it is at work, or was cut off"
	case s.Stopped != "":
		text += ": stopped: " + s.Stopped
	case counts != "":
		text += ": " + counts
	}
	return text
}

// plural is a number of things that end in s.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// nextSteps are what a person may want to type now.
func nextSteps(now incident.Incident) []string {
	if now.State == incident.Closed {
		return []string{"nightcall timeline"}
	}
	var steps []string
	if s := now.LastScan; s.ID != "" && (s.Ended.IsZero() || s.Stopped != "") {
		steps = append(steps, "give the last scan's command again, and it goes on where it stopped")
	}
	reached := now.Hosts[host.ClassOK] + now.Hosts[host.ClassPartial]
	switch {
	case now.HostCount() == 0:
		steps = append(steps, "nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28")
	case reached < now.HostCount():
		steps = append(steps, "nightcall scan --retry-failed")
	}
	if reached > 0 {
		steps = append(steps, "nightcall findings")
	}
	return steps
}
