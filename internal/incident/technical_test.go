package incident

import (
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func TestTechnicalFold(t *testing.T) {
	t.Parallel()
	s := opened(t).
		add(timeline.ProblemStated, "", timeline.Said{Text: "all is lost"}).
		add(timeline.ProblemStated, "", timeline.Said{Text: "a third is lost"}).
		add(timeline.HypothesisRaised, "web2", timeline.Hypothesis{Text: "the firewall", Test: "nc"}).
		add(timeline.HypothesisRaised, "", timeline.Hypothesis{Text: "the moon"})
	s.add(timeline.HypothesisSettled, "", timeline.Settlement{Hypothesis: s.entries[3].ID, Outcome: timeline.Confirmed, Evidence: "nc"}).
		add(timeline.HypothesisSettled, "", timeline.Settlement{Hypothesis: "nobody's", Outcome: timeline.Refuted}).
		add(timeline.ActionAdded, "", timeline.Action{Text: "open the port"})
	s.add(timeline.ActionDone, "", timeline.Done{Action: s.entries[7].ID, Outcome: "it works"}).
		add(timeline.RoleAssigned, "", timeline.Role{Role: "lead", Name: "Kim"}).
		add(timeline.RoleAssigned, "", timeline.Role{Role: "lead", Name: "Lee"}).
		add(timeline.LineStopped, "", timeline.Stop{Reason: "wrong database"})
	i := Fold(s.entries)
	tech := i.Technical
	if got := Last(tech.Problems).Text; got != "a third is lost" || len(tech.Problems) != 2 {
		t.Errorf("the problem is %q", got)
	}
	cause, known := tech.Cause()
	if !known || cause.Text != "the firewall" || cause.Host != "web2" || cause.Settled != minute(5) {
		t.Errorf("%+v", cause)
	}
	if tech.Hypotheses[1].Outcome != "" {
		t.Errorf("%+v", tech.Hypotheses[1])
	}
	if a := tech.Actions[0]; a.Done != minute(8) || a.Outcome != "it works" {
		t.Errorf("%+v", a)
	}
	if len(tech.Roles) != 1 || tech.Roles[0].Name != "Lee" {
		t.Errorf("%+v", tech.Roles)
	}
	if tech.Stopped.Text != "wrong database" {
		t.Errorf("%+v", tech.Stopped)
	}
	s.add(timeline.LineReleased, "", nil)
	if stopped := Fold(s.entries).Technical.Stopped; stopped != (Saying{}) {
		t.Errorf("%+v", stopped)
	}
}

func TestNextUpdate(t *testing.T) {
	t.Parallel()
	s := opened(t)
	due := func(want time.Time) {
		t.Helper()
		if got, known := Fold(s.entries).NextUpdate(); !known || !got.Equal(want) {
			t.Errorf("due at %v, %v; want %v", got, known, want)
		}
	}
	due(at(30 * time.Minute))
	s.add(timeline.UpdateGiven, "", timeline.Update{Text: "x", Next: time.Hour})
	due(at(time.Hour + time.Minute))
	s.add(timeline.UpdateGiven, "", timeline.Update{Text: "no end"})
	due(at(32 * time.Minute))
	s.add(timeline.IncidentClosed, "", nil)
	if _, known := Fold(s.entries).NextUpdate(); known {
		t.Error("a closed incident has news")
	}
}

// A decision costs what was known to be lost when it was made.
func TestPrice(t *testing.T) {
	t.Parallel()
	s := opened(t).add(timeline.DecisionMade, "", timeline.Decision{Text: "too early to tell", Takes: time.Hour}).
		loss("1k/h", 2*time.Minute).
		add(timeline.DecisionMade, "", timeline.Decision{Text: "wait", Takes: 3 * time.Hour}).
		loss("9k/h", 4*time.Minute)
	i := Fold(s.entries)
	if _, known := i.Price(i.Technical.Decisions[0]); known {
		t.Error("a price before anybody said what is lost")
	}
	if price, known := i.Price(i.Technical.Decisions[1]); !known || price.String() != "USD 3,000" {
		t.Errorf("%s, %v", price, known)
	}
}
