package incident

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func rate(t testing.TB, text string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(text, "USD")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at is so long after the incident was opened.
func at(d time.Duration) time.Time { return t0.Add(d) }

func (s *story) loss(text string, from time.Duration) *story {
	return s.add(timeline.LossStated, "", timeline.Loss{Rate: rate(s.t, text), From: at(from)})
}

func (s *story) propose(text, loss string, takes time.Duration) *story {
	return s.add(timeline.MitigationProposed, "", timeline.Proposal{Text: text, Rate: rate(s.t, loss), Takes: takes})
}

// turn speaks of the mitigation that the n-th entry proposed.
func (s *story) turn(kind timeline.Kind, n int, loss string, from time.Duration) *story {
	turn := timeline.Turn{Mitigation: s.entries[n].ID}
	if loss != "" {
		r := rate(s.t, loss)
		turn.Rate, turn.From = &r, at(from)
	}
	return s.add(kind, "", turn)
}

func lost(t *testing.T, i Incident, now time.Duration, want string) {
	t.Helper()
	text := ""
	for _, amount := range i.Lost(at(now)) {
		text += amount.String() + ";"
	}
	if text != want {
		t.Errorf("lost after %v: %s, want %s", now, text, want)
	}
}

// The loss is a curve of steps: a later rate changes nothing before its moment.
func TestLossIsAStepCurve(t *testing.T) {
	t.Parallel()
	s := opened(t)
	lost(t, Fold(s.entries), time.Hour, "")
	s.loss("24k/day", 0)
	lost(t, Fold(s.entries), time.Hour, "USD 1,000;")
	s.loss("4k/h", 2*time.Hour)
	lost(t, Fold(s.entries), time.Hour, "USD 1,000;")
	lost(t, Fold(s.entries), 3*time.Hour, "USD 6,000;")
	s.loss("0/h", 4*time.Hour)
	lost(t, Fold(s.entries), 100*time.Hour, "USD 10,000;")

	// A correction speaks of the same moment; the first statement stays on record.
	s.loss("2k/h", 2*time.Hour)
	i := Fold(s.entries)
	lost(t, i, 100*time.Hour, "USD 6,000;")
	var superseded []bool
	for _, step := range i.Business.Curve {
		superseded = append(superseded, step.Superseded)
	}
	if !slices.Equal(superseded, []bool{false, true, false, false}) {
		t.Errorf("superseded: %v", superseded)
	}
	if r, known := i.Rate(at(3 * time.Hour)); !known || r.String() != "USD 2,000/hour" {
		t.Errorf("the rate at three hours is %v, %v", r, known)
	}
	if _, known := i.Rate(at(-time.Second)); known {
		t.Error("a rate before anybody said one")
	}
}

// It began before anybody was called, and ends when the incident is closed.
func TestLossBeforeAndAfter(t *testing.T) {
	t.Parallel()
	s := opened(t).loss("1k/h", -90*time.Minute)
	lost(t, Fold(s.entries), 30*time.Minute, "USD 2,000;")
	s.add(timeline.IncidentClosed, "", nil) // two minutes after it was opened
	i := Fold(s.entries)
	lost(t, i, 1000*time.Hour, "USD 1,533;")
	if _, known := i.Rate(at(time.Hour)); known {
		t.Error("a closed incident goes on losing")
	}
	s.add(timeline.IncidentReopened, "", nil)
	lost(t, Fold(s.entries), 30*time.Minute, "USD 2,000;")
}

func TestLossInTwoCurrencies(t *testing.T) {
	t.Parallel()
	s := opened(t).loss("1k/h", 0).loss("EUR 2k/h", time.Hour)
	lost(t, Fold(s.entries), 2*time.Hour, "EUR 2,000;USD 1,000;")
}

// What a merge brings in another order folds to the same curve, and what no
// laptop of ours wrote is left out.
func TestCurveDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	s := opened(t).loss("1k/h", 0).loss("2k/h", time.Hour).loss("3k/h", 2*time.Hour)
	want := Fold(s.entries).Lost(at(5 * time.Hour))
	for range 20 {
		rand.Shuffle(len(s.entries), func(x, y int) { s.entries[x], s.entries[y] = s.entries[y], s.entries[x] })
		if diff := cmp.Diff(want, Fold(s.entries).Lost(at(5*time.Hour))); diff != "" {
			t.Fatal(diff)
		}
	}
	bad := money.Rate{Amount: money.Amount{Low: -5, Currency: "US"}, Per: "week"}
	s.add(timeline.LossStated, "", timeline.Loss{Rate: bad, From: at(0)})
	s.add(timeline.LossStated, "", "no loss at all")
	s.add(timeline.MitigationProposed, "", timeline.Proposal{Text: "x", Rate: bad})
	s.add(timeline.DiagnosisEstimated, "", timeline.Estimate{Takes: -time.Hour})
	i := Fold(s.entries)
	if len(i.Business.Curve) != 3 || len(i.Business.Mitigations)+len(i.Business.Estimates) != 0 {
		t.Errorf("%+v", i.Business)
	}
}

