package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// business is what was lost, who said so, and what made it less.
func business(d Data) part {
	p := part{title: "Business"}
	b := d.Incident.Business
	p.heading("What is lost, as it was stated")
	var rows [][]string
	for _, s := range b.Curve {
		text := s.Text
		if s.Superseded {
			text = strings.TrimSpace(text + " (corrected by the next)")
		}
		rows = append(rows, []string{moment(s.From, d.At), s.Rate.String(), s.SaidBy, text, s.Stated.By + ", " + moment(s.Stated.At, d.At)})
	}
	p.rowsOr("Nobody said what is lost.", []string{whenColumn, "Loss", "Said by", "Why", "Written down"}, rows)
	p.heading("Interim mitigations")
	rows = nil
	for _, m := range b.Mitigations {
		avoided := ""
		if amount, known := d.Incident.Avoided(m, d.At); known {
			avoided = amount.String()
		}
		rows = append(rows, []string{
			m.Text, string(m.State), m.Rate.String(), timeline.Span(m.Takes), placed(m, d), avoided, m.Owner, terms(m),
		})
	}
	p.rowsOr("None was proposed.", []string{
		"Mitigation", "State", "Loss with it", "Takes", "In place", "Avoided", "Owner", "Terms",
	}, rows)
	p.heading("Estimates of the diagnosis")
	rows = nil
	for _, e := range b.Estimates {
		rows = append(rows, []string{moment(e.Stated.At, d.At), timeline.Span(e.Takes), e.Text, e.SaidBy})
	}
	p.rowsOr("Nobody estimated how long it takes.", []string{whenColumn, "Takes", "For", "Said by"}, rows)
	return p
}

// placed is from when until when a mitigation was in place.
func placed(m incident.Mitigation, d Data) string {
	switch {
	case m.From.IsZero():
		return ""
	case m.Until.IsZero():
		return "since " + moment(m.From, d.At)
	}
	return moment(m.From, d.At) + " to " + moment(m.Until, d.At)
}

// terms is what has to be known of a mitigation before it is applied or taken
// back.
func terms(m incident.Mitigation) string {
	var parts []string
	for _, x := range [][2]string{{"risk", m.Risk}, {"reversal", m.Reversal}, {"reason", m.Reason}} {
		if x[1] != "" {
			parts = append(parts, x[0]+": "+x[1])
		}
	}
	return strings.Join(parts, "; ")
}

// technical is what technicians said.
func technical(d Data) part {
	p := part{title: "Technical situation"}
	t := d.Incident.Technical
	p.pairs(
		[2]string{"Problem", incident.Last(t.Problems).Text},
		[2]string{"Cause", causeText(t)},
		[2]string{"Roles", rolesText(t)},
		[2]string{"Monitoring", monitoringDetail(d)},
	)
	p.heading("Draft schema")
	if schema := incident.Last(t.Schemas); schema.Text != "" {
		p.code(schema.Text)
	} else {
		p.para("None was drafted.")
	}
	p.heading("Facts")
	var rows [][]string
	for _, f := range t.Facts {
		rows = append(rows, []string{moment(f.Stated.At, d.At), f.Host, f.Text, f.Source, f.Stated.By})
	}
	p.rowsOr("None was written down.", []string{whenColumn, "Host", "Fact", "Shown by", "Written by"}, rows)
	p.heading("Hypotheses")
	rows = nil
	for _, h := range t.Hypotheses {
		outcome := string(h.Outcome)
		if outcome == "" {
			outcome = "open"
		}
		rows = append(rows, []string{moment(h.Raised.At, d.At), h.Host, h.Text, h.Test, h.Owner, outcome, h.Evidence})
	}
	p.rowsOr("None was raised.", []string{whenColumn, "Host", "Hypothesis", "Test", "Owner", "Outcome", "Evidence"}, rows)
	p.heading("Decisions")
	rows = nil
	for _, x := range t.Decisions {
		price := ""
		if amount, known := d.Incident.Price(x); known {
			price = amount.String() + " in " + timeline.Span(x.Takes)
		}
		rows = append(rows, []string{moment(x.Made.At, d.At), x.Host, x.Text, x.Reason, x.By, price})
	}
	p.rowsOr("None was written down.", []string{whenColumn, "Host", "Decision", "Why", "By", "Price"}, rows)
	return p
}

func rolesText(t incident.Technical) string {
	var parts []string
	for _, r := range t.Roles {
		if r.Name != "" {
			parts = append(parts, r.Role+" "+r.Name)
		}
	}
	return strings.Join(parts, ", ")
}

