package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// newDocument is the whole report.
func newDocument(d Data) document {
	return document{title: "Incident report: " + d.Incident.Title, parts: []part{
		executive(d), business(d), technical(d), architecture(d), discoveries(d), actions(d), coverage(d), followUps(d), course(d),
	}}
}

// The rows of the executive page that go on by the second.
const (
	rowState = "State"
	rowCost  = "Cost so far"
	rowRate  = "Costs now"
)

// executive is the page for those who pay. Of itself it names no person and no
// host; what people wrote stays as they put it. It says the same as the rest.
func executive(d Data) part {
	p := part{title: "In one page"}
	i := d.Incident
	p.pairs(
		[2]string{rowState, stateText(d)},
		[2]string{wrongName(i), incident.Last(i.Technical.Problems).Text},
		[2]string{"Cause", causeText(i.Technical)},
		[2]string{rowCost, orNobody(Lost(i.Lost(d.At)))},
		[2]string{rowRate, rateText(d)},
		[2]string{"Advice", adviceText(d)},
		[2]string{"Avoided", avoidedText(d)},
		[2]string{"Platform", seenCount(d)},
		[2]string{"Monitoring", monitoringText(d)},
	)
	costCurve(&p, d)
	options(&p, d)
	p.heading("Found on the platform")
	found(&p, d.Findings.Findings)
	p.heading("Still in place")
	p.list(inPlace(i))
	if len(inPlace(i)) == 0 {
		p.para("No interim mitigation is in place.")
	}
	p.heading("To be done")
	p.para(toDoText(d))
	p.para("Written by " + d.Program + " at " + moment(d.At, d.At) + ". Times are of that zone.")
	return p
}

// wrongName is what the problem is called while it lasts, and afterwards.
func wrongName(i incident.Incident) string {
	if i.State == incident.Closed {
		return "What was wrong"
	}
	return "What is wrong"
}

// adviceText says when waiting for the diagnosis costs more than a mitigation.
func adviceText(d Data) string {
	advice, given := d.Incident.Advice(d.At)
	if !given {
		return ""
	}
	return advice.Text()
}

// comparedOver is the horizon where nobody estimated how long the diagnosis takes.
const comparedOver = 24 * time.Hour

// options are the mitigations that could still be applied, best first.
func options(p *part, d Data) {
	if d.Incident.State == incident.Closed {
		return
	}
	horizon := comparedOver
	if left, known := d.Incident.Business.Remaining(d.At); known && left > 0 {
		horizon = left
	}
	var rows [][]string
	for _, o := range d.Incident.Options(d.At, horizon) {
		saves, avoids := "", "cannot be compared"
		if o.Known {
			saves, avoids = incident.PartText(o.Part), o.Avoided.String()
		}
		rows = append(rows, []string{o.Text, timeline.Span(o.Takes), saves, avoids, o.Risk})
	}
	if len(rows) == 0 {
		return
	}
	p.heading("What would make it less")
	p.table([]string{"Mitigation", "Takes", "Saves", "Avoids in " + timeline.Span(horizon), "Risk"}, rows)
}

// maxTroubles is how many troubles the one page has room for.
const maxTroubles = 12

// found tells what is critical, and how much more there is.
func found(p *part, findings []check.Finding) {
	rows := troubleRows(findings)
	first := min(len(rows), maxTroubles)
	for n, row := range rows[:first] {
		if row[1] != check.Critical.String() {
			first = n
			break
		}
	}
	p.rowsOr("Nothing was looked at yet, or nothing critical was found.", []string{"Trouble", "Severity", "Servers"}, rows[:first])
	if more := len(rows) - first; more > 0 {
		p.para(countOf(more, "more trouble is", "more troubles are") + " among the discoveries.")
	}
}

// moment is a time in the zone of the report.
func moment(t, like time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(like.Location()).Format("2006-01-02 15:04:05 -0700")
}

func stateText(d Data) string {
	i := d.Incident
	if i.State == incident.Closed {
		return fmt.Sprintf("closed %s after %s%s", moment(i.Closed.At, d.At), timeline.Span(i.Closed.At.Sub(i.Opened.At)), because(i.Reason))
	}
	return fmt.Sprintf("open since %s, for %s", moment(i.Opened.At, d.At), timeline.Span(d.At.Sub(i.Opened.At)))
}

func causeText(t incident.Technical) string {
	if cause, known := t.Cause(); known {
		return cause.Text
	}
	return strings.TrimSuffix(causeSentence(t), ".")
}

