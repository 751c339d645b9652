// Package check judges facts. A check is a question with a fixed set of facts
// to answer it from; a finding is an answer that is not ok. Nothing here reads a
// clock, a file or a network: the same fleet and the same now give the same
// findings.
//
// # Check
//
// A [Spec] is a check as its author wrote it; [New] compiles it into a [Check]
// and refuses every name it does not know.
//
// # Input
//
// What a condition sees are inputs: the facts of a host, and what is derived
// from them here in Go because it takes a table or an algorithm (the lifecycle
// of an operating system, the reach of a service). An input that is not known
// makes the answer unknown; it never makes it ok.
//
// # Result
//
// [Judge] answers one check for one host, [JudgeFleet] all of them for all. A
// host that was never asked is not checked, which is neither fine nor unknown.
package check

import (
	"time"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Status is the answer to a check, in the order and with the numbers of
// Nagios' exit codes.
type Status int

// The statuses. Unknown means that nobody could look; it is never ok.
const (
	OK Status = iota
	Warning
	Critical
	Unknown
)

var statusNames = [...]string{OK: "ok", Warning: "warning", Critical: "critical", Unknown: "unknown"}

func (s Status) String() string { return statusNames[s] }

// MarshalText writes the status as its word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the status back from its word.
func (s *Status) UnmarshalText(text []byte) error {
	status, err := ParseStatus(string(text))
	*s = status
	return err
}

// A Confidence is how sure a judgement is.
type Confidence string

// The confidences.
const (
	Certain  Confidence = "certain"  // the evidence says exactly this
	Probable Confidence = "probable" // the evidence is indirect
	Possible Confidence = "possible" // worth a look by hand
)

// Evidence is what was seen, where, and when.
type Evidence struct {
	Command string    `json:"command"` // what a person would type to see it again
	Output  string    `json:"output"`  // the part that proves it
	At      time.Time `json:"at"`
}

// A Finding is a check's answer about one host (or one thing on it), when it is
// not ok. No text in it holds a control character.
type Finding struct {
	ID         string     `json:"id"` // stable across scans: check, host and key
	Check      string     `json:"check"`
	Title      string     `json:"title"`
	Host       string     `json:"host"`
	Key        string     `json:"key,omitempty"` // the item judged: a mount point, a service
	Status     Status     `json:"status"`
	Weight     int        `json:"weight"` // of the check among others of its status, 0 to 100
	Confidence Confidence `json:"confidence"`
	Needed     int        `json:"needed"`           // other hosts that were seen to call this one
	Summary    string     `json:"summary"`          // one technical sentence with the numbers
	Business   string     `json:"business"`         // one plain sentence for people who pay
	Reason     string     `json:"reason,omitempty"` // why unknown, or what was missing
	Evidence   []Evidence `json:"evidence"`

	// Correction is what would put it right; nil where nothing is known.
	Correction *Correction `json:"correction,omitempty"`
}

// Subject is what a judgement looks at.
type Subject struct {
	Host inventory.Host
	T0   time.Time // when the incident was opened
	Now  time.Time
	EOL  EOL   // when the vendors' support ends; the zero table knows nothing
	Site *Site // the fleet around the host; nil when there is none to look at
}

// A Tally counts judgements, each of one check on one host. What is not checked
// (nobody asked the host) is kept apart from what is unknown (the host was asked
// and could not say) and from what is fine.
type Tally struct {
	Fine       int `json:"fine"`
	Partial    int `json:"partial"` // of the fine ones, those judged on incomplete facts
	Found      int `json:"found"`   // with at least one critical or warning finding
	Unknown    int `json:"unknown"`
	NotChecked int `json:"not_checked"`
	Muted      int `json:"muted"` // findings that a person muted; their judgements are counted above
}

// count adds one judgement.
func (t *Tally) count(j Judgement) {
	switch j.Answer {
	case Fine:
		t.Fine++
		if j.Reason != "" {
			t.Partial++
		}
	case Found:
		t.Found++
	case NotKnown:
		t.Unknown++
	case NotChecked:
		t.NotChecked++
	}
}

// A Result is what came out of judging.
type Result struct {
	Findings   []Finding      `json:"findings"` // worst first
	Muted      []MutedFinding `json:"muted"`    // those that Silence took out
	Judgements []Judgement    `json:"judgements"`
	Tally      Tally          `json:"tally"`
}

// An Answer is how one judgement ended.
type Answer string

// The answers.
const (
	Fine       Answer = "fine"
	Found      Answer = "found"       // there is at least one critical or warning finding
	NotKnown   Answer = "unknown"     // the host was asked and could not say
	NotChecked Answer = "not_checked" // nobody asked the host
)

// A Judgement is one check's answer for one host, also when there is nothing to
// report.
type Judgement struct {
	Check  string    `json:"check"`
	Host   string    `json:"host"`
	Answer Answer    `json:"answer"`
	Reason string    `json:"reason,omitempty"` // what was missing, also from an answer
	At     time.Time `json:"at,omitzero"`      // when the oldest of the facts was read
}
