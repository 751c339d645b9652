package incident

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Business is what the outage costs, and what would make it cost less.
type Business struct {
	Curve       []LossStep   // the loss curve, by From; all that were ever stated
	Mitigations []Mitigation // in the order they were proposed
	Estimates   []Estimate   // of the diagnosis, oldest first; the last one stands
}

// A LossStep is one statement of what is lost from a moment on. Steps are never
// changed: what is learned later is a step of its own.
type LossStep struct {
	From       time.Time
	Rate       money.Rate
	SaidBy     string
	Text       string // how they know
	Mitigation string // id of the mitigation that made the step
	Stated     Moment
	Superseded bool // a later statement speaks of the same moment
}

// A MitigationState says how far a mitigation came.
type MitigationState string

// The states of a mitigation.
const (
	Proposed MitigationState = "proposed"
	Applied  MitigationState = "applied"
	Reverted MitigationState = "reverted"
	Dropped  MitigationState = "dropped"
)

// A Mitigation makes the loss smaller before anybody knows the cause.
type Mitigation struct {
	ID       string
	Text     string
	Rate     money.Rate // what is lost with it, as proposed
	Takes    time.Duration
	Risk     string
	Reversal string
	Owner    string
	State    MitigationState
	Proposed Moment
	Turned   Moment     // when the last word on it was said
	From     time.Time  // in place since; zero when it never was
	Until    time.Time  // taken back at; zero while it is in place
	Before   money.Rate // in force before it was applied
	After    money.Rate // stated when it was
	Reason   string     // why it was taken back or dropped
}

// An Estimate is how much longer the diagnosis is thought to take.
type Estimate struct {
	Takes  time.Duration
	Text   string
	SaidBy string
	Stated Moment
}

// business adds an entry about money.
func (f *folder) business(e timeline.Entry, moment Moment) {
	b := &f.incident.Business
	switch e.Kind {
	case timeline.LossStated:
		if d, ok := timeline.Decode[timeline.Loss](e); ok {
			b.state(LossStep{From: d.From, Rate: d.Rate, SaidBy: d.SaidBy, Text: d.Text, Stated: moment})
		}
	case timeline.MitigationProposed:
		if d, ok := timeline.Decode[timeline.Proposal](e); ok && d.Rate.Valid() && d.Takes >= 0 {
			b.Mitigations = append(b.Mitigations, Mitigation{
				ID: e.ID, Text: d.Text, Rate: d.Rate, Takes: d.Takes, Risk: d.Risk, Reversal: d.Reversal, Owner: d.Owner,
				State: Proposed, Proposed: moment, Turned: moment,
			})
		}
	case timeline.MitigationApplied, timeline.MitigationReverted, timeline.MitigationDropped:
		if d, ok := timeline.Decode[timeline.Turn](e); ok {
			b.turn(e.Kind, d, moment)
		}
	case timeline.DiagnosisEstimated:
		if d, ok := timeline.Decode[timeline.Estimate](e); ok && d.Takes >= 0 {
			b.Estimates = append(b.Estimates, Estimate{Takes: d.Takes, Text: d.Text, SaidBy: d.SaidBy, Stated: moment})
		}
	}
}

func (b *Business) state(s LossStep) {
	if s.Rate.Valid() && !s.From.IsZero() {
		b.Curve = append(b.Curve, s)
	}
}

// turn applies the last word on a mitigation. One whose proposal was not merged
// yet still moves the curve.
func (b *Business) turn(kind timeline.Kind, d timeline.Turn, moment Moment) {
	if d.Rate != nil {
		b.state(LossStep{From: d.From, Rate: *d.Rate, Text: d.Text, Mitigation: d.Mitigation, Stated: moment})
	}
	n := slices.IndexFunc(b.Mitigations, func(m Mitigation) bool { return m.ID == d.Mitigation })
	if n < 0 {
		return
	}
	m := &b.Mitigations[n]
	m.Turned, m.Reason = moment, d.Reason
	switch {
	case kind == timeline.MitigationDropped:
		m.State = Dropped
	case d.Rate == nil || !d.Rate.Valid():
	case kind == timeline.MitigationApplied:
		m.State, m.From, m.Until, m.After = Applied, d.From, time.Time{}, *d.Rate
	case kind == timeline.MitigationReverted:
		m.State, m.Until = Reverted, d.From
	}
}

