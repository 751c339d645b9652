package check

import (
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Affects holds for entries after which a fleet that is judged anew may get other
// findings: of visits, of what is said about hosts, of mutes.
func Affects(kind timeline.Kind) bool {
	switch kind {
	case timeline.HostScanned, timeline.ScanFinished, timeline.ReachTested, timeline.ServicesAsked, timeline.IncidentMerged,
		timeline.HostDeclared, timeline.HostRetracted, timeline.LinkDeclared, timeline.LinkRetracted,
		timeline.FindingMuted, timeline.FindingUnmuted, timeline.MonitoringAnswered:
		return true
	}
	return false
}

// A Mute is a person's word that a finding need not be read until a moment.
type Mute struct {
	timeline.Mute

	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Over reports whether the mute has ended by itself.
func (m Mute) Over(now time.Time) bool { return !m.Until.After(now) }

// MutesOf folds a timeline, in its order: the last word on a finding stands.
// Those that are over are kept, in the order in which they were said.
func MutesOf(entries []timeline.Entry) []Mute {
	var out []Mute
	for _, e := range entries {
		data, ok := timeline.Decode[timeline.Mute](e)
		if !ok || e.Kind != timeline.FindingMuted && e.Kind != timeline.FindingUnmuted {
			continue
		}
		out = slices.DeleteFunc(out, func(m Mute) bool { return m.Finding == data.Finding })
		if e.Kind == timeline.FindingMuted {
			out = append(out, Mute{Mute: data, By: e.Actor, At: e.At})
		}
	}
	return out
}

// A MutedFinding is a finding, and why it is not among the others.
type MutedFinding struct {
	Finding
	Mute Mute `json:"mute"`
}

// Silence takes findings that are muted out of the result, and keeps them beside
// it: they are counted and shown, never gone. A mute that is over holds no more;
// nor does one of a finding that has become worse since.
func (r *Result) Silence(mutes []Mute, now time.Time) {
	by := map[string]Mute{}
	for _, m := range mutes {
		if !m.Over(now) {
			by[m.Finding] = m
		}
	}
	r.Muted = []MutedFinding{}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		m, muted := by[f.ID]
		if !muted || f.worseThan(m.Status) {
			return false
		}
		r.Muted = append(r.Muted, MutedFinding{f, m})
		return true
	})
	r.Tally.Muted = len(r.Muted)
}

// worseThan compares a finding with what it was.
func (f Finding) worseThan(status string) bool {
	before, err := ParseStatus(status)
	return err != nil || f.Status.rank() < before.rank()
}
