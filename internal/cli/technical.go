package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newTechnicalCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "technical",
		GroupID: groupRoom,
		Short:   "Say what is known, supposed, decided and to be done",
		Long: `Show the technical situation: the problem as it was stated, the draft schema, roles,
whether monitoring works, facts, hypotheses with their tests and outcomes, decisions with
their price, actions, and when the business has to hear more.

A fact, a hypothesis, a decision and an action are different things and are written down
by different commands. Nothing is replaced: of what can only be said once, the last word
stands.

EXIT STATUS
  0  it was printed
  1  the incident cannot be read
  2  usage`,
		Example: `  nightcall technical
  nightcall technical --json | jq -r '.hypotheses[] | select(.outcome == "") | .text'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTechnical(cmd.Context(), a) },
	}
	cmd.AddCommand(
		newTechnicalActionCmd(a), newTechnicalDecisionCmd(a), newTechnicalDoneCmd(a), newTechnicalFactCmd(a),
		newTechnicalHandoverCmd(a), newTechnicalHypothesisCmd(a), newTechnicalMonitoringCmd(a), newTechnicalOutcomeCmd(a),
		newTechnicalProblemCmd(a), newTechnicalRoleCmd(a), newTechnicalSchemaCmd(a), newTechnicalUpdateCmd(a),
	)
	return cmd
}

func runTechnical(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return err
	}
	s := newTechnicalSituation(now, fleet)
	if a.json {
		return printJSON(a.io, s)
	}
	return s.print(a, now, fleet)
}

// A technicalSituation is the JSON of the technical situation.
type technicalSituation struct {
	Problem    *sayingView      `json:"problem"`
	Schema     *sayingView      `json:"schema"`
	Stopped    *sayingView      `json:"stopped"` // why nobody may change anything
	Roles      []roleView       `json:"roles"`
	Monitoring *monitoringView  `json:"monitoring"`
	Facts      []sayingView     `json:"facts"`
	Hypotheses []hypothesisView `json:"hypotheses"`
	Decisions  []decisionView   `json:"decisions"`
	Actions    []actionView     `json:"actions"`
	Handovers  []handoverView   `json:"handovers"`
	NextUpdate *time.Time       `json:"next_update"`
}

type sayingView struct {
	Text   string    `json:"text"`
	Source string    `json:"source,omitempty"`
	Host   string    `json:"host,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

type roleView struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

// A monitoringView holds what was said against what was seen.
type monitoringView struct {
	Answered bool                `json:"answered"`
	Working  bool                `json:"working"`
	Text     string              `json:"text,omitempty"`
	SaidBy   string              `json:"said_by,omitempty"`
	Watched  map[string][]string `json:"watched"` // host to what runs there
	Bare     []string            `json:"bare"`    // hosts on which nothing was seen
	Unknown  []string            `json:"unknown"` // hosts whose processes are not known
}

type hypothesisView struct {
	ID       string           `json:"id"`
	Ref      string           `json:"ref"`
	Text     string           `json:"text"`
	Test     string           `json:"test"`
	Owner    string           `json:"owner"`
	Host     string           `json:"host,omitempty"`
	At       time.Time        `json:"at"`
	By       string           `json:"by"`
	Outcome  timeline.Outcome `json:"outcome"` // empty while it is open
	Evidence string           `json:"evidence,omitempty"`
	Settled  *time.Time       `json:"settled"`
}

type decisionView struct {
	Text   string        `json:"text"`
	Reason string        `json:"reason"`
	By     string        `json:"by"`
	Host   string        `json:"host,omitempty"`
	At     time.Time     `json:"at"`
	Takes  int64         `json:"takes_s"`
	Price  *money.Amount `json:"price"` // what is lost meanwhile
}

