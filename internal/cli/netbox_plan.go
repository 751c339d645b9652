package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/netbox"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// netboxPlanOptions are what planning needs beside the connection.
type netboxPlanOptions struct {
	netboxOptions
	place   netbox.Placing
	link    string      // to where people read about the incident
	linked  func() bool // --link was given, if only to take the one before back
	diagram bool
	all     bool
}

func (o *netboxPlanOptions) flags(cmd *cobra.Command) {
	o.netboxOptions.flags(cmd)
	cmd.Flags().StringVar(&o.place.Site, "site", "", "the site where the hosts stand; made when NetBox has none of that name")
	cmd.Flags().StringVar(&o.place.Cluster, "cluster", "", "the hypervisors' cluster that virtual machines belong to")
	cmd.Flags().StringVar(&o.link, "link", "", "where people read about the incident, such as a ticket: kept on hosts and in journal entries; apply remembers it, an empty one takes it back")
	o.linked = func() bool { return cmd.Flags().Changed("link") }
	cmd.Flags().BoolVar(&o.diagram, "diagram", false, "keep the picture of who talks to whom at the site")
	_ = cmd.MarkFlagRequired("site")
}

func newNetBoxPlanCmd(a *app) *cobra.Command {
	var opts netboxPlanOptions
	cmd := &cobra.Command{
		Use: "plan --site NAME", Short: "Say what apply would write into NetBox, and write nothing",
		Long: `Compare what was seen with NetBox, and list each object that would be created,
updated, or is left alone because of a conflict, with every field before and after.

Hosts are found by the identity we gave them, then by serial number, then by name at
the site; two answers are a conflict, never a guess. Objects without the tag nightcall
are somebody else's and are never changed. On ours, a value that somebody else wrote
stays.

A host's role is what its siblings run. What was found wrong with it becomes tags
nightcall-CHECK, which go when it is repaired, and a journal entry for each finding,
once an incident. --diagram keeps the picture at the site and sends it again when
what it shows has changed.` + netboxHelp + `

EXIT STATUS
  0  planned; a plan with conflicts too
  1  NetBox cannot be read
  2  usage`,
		Example: `  nightcall netbox plan --site "Data centre 1"
  nightcall netbox plan --site dc1 --json | jq '.steps[] | select(.op == "conflict")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.dryRun = true
			return runNetBoxApply(cmd.Context(), a, opts)
		},
	}
	opts.flags(cmd)
	cmd.Flags().BoolVar(&opts.all, "all", false, "list also what stays as it is")
	return cmd
}

func newNetBoxApplyCmd(a *app) *cobra.Command {
	var opts netboxPlanOptions
	cmd := &cobra.Command{
		Use: "apply --site NAME", Short: "Write what was seen into NetBox",
		Long: `Do what nightcall netbox plan shows: make the tag and the custom fields, the
catalogue, machines, guests, interfaces, addresses, services and disks, a hundred a
request. An object that NetBox refuses never stops the others. The missing rights of
the token are listed before anything is written; everything written is kept in the
timeline, and nightcall netbox undo takes it back. Applying again writes nothing.
A --link given once is remembered by the incident.` + netboxHelp + `

EXIT STATUS
  0    everything that was planned is written
  1    NetBox refused some of it, or could not be reached; apply again to go on
  2    usage
  130  cancelled`,
		Example: `  nightcall netbox apply --site "Data centre 1"
  nightcall netbox apply --site dc1 --cluster vmware-1 --dry-run
  nightcall netbox apply --site dc1 --link https://tickets.example.com/4711 --diagram`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNetBoxApply(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "plan only")
	return cmd
}

// A netboxView is what was seen beside what NetBox has.
type netboxView struct {
	client *netbox.Client
	wanted []netbox.Wanted
	there  netbox.Remote
	plan   netbox.Plan
}

// view compares the incident with NetBox.
func (i *openIncident) view(ctx context.Context, opts netboxPlanOptions) (netboxView, error) {
	fleet, m, err := i.Map(ctx)
	if err != nil {
		return netboxView{}, err
	}
	if err := noHosts(fleet); err != nil {
		return netboxView{}, err
	}
	if err := checkLink(opts.link); err != nil {
		return netboxView{}, err
	}
	if opts.link, err = i.link(ctx, opts); err != nil {
		return netboxView{}, err
	}
	notes, err := i.netboxNotes(ctx, fleet, m, opts)
	if err != nil {
		return netboxView{}, err
	}
	v := netboxView{wanted: netbox.Map(fleet.Hosts, opts.place, notes)}
	if v.client, _, err = i.app.connect(ctx, opts.netboxOptions); err != nil {
		return v, err
	}
	if v.there, err = v.client.Read(ctx, v.wanted); err != nil {
		return v, netboxHint(err)
	}
	record, _, err := i.netboxRecord(ctx, v.client.URL())
	if err != nil {
		return v, err
	}
	v.plan = netbox.Compare(v.wanted, v.there, netbox.Remember(record))
	return v, nil
}

// checkLink keeps what is no address out of people's NetBox.
func checkLink(text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(text, "()<> ")) {
		return usageError("nightcall netbox plan --site dc1 --link https://tickets.example.com/4711", "--link %q is not an address", text)
	}
	return nil
}