func monitoringDetail(d Data) string {
	text := monitoringText(d)
	if answer := incident.Last(d.Incident.Technical.Monitoring); answer.SaidBy != "" {
		text += "; said by " + answer.SaidBy + because(answer.Text)
	}
	seen := d.Fleet.SeenMonitoring()
	for _, name := range slices.Sorted(maps.Keys(seen.Watched)) {
		text += "; " + name + ": " + strings.Join(seen.Watched[name], ", ")
	}
	return text
}

// architecture is the picture of who talks to whom.
func architecture(d Data) part {
	p := part{title: "Who talks to whom"}
	if d.Picture.Text == "" {
		p.para("Nothing is known of it: no host was looked at, and nobody drew a draft.")
		return p
	}
	p.blocks = append(p.blocks, picture{d.Picture})
	if d.Before.Picture.Text == "" {
		return p
	}
	if d.Before.Changed.Text == "" {
		p.para("Nothing of it changed since the first scan, which ended at " + moment(d.Before.At, d.At) + ".")
		return p
	}
	p.heading("Before: as the first scan found it, at " + moment(d.Before.At, d.At))
	p.blocks = append(p.blocks, picture{d.Before.Picture})
	p.heading("After: what is new, gone or changed since")
	p.blocks = append(p.blocks, picture{d.Before.Changed})
	return p
}

// discoveries are the findings, worst first, each with what proves it.
func discoveries(d Data) part {
	p := part{title: "Discoveries, with evidence"}
	n := 0
	for _, f := range d.Findings.Findings {
		if f.Status == check.Unknown {
			continue
		}
		n++
		p.heading(strings.ToUpper(f.Status.String()) + " " + place(f) + ": " + f.Title)
		p.para(f.Summary)
		p.para(f.Business)
		if f.Reason != "" {
			p.para("But: " + f.Reason)
		}
		for _, e := range f.Evidence {
			p.code(joinLines("$ "+e.Command, e.Output, "read "+moment(e.At, d.At)))
		}
		if c := f.Correction; c != nil {
			p.para("Ready, and not applied: " + c.Title + ". Before it: " + c.Caution + ".")
			p.code(joinLines(c.Diff, "$ "+c.Then))
		}
		p.para(fmt.Sprintf("Confidence: %s. Check %s, finding %s.", f.Confidence, f.Check, f.ID))
	}
	if n == 0 {
		p.para("Nothing was found; see what was not looked at under Coverage.")
	}
	return p
}

// joinLines puts texts below each other, with one line break between two.
func joinLines(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text = strings.TrimRight(text, "\n"); text != "" {
			b.WriteString(text + "\n")
		}
	}
	return b.String()
}

func place(f check.Finding) string {
	if f.Key == "" {
		return f.Host
	}
	return f.Host + " " + f.Key
}

// actions are what was done: by people, and by commands.
func actions(d Data) part {
	p := part{title: "Actions"}
	p.actions(d)
	p.heading("Commands")
	ran := commands(d.Entries)
	if len(ran) == 0 {
		p.para("None was run through this program.")
	}
	for _, c := range ran {
		p.heading(c.title() + " on " + c.host)
		p.para(fmt.Sprintf("%s by %s: %s", moment(c.started, d.At), c.by, c.end()))
		p.code(joinLines("$ "+c.line, c.stdout, c.stderr))
		for _, name := range c.files {
			p.para("All of it: evidence/" + name)
		}
	}
	return p
}

// actions adds what people set out to do, without what waits for afterwards.
func (p *part) actions(d Data) {
	var rows [][]string
	for _, a := range d.Incident.Technical.Actions {
		if a.Later {
			continue
		}
		rows = append(rows, []string{
			moment(a.Added.At, d.At), a.Host, a.Text, a.Owner, moment(a.Done.At, d.At), a.Done.By, a.Outcome,
		})
	}
	p.rowsOr("None was written down.", []string{whenColumn, "Host", "Action", "Owner", "Done", "By", "Outcome"}, rows)
}

func (c *command) title() string {
	title := "Look"
	if c.change {
		title = "CHANGE"
	}
	if c.root {
		title += " as root"
	}
	return title
}

func (c *command) end() string {
	switch {
	case !c.ended:
		return "no end was written; what it did is not known"
	case c.failure != "":
		return "no answer: " + c.failure
	}
	return fmt.Sprintf("exit %d after %s", c.exit, timeline.Span(c.took))
}

