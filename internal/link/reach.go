package link

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Reach is a door, and what is known of whether the host gets through it.
type Reach struct {
	Door

	Outcome string    `json:"outcome"`     // of the last test, or seen, or no answer; empty when nobody knows
	At      time.Time `json:"at,omitzero"` // of the test, or of what was seen
}

// What the sockets of a host tell where no test is newer.
const (
	Seen     = "seen"      // they are connected
	NoAnswer = "no answer" // the host calls, and nobody answers
)

// Fails reports whether nobody answers there.
func (r Reach) Fails() bool { return r.Outcome != "" && r.Outcome != Seen && !Open(r.Outcome) }

// Reach tells of every door, and of what else was tested, what the last test or the
// last look at the sockets says, by its ends.
func (m Map) Reach(groups []Group) []Reach {
	type ends struct {
		from, to string
		port     int
	}
	at := map[ends]int{}
	out := []Reach{}
	for _, d := range m.Doors(groups) {
		at[ends{d.From, d.To, d.Port}] = len(out)
		out = append(out, Reach{Door: d})
	}
	for _, t := range m.Tests {
		k := ends{t.From, t.To, t.Port}
		n, known := at[k]
		if !known {
			n, at[k] = len(out), len(out)
			out = append(out, Reach{Door: Door{From: t.From, To: t.To, Address: t.To, Port: t.Port}})
		}
		out[n].Outcome, out[n].At = t.Outcome, t.At
	}
	for _, l := range m.Links { // after the tests: what was seen later counts
		n, known := at[ends{l.From.Name(), l.To.Name(), l.Port}]
		if !known || !l.Observed || !l.Last.After(out[n].At) {
			continue
		}
		switch l.State {
		case Established:
			out[n].Outcome, out[n].At = Seen, l.Last
		case Attempted:
			out[n].Outcome, out[n].At = NoAnswer, l.Last
		case Unused, Silent:
		}
	}
	slices.SortStableFunc(out, func(a, b Reach) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port))
	})
	return out
}
