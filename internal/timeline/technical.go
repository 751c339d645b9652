package timeline

import (
	"time"
)

// The kinds of what technicians say, with the type that Data decodes to. A fact,
// a hypothesis, a decision and an action are different things, and stay apart.
const (
	ProblemStated      Kind = "problem.stated"      // Said
	SchemaDrafted      Kind = "schema.drafted"      // Said
	FactStated         Kind = "fact.stated"         // Said
	HypothesisRaised   Kind = "hypothesis.raised"   // Hypothesis
	HypothesisSettled  Kind = "hypothesis.settled"  // Settlement
	DecisionMade       Kind = "decision.made"       // Decision
	ActionAdded        Kind = "action.added"        // Action
	ActionDone         Kind = "action.done"         // Done
	RoleAssigned       Kind = "role.assigned"       // Role
	HandoverGiven      Kind = "handover.given"      // Handover
	MonitoringAnswered Kind = "monitoring.answered" // Monitoring
	UpdateGiven        Kind = "update.given"        // Update
)

// technicalKinds are those kinds, for the list of all.
var technicalKinds = []Kind{
	ProblemStated, SchemaDrafted, FactStated, HypothesisRaised, HypothesisSettled, DecisionMade, ActionAdded, ActionDone,
	RoleAssigned, HandoverGiven, MonitoringAnswered, UpdateGiven,
}

// Said is a text, and where it comes from.
type Said struct {
	Text   string `json:"text"`
	Source string `json:"source,omitempty"` // who said it, or what shows it
}

// Hypothesis is the data of HypothesisRaised: what may be the cause, and what
// would tell. The entry's id is the hypothesis'.
type Hypothesis struct {
	Text  string `json:"text"`
	Test  string `json:"test,omitempty"`
	Owner string `json:"owner,omitempty"`
}

// An Outcome is what the test of a hypothesis said.
type Outcome string

// The outcomes.
const (
	Confirmed Outcome = "confirmed"
	Refuted   Outcome = "refuted"
	Unclear   Outcome = "unclear"
)

// Settlement is the data of HypothesisSettled.
type Settlement struct {
	Hypothesis string  `json:"hypothesis"` // id of its entry
	Text       string  `json:"text"`       // what it said
	Outcome    Outcome `json:"outcome"`
	Evidence   string  `json:"evidence,omitempty"`
}

// Decision is the data of DecisionMade.
type Decision struct {
	Text   string        `json:"text"`
	Reason string        `json:"reason,omitempty"`
	By     string        `json:"by,omitempty"`
	Takes  time.Duration `json:"takes,omitempty"` // how long it means to wait, which is its price
}

// Action is the data of ActionAdded: something to be done. The entry's id is the
// action's.
type Action struct {
	Text  string `json:"text"`
	Owner string `json:"owner,omitempty"`
	Later bool   `json:"later,omitempty"` // after the incident
}

// Done is the data of ActionDone.
type Done struct {
	Action  string `json:"action"` // id of its entry
	Text    string `json:"text"`   // what it said
	Outcome string `json:"outcome,omitempty"`
}

// Role is the data of RoleAssigned. An empty name leaves the role to nobody.
type Role struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

// Handover is the data of HandoverGiven.
type Handover struct {
	To   string `json:"to,omitempty"`
	Text string `json:"text"`
}

// Monitoring is the data of MonitoringAnswered: is monitoring working on this
// platform, yes or no?
type Monitoring struct {
	Working bool   `json:"working"`
	Text    string `json:"text,omitempty"` // how they put it
	SaidBy  string `json:"said_by,omitempty"`
}

// Update is the data of UpdateGiven: what the business was told, and when it
// will be told more.
type Update struct {
	Text string        `json:"text"`
	Next time.Duration `json:"next"`
}

// technicalSentence describes the kinds of what technicians say.
func technicalSentence(e Entry) (string, bool) {
	switch e.Kind {
	case ProblemStated:
		return say(e, func(d Said) string { return d.describe("problem") })
	case SchemaDrafted:
		return say(e, func(d Said) string { return d.describe("schema") })
	case FactStated:
		return say(e, func(d Said) string { return d.describe("fact") })
	case HypothesisRaised:
		return say(e, Hypothesis.describe)
	case HypothesisSettled:
		return say(e, Settlement.describe)
	case DecisionMade:
		return say(e, Decision.describe)
	case ActionAdded:
		return say(e, Action.describe)
	case ActionDone:
		return say(e, func(d Done) string { return "done: " + oneLine(d.Text) + because(d.Outcome) })
	case RoleAssigned:
		return say(e, Role.describe)
	case HandoverGiven:
		return say(e, func(d Handover) string { return "hand-over" + to(d.To) + because(d.Text) })
	case MonitoringAnswered:
		return say(e, Monitoring.describe)
	case UpdateGiven:
		return say(e, func(d Update) string { return "update given, next in " + Span(d.Next) + because(d.Text) })
	}
	return "", false
}

func (d Said) describe(what string) string { return what + ": " + oneLine(d.Text) + by(d.Source) }

func (d Hypothesis) describe() string {
	text := "hypothesis: " + oneLine(d.Text)
	if d.Test != "" {
		text += "; test: " + oneLine(d.Test)
	}
	return text + owned(d.Owner)
}

func (d Settlement) describe() string {
	return "hypothesis " + string(d.Outcome) + ": " + oneLine(d.Text) + because(d.Evidence)
}

func (d Decision) describe() string {
	text := "decision: " + oneLine(d.Text) + because(d.Reason)
	if d.Takes > 0 {
		text += ", takes " + Span(d.Takes)
	}
	return text + by(d.By)
}

func (d Action) describe() string {
	text := "action: "
	if d.Later {
		text = "follow-up: "
	}
	return text + oneLine(d.Text) + owned(d.Owner)
}

func (d Role) describe() string {
	if d.Name == "" {
		return "role " + d.Role + ": nobody"
	}
	return "role " + d.Role + ": " + d.Name
}

func (d Monitoring) describe() string {
	text := "is monitoring working? no"
	if d.Working {
		text = "is monitoring working? yes"
	}
	return text + because(d.Text) + by(d.SaidBy)
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " (" + oneLine(name) + ")"
}

func to(name string) string {
	if name == "" {
		return ""
	}
	return " to " + oneLine(name)
}

func owned(name string) string {
	if name == "" {
		return ""
	}
	return ", owner " + oneLine(name)
}