// link is where people read about the incident: what was given now, else what an
// earlier apply was given.
func (i *openIncident) link(ctx context.Context, opts netboxPlanOptions) (string, error) {
	if opts.linked() {
		return opts.link, nil
	}
	entries, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.IncidentLinked)
	if err != nil || len(entries) == 0 {
		return "", err
	}
	page, _ := timeline.Decode[timeline.Page](entries[len(entries)-1])
	if checkLink(page.URL) != nil { // another laptop's record may hold anything
		return "", nil
	}
	return page.URL, nil
}

// rememberLink keeps a link that is new.
func (i *openIncident) rememberLink(ctx context.Context, opts netboxPlanOptions) error {
	known, err := i.link(ctx, netboxPlanOptions{linked: func() bool { return false }})
	if err != nil || !opts.linked() || opts.link == known {
		return err
	}
	return i.Append(ctx, timeline.IncidentLinked, "", timeline.Page{URL: opts.link})
}

func runNetBoxApply(ctx context.Context, a *app, opts netboxPlanOptions) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	v, err := i.view(ctx, opts)
	if err != nil {
		return err
	}
	if opts.dryRun {
		return a.printNetBoxPlan(v.client, v.plan, opts.all)
	}
	if err := i.rememberLink(ctx, opts); err != nil {
		return err
	}
	return i.applyNetBox(ctx, v.client, v.plan)
}

// applyNetBox checks the rights and writes.
func (i *openIncident) applyNetBox(ctx context.Context, client *netbox.Client, plan netbox.Plan) error {
	if plan.Writes() == 0 {
		i.app.tellConflicts(plan)
		return i.app.netboxFinish(client, netbox.Result{Failures: []netbox.Failure{}}, nil)
	}
	missing, err := client.Missing(ctx, plan.Rights())
	if err != nil {
		return netboxHint(err)
	}
	if len(missing) > 0 {
		return refuseRights(missing)
	}
	i.app.tellConflicts(plan)
	result, err := client.Apply(ctx, plan, i.netboxReason(), netboxRecorder{ctx, i, client.URL()})
	return i.app.netboxFinish(client, result, err)
}

func refuseRights(missing []netbox.Right) error {
	words := make([]string, len(missing))
	for n, r := range missing {
		words[n] = r.String()
	}
	return withHint(fmt.Errorf("nothing was written: the token lacks %s", strings.Join(words, ", ")),
		"have these object permissions given to the token's user in NetBox (Admin, Permissions)")
}

// tellConflicts says what a person must look at.
func (a *app) tellConflicts(plan netbox.Plan) {
	if a.json {
		return
	}
	for _, s := range plan.Steps {
		if s.Op == netbox.Conflict {
			fmt.Fprintf(a.io.Err, "nightcall: conflict: %s %s: %s\n", s.Kind, printable(s.Key), printable(s.Reason))
		}
	}
}