// settle orders the curve once all entries are read.
func (b *Business) settle() {
	slices.SortStableFunc(b.Curve, func(x, y LossStep) int { return x.From.Compare(y.From) })
	for n := range b.Curve {
		b.Curve[n].Superseded = n+1 < len(b.Curve) && b.Curve[n+1].From.Equal(b.Curve[n].From)
	}
	for n := range b.Mitigations {
		m := &b.Mitigations[n]
		if !m.From.IsZero() {
			m.Before = b.before(*m)
		}
	}
}

// before is the rate that a mitigation changed: the last one from another source
// that began earlier, or at the same moment and was said earlier.
func (b *Business) before(m Mitigation) (rate money.Rate) {
	for _, s := range b.Curve {
		if s.From.After(m.From) || s.Mitigation == m.ID && s.From.Equal(m.From) {
			break
		}
		rate = s.Rate
	}
	return rate
}

// RateAt is what is lost at a moment, and false before anybody said.
func (b Business) RateAt(at time.Time) (rate money.Rate, known bool) {
	for _, s := range b.Curve {
		if s.From.After(at) {
			break
		}
		rate, known = s.Rate, true
	}
	return rate, known
}

// Remaining is how much of the last estimate is left, negative when it is over,
// and false when there is none.
func (b Business) Remaining(now time.Time) (left time.Duration, known bool) {
	if len(b.Estimates) == 0 {
		return 0, false
	}
	last := b.Estimates[len(b.Estimates)-1]
	return last.Stated.At.Add(last.Takes).Sub(now), true
}

// Find returns the mitigations that a word means: the one with this id or with
// an id ending in it, else all whose text contains it.
func (b Business) Find(word string) []Mitigation {
	return find(b.Mitigations, word, func(m Mitigation) (id, text string) { return m.ID, m.Text })
}

// refLimit is the shortest end of an id that means anything.
const refLimit = 4

// Ref is the end of an id: short enough to type, the same on every laptop.
func Ref(id string) string { return strings.ToLower(id[max(0, len(id)-refLimit):]) }

func find[T any](all []T, word string, of func(T) (id, text string)) []T {
	word = strings.ToLower(strings.TrimSpace(word))
	if word == "" {
		return nil
	}
	var byID, byText []T
	for _, x := range all {
		id, text := of(x)
		if len(word) >= refLimit && strings.HasSuffix(strings.ToLower(id), word) {
			byID = append(byID, x)
		}
		if strings.Contains(strings.ToLower(text), word) {
			byText = append(byText, x)
		}
	}
	if len(byID) > 0 {
		return byID
	}
	return byText
}

// counted is until when the loss is counted: a closed incident costs nothing
// more.
func (i Incident) counted(now time.Time) time.Time {
	if i.State == Closed && i.Closed.At.Before(now) {
		return i.Closed.At
	}
	return now
}

// Rate is what is lost now, and false when nobody said yet or it is over.
func (i Incident) Rate(now time.Time) (money.Rate, bool) {
	if i.State == Closed {
		return money.Rate{}, false
	}
	return i.Business.RateAt(now)
}

// Lost is what was lost until now, by currency in alphabetical order. Nothing is
// converted.
func (i Incident) Lost(now time.Time) []money.Amount {
	end := i.counted(now)
	sums := map[string]*money.Sum{}
	for n, s := range i.Business.Curve {
		until := end
		if n+1 < len(i.Business.Curve) && i.Business.Curve[n+1].From.Before(end) {
			until = i.Business.Curve[n+1].From
		}
		if sums[s.Rate.Currency] == nil {
			sums[s.Rate.Currency] = &money.Sum{}
		}
		if until.After(s.From) {
			sums[s.Rate.Currency].Add(s.Rate, until.Sub(s.From))
		}
	}
	var lost []money.Amount
	for currency, sum := range sums {
		lost = append(lost, sum.Amount(currency))
	}
	slices.SortFunc(lost, func(a, b money.Amount) int { return strings.Compare(a.Currency, b.Currency) })
	return lost
}

// Avoided is what a mitigation has spared while it was in place, against the
// rate before it. It is false when that cannot be said: it never was in place,
// or was told in another currency.
func (i Incident) Avoided(m Mitigation, now time.Time) (money.Amount, bool) {
	if m.From.IsZero() || m.Before.Currency != m.After.Currency {
		return money.Amount{}, false
	}
	end := i.counted(now)
	if !m.Until.IsZero() && m.Until.Before(end) {
		end = m.Until
	}
	var sum money.Sum
	if span := end.Sub(m.From); span > 0 {
		sum.Add(m.Before, span)
		sum.Sub(m.After, span)
	}
	return sum.Amount(m.After.Currency), true
}

