// Package check judges facts. A check is a question with a fixed set of facts
// to answer it from; a finding is an answer that is not ok. Nothing here reads a
// clock, a file or a network: the same fleet and the same now give the same
// findings.
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
// not ok.
type Finding struct {
	ID         string     `json:"id"` // stable across scans: check, host and key
	Check      string     `json:"check"`
	Title      string     `json:"title"`
	Host       string     `json:"host"`
	Key        string     `json:"key,omitempty"` // the item judged: a mount point, a service
	Status     Status     `json:"status"`
	Confidence Confidence `json:"confidence"`
	Summary    string     `json:"summary"`          // one technical sentence with the numbers
	Business   string     `json:"business"`         // one plain sentence for people who pay
	Reason     string     `json:"reason,omitempty"` // why unknown
	Evidence   []Evidence `json:"evidence"`
}

// Subject is what a judgement looks at.
type Subject struct {
	Host inventory.Host
	T0   time.Time // when the incident was opened
	Now  time.Time
}