// coverage is what was not seen: nothing missing is counted as fine.
func coverage(d Data) part {
	p := part{title: "Coverage"}
	t := d.Findings.Tally
	p.para(fmt.Sprintf("%s; %d judgements: %d with findings, %d fine (%d of them on incomplete facts), %d unknown, %d not checked.",
		strings.TrimSuffix(seenOrNone(d), "."), t.Found+t.Fine+t.Unknown+t.NotChecked, t.Found, t.Fine, t.Partial, t.Unknown, t.NotChecked))
	p.heading("Hosts")
	var rows [][]string
	for _, h := range d.Fleet.Hosts {
		rows = append(rows, []string{h.Name, string(h.Class), h.Reason, moment(h.Seen, d.At), strings.TrimSpace(h.Facts.OS.Value.Name + " " + h.Facts.OS.Value.Version)})
	}
	p.rowsOr("None was looked at.", []string{"Host", "Last visit", "Reason", "Last reached", "System"}, rows)
	p.heading("Not known, and not checked")
	nothing := "Every check was answered on every host."
	if len(d.Fleet.Hosts) == 0 {
		nothing = "No check was made."
	}
	p.rowsOr(nothing, []string{"Check", "Answer", "Reason", "Hosts"}, unanswered(d.Findings.Judgements))
	if len(d.Findings.Muted) > 0 {
		p.heading("Muted")
		p.para(countOf(len(d.Findings.Muted), "finding was", "findings were") + " left out above because somebody said so.")
		rows = nil
		for _, f := range d.Findings.Muted {
			rows = append(rows, []string{strings.ToUpper(f.Status.String()) + " " + place(f.Finding), f.Summary, f.Mute.Reason, moment(f.Mute.Until, d.At), f.Mute.By})
		}
		p.rowsOr("", []string{"Finding", "What", "Reason", "Until", "By"}, rows)
	}
	if len(d.Incident.Scans) > 0 {
		p.para(fmt.Sprintf("%s did not end.", countOf(len(d.Incident.Scans), "scan", "scans")))
	}
	return p
}

// unanswered are the checks without an answer, each once for all hosts of which the
// same is true.
func unanswered(judgements []check.Judgement) [][]string {
	type gap struct {
		check  string
		answer check.Answer
		reason string
	}
	var order []gap
	hosts := map[gap][]string{}
	for _, j := range judgements {
		if j.Answer != check.NotKnown && j.Answer != check.NotChecked {
			continue
		}
		g := gap{j.Check, j.Answer, j.Reason}
		if hosts[g] == nil {
			order = append(order, g)
		}
		hosts[g] = append(hosts[g], j.Host)
	}
	slices.SortStableFunc(order, func(a, b gap) int {
		return cmp.Or(cmp.Compare(a.check, b.check), cmp.Compare(a.answer, b.answer))
	})
	var rows [][]string
	for _, g := range order {
		rows = append(rows, []string{g.check, strings.ReplaceAll(string(g.answer), "_", " "), g.reason, strings.Join(hosts[g], ", ")})
	}
	return rows
}

func seenOrNone(d Data) string {
	if text := seenCount(d); text != "" {
		return text
	}
	return "No server was looked at"
}

// seenCount is how many servers were looked at.
func seenCount(d Data) string {
	if len(d.Fleet.Hosts) == 0 {
		return ""
	}
	reached := 0
	for _, h := range d.Fleet.Hosts {
		if h.Class == host.ClassOK || h.Class == host.ClassPartial {
			reached++
		}
	}
	return fmt.Sprintf("%d of %s looked at", reached, countOf(len(d.Fleet.Hosts), "server was", "servers were"))
}

// followUps are what is left when the incident is over.
func followUps(d Data) part {
	p := part{title: "Follow-ups"}
	var rows [][]string
	for _, a := range d.Incident.Technical.Actions {
		if a.Done.At.IsZero() || a.Later {
			rows = append(rows, []string{a.Text, a.Host, a.Owner, moment(a.Done.At, d.At), a.Outcome})
		}
	}
	for _, item := range inPlace(d.Incident) {
		rows = append(rows, []string{"Take back or make permanent: " + item, "", "", "", ""})
	}
	p.rowsOr("None.", []string{"What", "Host", "Owner", "Done", "Outcome"}, rows)
	return p
}

// course is the whole timeline.
func course(d Data) part {
	p := part{title: "Timeline"}
	p.blocks = append(p.blocks, table{[]string{whenColumn, "Who", "Host", "What"}, func(yield func([]string) bool) {
		for _, e := range d.Entries {
			if !yield([]string{moment(e.At, d.At), e.Actor, e.Host, describe(e)}) {
				return
			}
		}
	}})
	return p
}