// An Option is a mitigation that could still be applied, and what it would spare
// within a horizon.
type Option struct {
	Mitigation
	Avoided money.Amount
	Part    int64 // of the present rate, in hundredths of a percent
	Known   bool  // whether it can be compared with the present rate
}

// Options ranks what could be done by the loss it avoids until the horizon: it
// spares nothing before it is in place. What cannot be compared comes last.
func (i Incident) Options(now time.Time, horizon time.Duration) []Option {
	rate, known := i.Rate(now)
	var options []Option
	for _, m := range i.Business.Mitigations {
		if m.State != Proposed {
			continue
		}
		o := Option{Mitigation: m, Known: known && m.Rate.Currency == rate.Currency}
		if o.Known {
			o.Part, _ = rate.Spares(m.Rate)
			o.Avoided = avoids(rate, m, horizon)
		}
		options = append(options, o)
	}
	slices.SortStableFunc(options, func(a, b Option) int {
		return cmp.Or(compareBool(a.Known, b.Known), cmp.Compare(b.Avoided.Likely, a.Avoided.Likely), cmp.Compare(a.Takes, b.Takes))
	})
	return options
}

// compareBool puts true before false.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func avoids(rate money.Rate, m Mitigation, horizon time.Duration) money.Amount {
	var sum money.Sum
	if span := horizon - m.Takes; span > 0 {
		sum.Add(rate, span)
		sum.Sub(m.Rate, span)
	}
	return sum.Amount(rate.Currency)
}

// Advice is what to tell people who look for the cause while money is lost.
type Advice struct {
	Waiting  time.Duration // what is left of the diagnosis
	For      string        // what is waited for, in the words of whoever estimated it
	Overdue  bool          // the estimate is over: nobody knows how long it takes
	Costs    money.Amount  // what waiting costs
	Option   Option        // the best of those that are quicker than the diagnosis
	Proposed bool          // whether there is one
}

// Advice says that the diagnosis takes longer than a mitigation would. It is
// false when there is nothing to say: no loss, or no estimate.
func (i Incident) Advice(now time.Time) (Advice, bool) {
	rate, known := i.Rate(now)
	left, estimated := i.Business.Remaining(now)
	if !known || rate.Zero() || !estimated {
		return Advice{}, false
	}
	a := Advice{Waiting: left, For: cmp.Or(i.Business.Estimates[len(i.Business.Estimates)-1].Text, "the diagnosis")}
	if left <= 0 {
		a.Overdue = true
		return a, true
	}
	a.Costs = rate.Over(left)
	for _, o := range i.Options(now, left) {
		if o.Known && o.Takes < left && o.Avoided.Likely > 0 {
			a.Option, a.Proposed = o, true
			break
		}
	}
	return a, true
}

// PartText is hundredths of a percent in words, to the tenth of a percent.
func PartText(part int64) string {
	sign := ""
	if part < 0 {
		sign, part = "-", -part
	}
	text := sign + strconv.FormatInt(part/100, 10)
	if tenths := part % 100 / 10; tenths != 0 {
		text += "." + strconv.FormatInt(tenths, 10)
	}
	return text + " %"
}

// Text is the advice in words.
func (a Advice) Text() string {
	if a.Overdue {
		return "the estimate for " + oneLine(a.For) + " is over since " + timeline.Span(-a.Waiting) + ": ask for a new one"
	}
	text := "wait for " + oneLine(a.For) + ": " + timeline.Span(a.Waiting) + " = " + a.Costs.String()
	if !a.Proposed {
		return text
	}
	return text + "; " + oneLine(a.Option.Text) + " now: " + timeline.Span(a.Option.Takes) +
		", saves " + PartText(a.Option.Part) + ", avoids " + a.Option.Avoided.String()
}

// Brief is the advice in so few words that its numbers are on a narrow screen; what is
// to be done comes last.
func (a Advice) Brief() string {
	if a.Overdue {
		return a.Text()
	}
	text := "waiting " + timeline.Span(a.Waiting) + " costs " + a.Costs.Currency + " " + a.Costs.Likely.Text()
	if !a.Proposed {
		return text
	}
	return text + "; in " + timeline.Span(a.Option.Takes) + " saves " + PartText(a.Option.Part) + ": " + oneLine(a.Option.Text)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