// The example of a night: a million a day, and what to do about it until the
// restore is through.
func TestOptionsAreRankedByLossAvoided(t *testing.T) {
	t.Parallel()
	s := opened(t).loss("1M/day", 0).
		propose("quick and small", "900k/day", time.Minute).
		propose("reroute", "200k/day", 15*time.Minute).
		propose("perfect and slow", "0/day", 5*time.Hour).
		propose("in another currency", "EUR 1/day", time.Minute)
	ranked := func(horizon time.Duration) (names []string) {
		for _, o := range Fold(s.entries).Options(at(0), horizon) {
			names = append(names, o.Text+" "+o.Avoided.Likely.Text())
		}
		return names
	}
	want := []string{"reroute 91,667", "quick and small 12,431", "perfect and slow 0", "in another currency 0"}
	if got := ranked(3 * time.Hour); !slices.Equal(got, want) {
		t.Errorf("in three hours: %q", got)
	}
	want = []string{"perfect and slow 791,667", "reroute 791,667", "quick and small 99,931", "in another currency 0"}
	if got := ranked(24 * time.Hour); !slices.Equal(got, []string{want[1], want[0], want[2], want[3]}) {
		t.Errorf("in a day: %q", got)
	}
	want = []string{"perfect and slow 1,791,667", "reroute 1,591,667", "quick and small 199,931", "in another currency 0"}
	if got := ranked(48 * time.Hour); !slices.Equal(got, want) {
		t.Errorf("in two days: %q", got)
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	s := opened(t)
	silent := func(why string) {
		t.Helper()
		if a, given := Fold(s.entries).Advice(at(0)); given {
			t.Errorf("%s: %s", why, a.Text())
		}
	}
	says := func(now time.Duration, want string) {
		t.Helper()
		a, given := Fold(s.entries).Advice(at(now))
		if !given || a.Text() != want {
			t.Errorf("%v: %s", given, a.Text())
		}
	}
	silent("nothing is known")
	s.loss("1M/day", 0)
	silent("nobody estimated")
	s.add(timeline.DiagnosisEstimated, "", timeline.Estimate{Takes: 3 * time.Hour, Text: "the restore"}) // at minute 2
	says(2*time.Minute, "wait for the restore: 3 h = USD 125,000")
	s.propose("too slow", "0/day", 4*time.Hour).propose("makes it worse", "2M/day", time.Minute)
	says(2*time.Minute, "wait for the restore: 3 h = USD 125,000")
	s.propose("reroute", "200k/day", 15*time.Minute)
	says(2*time.Minute, "wait for the restore: 3 h = USD 125,000; reroute now: 15 min, saves 80 %, avoids USD 91,667")
	says(182*time.Minute, "the estimate for the restore is over since 0 s: ask for a new one")
	s.add(timeline.DiagnosisEstimated, "", timeline.Estimate{Takes: 10 * time.Minute})
	says(6*time.Minute, "wait for the diagnosis: 10 min = USD 6,944")
	s.loss("0/day", 0)
	silent("nothing is lost")
}

func TestMitigationAppliedAndReverted(t *testing.T) {
	t.Parallel()
	s := opened(t).loss("10k/h", 0).propose("reroute", "2k/h", 15*time.Minute)
	s.turn(timeline.MitigationApplied, 2, "2k/h", time.Hour)
	i := Fold(s.entries)
	lost(t, i, 3*time.Hour, "USD 14,000;")
	m := i.Business.Mitigations[0]
	if m.State != Applied || m.Before.String() != "USD 10,000/hour" {
		t.Errorf("%+v", m)
	}
	if avoided, known := i.Avoided(m, at(3*time.Hour)); !known || avoided.String() != "USD 16,000" {
		t.Errorf("avoided %s", avoided)
	}
	if len(i.Options(at(0), time.Hour)) != 0 {
		t.Error("what is in place is still an option")
	}
	s.turn(timeline.MitigationReverted, 2, "10k/h", 2*time.Hour)
	i = Fold(s.entries)
	lost(t, i, 3*time.Hour, "USD 22,000;")
	if avoided, _ := i.Avoided(i.Business.Mitigations[0], at(3*time.Hour)); avoided.String() != "USD 8,000" {
		t.Errorf("avoided %s", avoided)
	}
	s.propose("other", "1k/h", time.Minute).turn(timeline.MitigationDropped, 5, "", 0)
	s.turn(timeline.MitigationApplied, 0, "1k/h", 3*time.Hour) // of a proposal that was not merged yet
	i = Fold(s.entries)
	if i.Business.Mitigations[1].State != Dropped {
		t.Errorf("%+v", i.Business.Mitigations[1])
	}
	lost(t, i, 4*time.Hour, "USD 23,000;")
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := opened(t).propose("reroute to Frankfurt", "1/h", time.Minute).propose("reroute to Dublin", "1/h", time.Minute)
	b := Fold(s.entries).Business
	for word, want := range map[string]int{"reroute": 2, "DUBLIN": 1, Ref(s.entries[1].ID): 1, "": 0, "nothing": 0} {
		if got := len(b.Find(word)); got != want {
			t.Errorf("%q means %d", word, got)
		}
	}
}
