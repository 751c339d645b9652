package incident

import (
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Technical is what technicians know, suppose, decided and do. Nothing in it is
// ever replaced: of what can only be said once, the last word stands.
type Technical struct {
	Problems   []Saying // concise statements of the problem
	Schemas    []Saying // drafts of what is connected to what
	Facts      []Saying
	Hypotheses []Hypothesis
	Decisions  []Decision
	Actions    []Action
	Roles      []Role // who has which now, in the order they were first given
	Handovers  []Handover
	Monitoring []Answer // to: is monitoring working on this platform, yes or no?
	Updates    []Update
	Stopped    Saying // zero while work may go on
}

// A Saying is a text that somebody wrote down.
type Saying struct {
	Text   string
	Source string
	Host   string
	Stated Moment
}

// A Hypothesis may be the cause. It is open until its test said something.
type Hypothesis struct {
	ID       string
	Text     string
	Test     string
	Owner    string
	Host     string
	Raised   Moment
	Outcome  timeline.Outcome // empty while it is open
	Evidence string
	Settled  Moment
}

// A Decision is what was decided, and what it was known to cost.
type Decision struct {
	Text   string
	Reason string
	By     string
	Takes  time.Duration
	Host   string
	Made   Moment
}

// An Action is something to be done, now or after the incident.
type Action struct {
	ID      string
	Text    string
	Owner   string
	Later   bool
	Host    string
	Added   Moment
	Done    Moment // zero while it is not
	Outcome string
}

// A Role is a part in the room and who has it.
type Role struct {
	Role  string
	Name  string
	Given Moment
}

// A Handover is what one person left to the next.
type Handover struct {
	To    string
	Text  string
	Given Moment
}

// An Answer is whether monitoring works, as somebody put it.
type Answer struct {
	Working bool
	Text    string
	SaidBy  string
	Stated  Moment
}

// An Update is what the business was told.
type Update struct {
	Text  string
	Next  time.Duration
	Given Moment
}

// technical adds an entry of what technicians say.
func (f *folder) technical(e timeline.Entry, moment Moment) {
	t := &f.incident.Technical
	switch e.Kind {
	case timeline.ProblemStated:
		t.Problems = appendSaying(t.Problems, e, moment)
	case timeline.SchemaDrafted:
		t.Schemas = appendSaying(t.Schemas, e, moment)
	case timeline.FactStated:
		t.Facts = appendSaying(t.Facts, e, moment)
	case timeline.HypothesisRaised, timeline.HypothesisSettled:
		t.hypothesis(e, moment)
	case timeline.DecisionMade:
		if d, ok := timeline.Decode[timeline.Decision](e); ok {
			t.Decisions = append(t.Decisions, Decision{d.Text, d.Reason, d.By, max(0, d.Takes), e.Host, moment})
		}
	case timeline.ActionAdded, timeline.ActionDone:
		t.action(e, moment)
	default:
		t.room(e, moment)
	}
}

// room adds an entry about the people and what they were told.
func (t *Technical) room(e timeline.Entry, moment Moment) {
	switch e.Kind {
	case timeline.RoleAssigned:
		t.role(e, moment)
	case timeline.HandoverGiven:
		if d, ok := timeline.Decode[timeline.Handover](e); ok {
			t.Handovers = append(t.Handovers, Handover{d.To, d.Text, moment})
		}
	case timeline.MonitoringAnswered:
		if d, ok := timeline.Decode[timeline.Monitoring](e); ok {
			t.Monitoring = append(t.Monitoring, Answer{d.Working, d.Text, d.SaidBy, moment})
		}
	case timeline.UpdateGiven:
		if d, ok := timeline.Decode[timeline.Update](e); ok && d.Next >= 0 {
			t.Updates = append(t.Updates, Update{d.Text, d.Next, moment})
		}
	case timeline.LineStopped:
		d, _ := timeline.Decode[timeline.Stop](e)
		t.Stopped = Saying{Text: d.Reason, Stated: moment}
	case timeline.LineReleased:
		t.Stopped = Saying{}
	}
}

func appendSaying(all []Saying, e timeline.Entry, moment Moment) []Saying {
	d, ok := timeline.Decode[timeline.Said](e)
	if !ok {
		return all
	}
	return append(all, Saying{d.Text, d.Source, e.Host, moment})
}

func (t *Technical) hypothesis(e timeline.Entry, moment Moment) {
	if e.Kind == timeline.HypothesisRaised {
		if d, ok := timeline.Decode[timeline.Hypothesis](e); ok {
			t.Hypotheses = append(t.Hypotheses, Hypothesis{
				ID: e.ID, Text: d.Text, Test: d.Test, Owner: d.Owner, Host: e.Host, Raised: moment,
			})
		}
		return
	}
	d, ok := timeline.Decode[timeline.Settlement](e)
	n := slices.IndexFunc(t.Hypotheses, func(h Hypothesis) bool { return h.ID == d.Hypothesis })
	if ok && n >= 0 {
		h := &t.Hypotheses[n]
		h.Outcome, h.Evidence, h.Settled = d.Outcome, d.Evidence, moment
	}
}

func (t *Technical) action(e timeline.Entry, moment Moment) {
	if e.Kind == timeline.ActionAdded {
		if d, ok := timeline.Decode[timeline.Action](e); ok {
			t.Actions = append(t.Actions, Action{ID: e.ID, Text: d.Text, Owner: d.Owner, Later: d.Later, Host: e.Host, Added: moment})
		}
		return
	}
	d, ok := timeline.Decode[timeline.Done](e)
	n := slices.IndexFunc(t.Actions, func(a Action) bool { return a.ID == d.Action })
	if ok && n >= 0 {
		t.Actions[n].Done, t.Actions[n].Outcome = moment, d.Outcome
	}
}

func (t *Technical) role(e timeline.Entry, moment Moment) {
	d, ok := timeline.Decode[timeline.Role](e)
	if !ok {
		return
	}
	n := slices.IndexFunc(t.Roles, func(r Role) bool { return r.Role == d.Role })
	if n < 0 {
		n = len(t.Roles)
		t.Roles = append(t.Roles, Role{})
	}
	t.Roles[n] = Role{d.Role, d.Name, moment}
}

// Last returns the last of several words, or the zero value: the one that stands.
func Last[T any](all []T) (last T) {
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	return last
}

// FindHypotheses returns the hypotheses that a word means, as [Business.Find].
func (t Technical) FindHypotheses(word string) []Hypothesis {
	return find(t.Hypotheses, word, func(h Hypothesis) (id, text string) { return h.ID, h.Text })
}

// FindActions returns the actions that a word means, as [Business.Find].
func (t Technical) FindActions(word string) []Action {
	return find(t.Actions, word, func(a Action) (id, text string) { return a.ID, a.Text })
}

// Cause is the last hypothesis that was confirmed.
func (t Technical) Cause() (cause Hypothesis, known bool) {
	for _, h := range t.Hypotheses {
		if h.Outcome == timeline.Confirmed {
			cause, known = h, true
		}
	}
	return cause, known
}

// defaultEvery is how long the business waits for the first update.
const defaultEvery = 30 * time.Minute

// Every is how long the business waits between two updates.
func (t Technical) Every() time.Duration {
	if last := Last(t.Updates); last.Next > 0 {
		return last.Next
	}
	return defaultEvery
}

// NextUpdate is when the business has to be told more; false for a closed
// incident, of which there is no more.
func (i Incident) NextUpdate() (time.Time, bool) {
	if i.State == Closed {
		return time.Time{}, false
	}
	if last := Last(i.Technical.Updates); !last.Given.At.IsZero() {
		return last.Given.At.Add(i.Technical.Every()), true
	}
	return i.Opened.At.Add(defaultEvery), true
}

// Price is what a decision was known to cost when it was made: the loss while it
// takes its time. It is false when nobody had said what is lost, or it takes none.
func (i Incident) Price(d Decision) (money.Amount, bool) {
	rate, known := i.Business.RateAt(d.Made.At)
	if !known || d.Takes <= 0 {
		return money.Amount{}, false
	}
	return rate.Over(d.Takes), true
}
