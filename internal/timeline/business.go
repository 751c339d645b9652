package timeline

import (
	"fmt"
	"time"

	"github.com/nightcall-sh/nightcall/internal/money"
)

// The kinds about money, with the type that Data decodes to.
const (
	LossStated         Kind = "loss.stated"         // Loss
	MitigationProposed Kind = "mitigation.proposed" // Proposal
	MitigationApplied  Kind = "mitigation.applied"  // Turn
	MitigationReverted Kind = "mitigation.reverted" // Turn
	MitigationDropped  Kind = "mitigation.dropped"  // Turn
	DiagnosisEstimated Kind = "diagnosis.estimated" // Estimate
)

// Loss is the data of LossStated: what is lost from a moment on. It never
// changes what was lost before.
type Loss struct {
	Rate   money.Rate `json:"rate"`
	From   time.Time  `json:"from"`
	SaidBy string     `json:"said_by,omitempty"`
	Text   string     `json:"text,omitempty"` // how they know
}

// Proposal is the data of MitigationProposed: what would make the loss smaller
// before anybody knows the cause. The entry's id is the mitigation's.
type Proposal struct {
	Text     string        `json:"text"`
	Rate     money.Rate    `json:"rate"` // what is lost once it is in place
	Takes    time.Duration `json:"takes"`
	Risk     string        `json:"risk,omitempty"`
	Reversal string        `json:"reversal,omitempty"` // how it is taken back
	Owner    string        `json:"owner,omitempty"`
}

// Turn is the data of MitigationApplied, MitigationReverted and
// MitigationDropped. Rate and From are what is lost since then; a mitigation
// that was dropped changes nothing.
type Turn struct {
	Mitigation string      `json:"mitigation"` // id of its proposal
	Text       string      `json:"text"`       // what it was called
	Rate       *money.Rate `json:"rate,omitempty"`
	From       time.Time   `json:"from,omitzero"`
	Reason     string      `json:"reason,omitempty"`
}

// Estimate is the data of DiagnosisEstimated: how much longer the way to the
// cause, or to the repair, is thought to take.
type Estimate struct {
	Takes  time.Duration `json:"takes"`
	Text   string        `json:"text,omitempty"` // what is waited for
	SaidBy string        `json:"said_by,omitempty"`
}

// businessSentence describes the kinds about money.
func businessSentence(e Entry) (string, bool) {
	switch e.Kind {
	case LossStated:
		return say(e, Loss.describe)
	case MitigationProposed:
		return say(e, Proposal.describe)
	case MitigationApplied:
		return say(e, func(d Turn) string { return d.describe("applied") })
	case MitigationReverted:
		return say(e, func(d Turn) string { return d.describe("taken back") })
	case MitigationDropped:
		return say(e, func(d Turn) string { return d.describe("dropped") })
	case DiagnosisEstimated:
		return say(e, Estimate.describe)
	}
	return "", false
}

func (d Loss) describe() string {
	text := "loss: " + d.Rate.String() + since(d.From)
	if d.SaidBy != "" {
		text += ", said by " + d.SaidBy
	}
	return text + because(d.Text)
}

func (d Proposal) describe() string {
	text := fmt.Sprintf("mitigation proposed: %s: loss %s after %s", oneLine(d.Text), d.Rate, Span(d.Takes))
	if d.Owner != "" {
		text += ", owner " + d.Owner
	}
	return text
}

func (d Turn) describe(what string) string {
	text := "mitigation " + what + ": " + oneLine(d.Text)
	if d.Rate != nil {
		text += ": loss " + d.Rate.String() + since(d.From)
	}
	return text + because(d.Reason)
}

func (d Estimate) describe() string {
	text := "estimate: " + Span(d.Takes) + " more"
	if d.Text != "" {
		text += " for " + oneLine(d.Text)
	}
	if d.SaidBy != "" {
		text += ", said by " + d.SaidBy
	}
	return text
}

func since(from time.Time) string {
	if from.IsZero() {
		return ""
	}
	return " since " + from.UTC().Format("2006-01-02 15:04 MST")
}

// Span is a duration as people say it, to the minute.
func Span(d time.Duration) string {
	if d < 0 {
		return "-" + Span(-d)
	}
	const day = 24 * time.Hour
	minutes := d.Round(time.Minute)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case minutes < time.Hour:
		return fmt.Sprintf("%d min", minutes/time.Minute)
	case minutes < day:
		return two(minutes, time.Hour, "h", time.Minute, "min")
	}
	return two(minutes, day, "d", time.Hour, "h")
}

// two is a duration in a large unit and the rest of it in a smaller one.
func two(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d %s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return text
}
