package check

import (
	"fmt"
	"slices"
)

// Statuses lists every status by name, in Nagios' order.
func Statuses() []string { return slices.Clone(statusNames[:]) }

// ParseStatus reads a status from its word.
func ParseStatus(word string) (Status, error) {
	i := slices.Index(statusNames[:], word)
	if i < 0 {
		return Unknown, fmt.Errorf("status %q: want one of ok, warning, critical, unknown", word)
	}
	return Status(i), nil
}

// rank orders statuses for people who have little time: what is certainly bad
// first, what could not be seen after it, what is fine last.
func (s Status) rank() int {
	switch s {
	case Critical:
		return 0
	case Warning:
		return 1
	case Unknown:
		return 2
	default:
		return 3
	}
}

// parseConfidence reads a confidence from its word.
func parseConfidence(word string) (Confidence, error) {
	switch c := Confidence(word); c {
	case Certain, Probable, Possible:
		return c, nil
	}
	return "", fmt.Errorf("confidence %q: want one of certain, probable, possible", word)
}

// lower is one step less sure than c.
func (c Confidence) lower() Confidence {
	if c == Certain {
		return Probable
	}
	return Possible
}
