package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// jsonReport is the report for programs. Its keys do not change.
type jsonReport struct {
	Program   string          `json:"program"`
	At        time.Time       `json:"at"`
	Incident  jsonIncident    `json:"incident"`
	Cost      jsonCost        `json:"cost"`
	Technical jsonTechnical   `json:"technical"`
	Findings  []check.Finding `json:"findings"`
	Commands  []jsonCommand   `json:"commands"`
	Coverage  jsonCoverage    `json:"coverage"`
	Timeline  []jsonEntry     `json:"timeline"`
}

type jsonIncident struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	State    incident.State `json:"state"`
	Opened   time.Time      `json:"opened"`
	OpenedBy string         `json:"opened_by"`
	Closed   time.Time      `json:"closed,omitzero"`
	Reason   string         `json:"reason,omitempty"`
}

type jsonCost struct {
	Lost        []money.Amount   `json:"lost"`
	Rate        *money.Rate      `json:"rate"`
	Curve       []jsonStep       `json:"curve"`
	Mitigations []jsonMitigation `json:"mitigations"`
}

type jsonStep struct {
	From       time.Time  `json:"from"`
	Rate       money.Rate `json:"rate"`
	SaidBy     string     `json:"said_by"`
	Text       string     `json:"text"`
	Superseded bool       `json:"superseded"`
	jsonMoment
}

// A jsonMoment is when something was written down, and by whom.
type jsonMoment struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

type jsonMitigation struct {
	Text     string                   `json:"text"`
	State    incident.MitigationState `json:"state"`
	Rate     money.Rate               `json:"rate"`
	Takes    int64                    `json:"takes_s"`
	Risk     string                   `json:"risk"`
	Reversal string                   `json:"reversal"`
	Owner    string                   `json:"owner"`
	From     time.Time                `json:"from,omitzero"`
	Until    time.Time                `json:"until,omitzero"`
	Avoided  *money.Amount            `json:"avoided"`
	Reason   string                   `json:"reason,omitempty"`
	jsonMoment
}

type jsonTechnical struct {
	Problem    string           `json:"problem"`
	Schema     string           `json:"schema"`
	Cause      string           `json:"cause"`
	Roles      []jsonRole       `json:"roles"`
	Facts      []jsonSaying     `json:"facts"`
	Hypotheses []jsonHypothesis `json:"hypotheses"`
	Decisions  []jsonDecision   `json:"decisions"`
	Actions    []jsonAction     `json:"actions"`
	Monitoring jsonMonitoring   `json:"monitoring"`
}

type jsonRole struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

type jsonSaying struct {
	Text   string `json:"text"`
	Source string `json:"source"`
	Host   string `json:"host,omitempty"`
	jsonMoment
}

type jsonHypothesis struct {
	Text     string           `json:"text"`
	Test     string           `json:"test"`
	Owner    string           `json:"owner"`
	Host     string           `json:"host,omitempty"`
	Outcome  timeline.Outcome `json:"outcome"`
	Evidence string           `json:"evidence"`
	jsonMoment
}

type jsonDecision struct {
	Text      string        `json:"text"`
	Reason    string        `json:"reason"`
	DecidedBy string        `json:"decided_by"`
	Host      string        `json:"host,omitempty"`
	Price     *money.Amount `json:"price"`
	jsonMoment
}

type jsonAction struct {
	Text    string    `json:"text"`
	Owner   string    `json:"owner"`
	Later   bool      `json:"later"`
	Host    string    `json:"host,omitempty"`
	Done    time.Time `json:"done,omitzero"`
	Outcome string    `json:"outcome"`
	jsonMoment
}

type jsonMonitoring struct {
	Answered bool                `json:"answered"`
	Working  bool                `json:"working"`
	Watched  map[string][]string `json:"watched"`
	Bare     []string            `json:"bare"`
	Unknown  []string            `json:"unknown"`
}

type jsonCommand struct {
	Host   string `json:"host"`
	Line   string `json:"line"`
	Change bool   `json:"change"`
	Root   bool   `json:"root"`
	Ended  bool   `json:"ended"`
	Exit   int    `json:"exit"`
	Error  string `json:"error,omitempty"`
	Took   int64  `json:"took_ms"`
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	jsonMoment
}

type jsonCoverage struct {
	Tally      check.Tally          `json:"tally"`
	Hosts      []jsonHost           `json:"hosts"`
	NotChecked []check.Judgement    `json:"not_checked"` // and what is unknown
	Muted      []check.MutedFinding `json:"muted"`
}

type jsonHost struct {
	Name   string    `json:"name"`
	Class  string    `json:"class"`
	Reason string    `json:"reason"`
	Seen   time.Time `json:"seen,omitzero"`
}

type jsonEntry struct {
	ID   string        `json:"id"`
	Host string        `json:"host,omitempty"`
	Kind timeline.Kind `json:"kind"`
	Text string        `json:"text"`
	jsonMoment
}