func orNobody(text string) string {
	if text == "" {
		return "nobody said what is lost"
	}
	return text
}

func rateText(d Data) string {
	rate, known := d.Incident.Rate(d.At)
	if !known {
		return ""
	}
	return rate.String()
}

// avoidedText is what mitigations have spared so far, by currency.
func avoidedText(d Data) string {
	sums := map[string]money.Amount{}
	var order []string
	for _, m := range d.Incident.Business.Mitigations {
		avoided, known := d.Incident.Avoided(m, d.At)
		if !known {
			continue
		}
		sum, seen := sums[avoided.Currency]
		if !seen {
			order = append(order, avoided.Currency)
		}
		sums[avoided.Currency] = sum.Plus(avoided)
	}
	var amounts []money.Amount
	for _, currency := range order {
		amounts = append(amounts, sums[currency])
	}
	return Lost(amounts)
}

// troubleRows are what was found, each with on how many servers it is that bad, in
// the order of the findings.
func troubleRows(findings []check.Finding) [][]string {
	type trouble struct {
		title  string
		status check.Status
	}
	var order []trouble
	hosts := map[trouble]map[string]bool{}
	for _, f := range findings {
		if f.Status != check.Critical && f.Status != check.Warning {
			continue
		}
		t := trouble{f.Title, f.Status}
		if hosts[t] == nil {
			hosts[t] = map[string]bool{}
			order = append(order, t)
		}
		hosts[t][f.Host] = true
	}
	var rows [][]string
	for _, t := range order {
		rows = append(rows, []string{t.title, t.status.String(), fmt.Sprint(len(hosts[t]))})
	}
	return rows
}

// inPlace are the mitigations that somebody has to take back one day.
func inPlace(i incident.Incident) []string {
	var items []string
	for _, m := range i.Business.Mitigations {
		if m.State != incident.Applied {
			continue
		}
		text := m.Text
		if m.Reversal != "" {
			text += "; to take it back: " + m.Reversal
		}
		items = append(items, text)
	}
	return items
}

func toDoText(d Data) string {
	open, later := 0, 0
	for _, a := range d.Incident.Technical.Actions {
		switch {
		case !a.Done.At.IsZero():
		case a.Later:
			later++
		default:
			open++
		}
	}
	text := fmt.Sprintf("%s not done; %s afterwards.", countOf(open, "action is", "actions are"), countOf(later, "follow-up waits for", "follow-ups wait for"))
	if due, known := d.Incident.NextUpdate(); known {
		text += " Next update due at " + clock(due.In(d.At.Location())) + "."
	}
	return text
}

func monitoringText(d Data) string {
	answers := d.Incident.Technical.Monitoring
	seen := d.Fleet.SeenMonitoring()
	known := len(seen.Watched) + len(seen.Bare)
	var parts []string
	if len(answers) > 0 {
		said := "said not to be working"
		if incident.Last(answers).Working {
			said = "said to be working"
		}
		parts = append(parts, said)
	}
	if known > 0 {
		parts = append(parts, fmt.Sprintf("something that watches runs on %d of %s", len(seen.Watched), countOf(known, "server", "servers")))
	}
	return strings.Join(parts, "; ")
}

// costCurve draws what was lost over time, for each currency.
func costCurve(p *part, d Data) {
	steps := d.Incident.Business.Curve
	if len(steps) == 0 {
		return
	}
	from, to := steps[0].From, d.At
	if d.Incident.State == incident.Closed {
		to = d.Incident.Closed.At
	}
	if !to.After(from) {
		return
	}
	for n, total := range d.Incident.Lost(to) {
		c := chart{
			title: "What was lost over time, in " + total.Currency, top: total.String(),
			from: moment(from, d.At), to: moment(to, d.At),
		}
		for _, at := range corners(steps, from, to) {
			lost := d.Incident.Lost(at)[n].Likely
			c.points = append(c.points, point{ratio(at.Sub(from), to.Sub(from)), ratio(lost, total.Likely)})
		}
		p.blocks = append(p.blocks, c)
	}
}

// corners are the moments at which the curve may bend.
func corners(steps []incident.LossStep, from, to time.Time) []time.Time {
	moments := []time.Time{from}
	for _, s := range steps {
		if s.From.After(from) && s.From.Before(to) {
			moments = append(moments, s.From)
		}
	}
	return append(moments, to)
}

// ratio is for drawing: what is counted is never a float.
func ratio[T ~int64](part, whole T) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