// A netboxPlanPage is what plan --json prints.
type netboxPlanPage struct {
	Server   string        `json:"server"`
	Requests int           `json:"requests"`
	Create   int           `json:"create"`
	Update   int           `json:"update"`
	Leave    int           `json:"leave"`
	Conflict int           `json:"conflict"`
	Steps    []netbox.Step `json:"steps"`
}

func (a *app) printNetBoxPlan(client *netbox.Client, plan netbox.Plan, all bool) error {
	if a.json {
		return printJSON(a.io, netboxPlanPage{
			client.URL(), client.Requests(), plan.Count(netbox.Create), plan.Count(netbox.Update),
			plan.Count(netbox.Leave), plan.Count(netbox.Conflict), plan.Steps,
		})
	}
	table := newTable(a.io, "DO", "KIND", "NAME", "WHAT")
	for _, s := range plan.Steps {
		if s.Op != netbox.Leave || all || s.Reason != "" || len(s.Kept) > 0 {
			table.row(string(s.Op), string(s.Kind), s.Key, stepText(s))
		}
	}
	if err := table.flush(); err != nil {
		return err
	}
	var counts []string
	for _, op := range []netbox.Op{netbox.Create, netbox.Update, netbox.Delete, netbox.Leave, netbox.Conflict} {
		if n := plan.Count(op); n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", op, n))
		}
	}
	a.say("%s; %d requests", strings.Join(append(counts, fmt.Sprintf("writes %d", plan.Writes()+plan.Count(netbox.Delete))), ", "), client.Requests())
	return nil
}

// stepText says what a step does to the fields of its object.
func stepText(s netbox.Step) string {
	var words []string
	if s.Reason != "" {
		words = append(words, s.Reason)
	}
	for _, c := range s.Changes {
		if s.Op == netbox.Create {
			words = append(words, c.Field+"="+valueText(c.After))
		} else {
			words = append(words, fmt.Sprintf("%s: %s -> %s", c.Field, valueText(c.Before), valueText(c.After)))
		}
	}
	for _, c := range s.Kept {
		words = append(words, fmt.Sprintf("%s: %s stays, seen %s", c.Field, valueText(c.Before), valueText(c.After)))
	}
	return strings.Join(words, "; ")
}

// valueText is a field's value for people.
func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		return v
	case map[string]any, []any:
		text, _ := json.Marshal(v)
		return string(text)
	}
	return fmt.Sprint(value)
}

func newNetBoxDiffCmd(a *app) *cobra.Command {
	var opts netboxPlanOptions
	cmd := &cobra.Command{
		Use: "diff --site NAME", Short: "Compare what NetBox intends with what was seen",
		Long: `List where NetBox and the hosts disagree, whoever wrote it: fields that differ, parts
of hosts that NetBox does not have, and parts that nobody saw. What a host could not
tell is no difference.` + netboxHelp + `

EXIT STATUS
  0  compared; differences too
  1  NetBox cannot be read
  2  usage`,
		Example: `  nightcall netbox diff --site "Data centre 1"
  nightcall netbox diff --site dc1 --json | jq '.differences[] | select(.field == "mtu")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNetBoxDiff(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	return cmd
}

func runNetBoxDiff(ctx context.Context, a *app, opts netboxPlanOptions) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	v, err := i.view(ctx, opts)
	if err != nil {
		return err
	}
	drift := netbox.Drift(v.wanted, v.there, v.plan)
	if a.json {
		return printJSON(a.io, map[string]any{"server": v.client.URL(), "differences": drift})
	}
	table := newTable(a.io, "HOST", "KIND", "NAME", "FIELD", "NETBOX", "SEEN")
	for _, d := range drift {
		field := d.Field
		if field == "" {
			field = unknownCell
		}
		table.row(d.Host, string(d.Kind), d.Key, field, valueText(d.Intended), valueText(d.Observed))
	}
	return table.flush()
}