// JSON writes the report for programs. Amounts are strings of digits, which no
// reader rounds.
func JSON(w io.Writer, d Data) error {
	encoded, err := json.Marshal(newJSON(d))
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, redact.Strings(encoded, redact.Text), "", "  "); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	out.WriteByte('\n')
	_, err = io.WriteString(w, plain.JSON(out.String()))
	return err
}

func newJSON(d Data) jsonReport {
	i := d.Incident
	r := jsonReport{
		Program: d.Program, At: d.At.UTC(),
		Incident: jsonIncident{i.ID, i.Title, i.State, i.Opened.At, i.Opened.By, i.Closed.At, i.Reason},
		Cost:     newJSONCost(d), Technical: newJSONTechnical(d),
		Findings: append([]check.Finding{}, d.Findings.Findings...), Commands: []jsonCommand{},
		Coverage: newJSONCoverage(d), Timeline: make([]jsonEntry, 0, len(d.Entries)),
	}
	for _, c := range commands(d.Entries) {
		r.Commands = append(r.Commands, jsonCommand{
			c.host, c.line, c.change, c.root, c.ended, c.exit, c.failure, c.took.Milliseconds(), c.stdout, c.stderr, jsonMoment{c.started, c.by},
		})
	}
	for _, e := range d.Entries {
		r.Timeline = append(r.Timeline, jsonEntry{e.ID, e.Host, e.Kind, describe(e), jsonMoment{e.At, e.Actor}})
	}
	return r
}

func newJSONCost(d Data) jsonCost {
	c := jsonCost{Lost: append([]money.Amount{}, d.Incident.Lost(d.At)...), Curve: []jsonStep{}, Mitigations: []jsonMitigation{}}
	if rate, known := d.Incident.Rate(d.At); known {
		c.Rate = &rate
	}
	for _, s := range d.Incident.Business.Curve {
		c.Curve = append(c.Curve, jsonStep{s.From, s.Rate, s.SaidBy, s.Text, s.Superseded, jsonMoment(s.Stated)})
	}
	for _, m := range d.Incident.Business.Mitigations {
		v := jsonMitigation{
			m.Text, m.State, m.Rate, int64(m.Takes / time.Second), m.Risk, m.Reversal, m.Owner, m.From, m.Until, nil, m.Reason, jsonMoment(m.Proposed),
		}
		if avoided, known := d.Incident.Avoided(m, d.At); known {
			v.Avoided = &avoided
		}
		c.Mitigations = append(c.Mitigations, v)
	}
	return c
}

func newJSONTechnical(d Data) jsonTechnical {
	t := d.Incident.Technical
	cause, _ := t.Cause()
	r := jsonTechnical{
		Problem: incident.Last(t.Problems).Text, Schema: incident.Last(t.Schemas).Text, Cause: cause.Text,
		Roles: []jsonRole{}, Facts: []jsonSaying{}, Hypotheses: []jsonHypothesis{}, Decisions: []jsonDecision{}, Actions: []jsonAction{},
		Monitoring: newJSONMonitoring(t, d.Fleet),
	}
	for _, x := range t.Roles {
		r.Roles = append(r.Roles, jsonRole{x.Role, x.Name})
	}
	for _, x := range t.Facts {
		r.Facts = append(r.Facts, jsonSaying{x.Text, x.Source, x.Host, jsonMoment(x.Stated)})
	}
	for _, x := range t.Hypotheses {
		r.Hypotheses = append(r.Hypotheses, jsonHypothesis{x.Text, x.Test, x.Owner, x.Host, x.Outcome, x.Evidence, jsonMoment(x.Raised)})
	}
	for _, x := range t.Decisions {
		v := jsonDecision{x.Text, x.Reason, x.By, x.Host, nil, jsonMoment(x.Made)}
		if price, known := d.Incident.Price(x); known {
			v.Price = &price
		}
		r.Decisions = append(r.Decisions, v)
	}
	for _, x := range t.Actions {
		r.Actions = append(r.Actions, jsonAction{x.Text, x.Owner, x.Later, x.Host, x.Done.At, x.Outcome, jsonMoment(x.Added)})
	}
	return r
}

func newJSONMonitoring(t incident.Technical, fleet inventory.Fleet) jsonMonitoring {
	seen := fleet.SeenMonitoring()
	return jsonMonitoring{
		len(t.Monitoring) > 0, incident.Last(t.Monitoring).Working, seen.Watched, append([]string{}, seen.Bare...), append([]string{}, seen.Unknown...),
	}
}

func newJSONCoverage(d Data) jsonCoverage {
	c := jsonCoverage{Tally: d.Findings.Tally, Hosts: []jsonHost{}, NotChecked: []check.Judgement{}, Muted: append([]check.MutedFinding{}, d.Findings.Muted...)}
	for _, h := range d.Fleet.Hosts {
		c.Hosts = append(c.Hosts, jsonHost{h.Name, string(h.Class), h.Reason, h.Seen})
	}
	for _, j := range d.Findings.Judgements {
		if j.Answer == check.NotKnown || j.Answer == check.NotChecked {
			c.NotChecked = append(c.NotChecked, j)
		}
	}
	return c
}
