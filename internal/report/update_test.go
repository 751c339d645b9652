package report

import (
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var (
	dubai = time.FixedZone("+04", 4*3600)
	t0    = time.Date(2026, 3, 4, 4, 30, 0, 0, dubai)
)

// A story collects entries, each with its own moment.
type story struct {
	t       *testing.T
	entries []timeline.Entry
}

func (s *story) add(after time.Duration, kind timeline.Kind, host string, data any) string {
	s.t.Helper()
	e, err := timeline.New("incident-1", "kim", kind, t0.Add(after), data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.entries = append(s.entries, e.About(host))
	return e.ID
}

func rate(t *testing.T, text string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(text, "USD")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// data is the story at a moment.
func (s *story) data(after time.Duration) Data {
	return Data{Incident: incident.Fold(s.entries), Entries: s.entries, At: t0.Add(after), Program: "nightcall test"}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := &story{t: t}
	s.add(0, timeline.IncidentOpened, "", timeline.Opened{Title: "checkout is down."})
	expect := func(d Data, want ...string) {
		t.Helper()
		if got := Update(d, 30*time.Minute); got != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	}
	expect(s.data(10*time.Minute),
		"Status at 04:40 on 2026-03-04 (+0400), 10 min after the call: checkout is down.",
		"What it costs is not known yet.", "The cause is not known yet.", "Next update at 05:10 on 2026-03-04 (+0400).")

	s.add(0, timeline.LossStated, "", timeline.Loss{Rate: rate(t, "24k/day"), From: t0})
	proposed := s.add(0, timeline.MitigationProposed, "", timeline.Proposal{Text: "the old shop", Rate: rate(t, "2400/day"), Takes: time.Minute})
	after := rate(t, "2400/day")
	s.add(time.Hour, timeline.MitigationApplied, "", timeline.Turn{Mitigation: proposed, Text: "the old shop", Rate: &after, From: t0.Add(time.Hour)})
	s.add(time.Hour, timeline.ProblemStated, "", timeline.Said{Text: "a third of all\ncheckouts time out"})
	s.add(time.Hour, timeline.HypothesisRaised, "web2", timeline.Hypothesis{Text: "the firewall", Owner: "Bob"})
	refuted := s.add(time.Hour, timeline.HypothesisRaised, "", timeline.Hypothesis{Text: "the moon"})
	s.add(time.Hour, timeline.HypothesisSettled, "", timeline.Settlement{Hypothesis: refuted, Outcome: timeline.Refuted})
	s.add(time.Hour, timeline.DecisionMade, "web2", timeline.Decision{Text: "take one server out", By: "Ana"})
	d := s.data(2 * time.Hour)
	d.Fleet.Hosts = []inventory.Host{{Name: "web1", Class: host.ClassOK}, {Name: "web2", Class: host.ClassTimeout}}
	d.Findings.Findings = []check.Finding{
		{Title: "A disk is full", Host: "web1", Key: "/", Status: check.Critical},
		{Title: "A disk is full", Host: "web1", Key: "/var", Status: check.Critical},
		{Title: "Heartbleed", Host: "web2", Status: check.Warning},
	}
	expect(d,
		"Status at 06:30 on 2026-03-04 (+0400), 2 h after the call: checkout is down.",
		"What is wrong: a third of all checkouts time out.",
		"It has cost USD 1,100 so far, and costs USD 2,400 a day.",
		"In place to lose less: the old shop.",
		"The cause is not known yet; 1 supposition is being tested; 1 was ruled out.",
		"1 of 2 servers were looked at; found: A disk is full (1 server).",
		"Decided: take one server out.",
		"Next update at 07:00 on 2026-03-04 (+0400).")

	s.add(2*time.Hour, timeline.UpdateGiven, "", timeline.Update{Text: "said", Next: time.Hour})
	s.add(2*time.Hour, timeline.LossStated, "", timeline.Loss{Rate: rate(t, "0/day"), From: t0.Add(2 * time.Hour)})
	s.add(3*time.Hour, timeline.IncidentClosed, "", timeline.Closed{Reason: "port opened"})
	got := Update(s.data(4*time.Hour), time.Hour)
	if strings.Contains(got, "Decided") || !strings.HasSuffix(got, "\nThe incident is closed: port opened.") {
		t.Error(got)
	}
}
