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

// Update is the status in business words, for whoever waits for news: no names
// of people or hosts, nothing that needs a technician.
func Update(d Data, next time.Duration) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	add("Status at %s, %s after the call: %s.", clock(d.At), timeline.Span(d.At.Sub(d.Incident.Opened.At)), sentenceOf(d.Incident.Title))
	if p := incident.Last(d.Incident.Technical.Problems); p.Text != "" {
		add("What is wrong: %s.", sentenceOf(p.Text))
	}
	add("%s", costSentence(d))
	for _, m := range d.Incident.Business.Mitigations {
		if m.State == incident.Applied {
			add("In place to lose less: %s.", sentenceOf(m.Text))
		}
	}
	add("%s", causeSentence(d.Incident.Technical))
	if text := seenSentence(d); text != "" {
		add("%s", text)
	}
	if text := decidedSentence(d.Incident.Technical); text != "" {
		add("%s", text)
	}
	if d.Incident.State == incident.Closed {
		add("The incident is closed%s.", because(d.Incident.Reason))
	} else {
		add("Next update at %s.", clock(d.At.Add(next)))
	}
	return strings.Join(lines, "\n")
}

// clock is a time with its date and zone: nights have two dates.
func clock(t time.Time) string { return t.Format("15:04 on 2006-01-02 (-0700)") }

// sentenceOf is a text on one line, without the stop that ends it.
func sentenceOf(text string) string {
	return strings.TrimRight(strings.Join(strings.Fields(text), " "), ".")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + sentenceOf(reason)
}

func costSentence(d Data) string {
	lost := Lost(d.Incident.Lost(d.At))
	if lost == "" {
		return "What it costs is not known yet."
	}
	rate, known := d.Incident.Rate(d.At)
	switch {
	case !known:
		return "It has cost " + lost + "."
	case rate.Zero():
		return "It has cost " + lost + "; nothing is lost any more."
	}
	return fmt.Sprintf("It has cost %s so far, and costs %s.", lost, strings.Replace(rate.String(), "/", " a ", 1))
}

// Lost is amounts in several currencies in words, or nothing.
func Lost(amounts []money.Amount) string {
	var parts []string
	for _, a := range amounts {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, " and ")
}

func causeSentence(t incident.Technical) string {
	if cause, known := t.Cause(); known {
		return "The cause is known: " + sentenceOf(cause.Text) + "."
	}
	open, refuted := 0, 0
	for _, h := range t.Hypotheses {
		switch h.Outcome {
		case "":
			open++
		case timeline.Refuted:
			refuted++
		}
	}
	text := "The cause is not known yet"
	if open > 0 {
		text += fmt.Sprintf("; %s being tested", countOf(open, "supposition is", "suppositions are"))
	}
	if refuted > 0 {
		text += fmt.Sprintf("; %s ruled out", countOf(refuted, "was", "were"))
	}
	return text + "."
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// seenSentence says how much of the platform was looked at, and what was found
// there, by the titles of checks: they name no host.
func seenSentence(d Data) string {
	text := seenCount(d)
	if text == "" {
		return ""
	}
	if titles := troubles(d.Findings.Findings); len(titles) > 0 {
		text += "; found: " + strings.Join(titles, "; ")
	}
	return text + "."
}

// troubles are the titles of critical findings, each with on how many servers it
// is.
func troubles(findings []check.Finding) []string {
	var titles []string
	for _, row := range troubleRows(findings) {
		if row[1] == check.Critical.String() {
			titles = append(titles, fmt.Sprintf("%s (%s %s)", row[0], row[2], serverWord(row[2])))
		}
	}
	return titles
}

func serverWord(n string) string {
	if n == "1" {
		return "server"
	}
	return "servers"
}

// decidedSentence tells what was decided since the last update.
func decidedSentence(t incident.Technical) string {
	last := incident.Last(t.Updates).Given.At
	var decided []string
	for _, d := range t.Decisions {
		if d.Made.At.After(last) {
			decided = append(decided, sentenceOf(d.Text))
		}
	}
	if len(decided) == 0 {
		return ""
	}
	return "Decided: " + strings.Join(decided, "; ") + "."
}