type actionView struct {
	ID      string     `json:"id"`
	Ref     string     `json:"ref"`
	Text    string     `json:"text"`
	Owner   string     `json:"owner"`
	Later   bool       `json:"later"`
	Host    string     `json:"host,omitempty"`
	At      time.Time  `json:"at"`
	By      string     `json:"by"`
	Done    *time.Time `json:"done"`
	DoneBy  string     `json:"done_by,omitempty"`
	Outcome string     `json:"outcome,omitempty"`
}

type handoverView struct {
	To   string    `json:"to"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
}

func newTechnicalSituation(now incident.Incident, fleet inventory.Fleet) technicalSituation {
	t := now.Technical
	s := technicalSituation{
		Problem: newSayingView(incident.Last(t.Problems)), Schema: newSayingView(incident.Last(t.Schemas)),
		Stopped: newSayingView(t.Stopped), Monitoring: newMonitoringView(t, fleet),
		Roles: []roleView{}, Facts: []sayingView{}, Hypotheses: []hypothesisView{},
		Decisions: []decisionView{}, Actions: []actionView{}, Handovers: []handoverView{},
	}
	for _, r := range t.Roles {
		s.Roles = append(s.Roles, roleView{r.Role, r.Name})
	}
	for _, f := range t.Facts {
		s.Facts = append(s.Facts, *newSayingView(f))
	}
	for _, h := range t.Hypotheses {
		s.Hypotheses = append(s.Hypotheses, hypothesisView{
			h.ID, incident.Ref(h.ID), h.Text, h.Test, h.Owner, h.Host, h.Raised.At, h.Raised.By, h.Outcome, h.Evidence, someTime(h.Settled.At),
		})
	}
	for _, d := range t.Decisions {
		v := decisionView{d.Text, d.Reason, d.By, d.Host, d.Made.At, seconds(d.Takes), nil}
		if price, known := now.Price(d); known {
			v.Price = &price
		}
		s.Decisions = append(s.Decisions, v)
	}
	for _, x := range t.Actions {
		s.Actions = append(s.Actions, actionView{
			x.ID, incident.Ref(x.ID), x.Text, x.Owner, x.Later, x.Host, x.Added.At, x.Added.By, someTime(x.Done.At), x.Done.By, x.Outcome,
		})
	}
	for _, h := range t.Handovers {
		s.Handovers = append(s.Handovers, handoverView{h.To, h.Text, h.Given.At, h.Given.By})
	}
	if due, known := now.NextUpdate(); known {
		s.NextUpdate = &due
	}
	return s
}

// newSayingView is nil for what nobody said.
func newSayingView(s incident.Saying) *sayingView {
	if s.Stated.At.IsZero() {
		return nil
	}
	return &sayingView{s.Text, s.Source, s.Host, s.Stated.At, s.Stated.By}
}

// newMonitoringView is nil when nobody answered and nothing was looked at.
func newMonitoringView(t incident.Technical, fleet inventory.Fleet) *monitoringView {
	if len(t.Monitoring) == 0 && len(fleet.Hosts) == 0 {
		return nil
	}
	answer, seen := incident.Last(t.Monitoring), fleet.SeenMonitoring()
	return &monitoringView{
		Answered: len(t.Monitoring) > 0, Working: answer.Working, Text: answer.Text, SaidBy: answer.SaidBy,
		Watched: seen.Watched, Bare: append([]string{}, seen.Bare...), Unknown: append([]string{}, seen.Unknown...),
	}
}

func (s technicalSituation) print(a *app, now incident.Incident, fleet inventory.Fleet) error {
	table := newTable(a.io, "REF", "WHAT", "STATE", "WHO", "TEXT")
	row := func(ref, what, state, who, text string) { table.row(ref, what, state, who, flat(text)) }
	if s.Stopped != nil {
		row("", "STOP", "nobody changes anything", s.Stopped.By, s.Stopped.Text)
	}
	for _, x := range []struct {
		what string
		said *sayingView
	}{{"problem", s.Problem}, {"schema", s.Schema}} {
		if x.said == nil {
			row("", x.what, "not stated", "", "")
			continue
		}
		row("", x.what, "", x.said.By, x.said.Text)
	}
	if text := monitoringText(now.Technical, fleet); text != "" {
		row("", "monitoring", "", incident.Last(now.Technical.Monitoring).SaidBy, text)
	}
	for _, r := range s.Roles {
		row("", "role", r.Role, r.Name, "")
	}
	for _, f := range s.Facts {
		row("", "fact", f.Source, f.By, about(f.Host, f.Text))
	}
	for _, h := range s.Hypotheses {
		row(h.Ref, "hypothesis", openOr(string(h.Outcome)), h.Owner, about(h.Host, h.line()))
	}
	for _, d := range s.Decisions {
		row("", "decision", d.price(), d.By, about(d.Host, d.Text))
	}
	for _, x := range s.Actions {
		row(x.Ref, x.kind(), x.state(), x.Owner, about(x.Host, x.Text))
	}
	if s.NextUpdate != nil {
		row("", "next update", dueText(*s.NextUpdate, a.now()), "", a.momentText(*s.NextUpdate))
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, step := range s.next() {
		a.say("next: %s", step)
	}
	return nil
}

// flat is a text on one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func about(host, text string) string {
	if host == "" {
		return text
	}
	return host + ": " + text
}

func openOr(outcome string) string {
	if outcome == "" {
		return "open"
	}
	return outcome
}

func (h hypothesisView) line() string {
	switch {
	case h.Evidence != "":
		return h.Text + ": " + h.Evidence
	case h.Test != "" && h.Outcome == "":
		return h.Text + "; test: " + h.Test
	}
	return h.Text
}

func (d decisionView) price() string {
	if d.Price == nil {
		return ""
	}
	return "costs " + d.Price.String()
}

func (x actionView) kind() string {
	if x.Later {
		return "follow-up"
	}
	return "action"
}

func (x actionView) state() string {
	switch {
	case x.Done == nil:
		return "open"
	case x.Outcome != "":
		return "done: " + flat(x.Outcome)
	}
	return "done"
}

// dueText is how far away a moment is.
func dueText(due, now time.Time) string {
	if left := due.Sub(now); left >= 0 {
		return "in " + timeline.Span(left)
	}
	return "overdue since " + timeline.Span(now.Sub(due))
}

// monitoringText holds what was said against what was seen, or is empty when
// there is neither.
func monitoringText(t incident.Technical, fleet inventory.Fleet) string {
	var parts []string
	if len(t.Monitoring) > 0 {
		said := "they say no"
		if incident.Last(t.Monitoring).Working {
			said = "they say yes"
		}
		parts = append(parts, said)
	}
	if seen := fleet.SeenMonitoring(); len(seen.Watched)+len(seen.Bare) > 0 {
		parts = append(parts, seenText(seen))
	}
	return strings.Join(parts, "; ")
}

func seenText(m inventory.Monitoring) string {
	known := len(m.Watched) + len(m.Bare)
	text := fmt.Sprintf("nothing that watches was seen on %s", plural(known, "host"))
	if len(m.Watched) > 0 {
		var hosts []string
		for _, host := range slices.Sorted(maps.Keys(m.Watched)) {
			hosts = append(hosts, host+" "+strings.Join(m.Watched[host], ", "))
		}
		text = fmt.Sprintf("seen on %d of %s: %s", len(m.Watched), plural(known, "host"), strings.Join(hosts, "; "))
	}
	if len(m.Unknown) > 0 {
		text += fmt.Sprintf("; not known of %d", len(m.Unknown))
	}
	return text
}

// next is what nobody said yet.
func (s technicalSituation) next() []string {
	var steps []string
	if s.Problem == nil {
		steps = append(steps, `nightcall technical problem "what does not work, for whom, since when"`)
	}
	if s.Schema == nil {
		steps = append(steps, `nightcall technical schema "lb -> web1, web2 -> db1"`)
	}
	if s.Monitoring == nil || !s.Monitoring.Answered {
		steps = append(steps, "nightcall technical monitoring yes|no")
	}
	return steps
}
