package timeline

import "time"

// The kinds about findings, with the type that Data decodes to.
const (
	FindingMuted   Kind = "finding.muted"   // Mute
	FindingUnmuted Kind = "finding.unmuted" // Mute, of which the finding counts
)

// muteKinds are those kinds, for the list of all.
var muteKinds = []Kind{FindingMuted, FindingUnmuted}

// Mute is the data of FindingMuted: a finding that nobody wants to read again
// until a moment, and why.
type Mute struct {
	Finding string    `json:"finding"` // its id
	Check   string    `json:"check"`
	Host    string    `json:"host"`
	Key     string    `json:"key,omitempty"`
	Status  string    `json:"status"` // what it was then; when it is worse, it is shown again
	Reason  string    `json:"reason,omitempty"`
	Until   time.Time `json:"until,omitzero"`
}

// muteSentence describes the kinds about findings.
func muteSentence(e Entry) (string, bool) {
	switch e.Kind {
	case FindingMuted:
		return say(e, func(d Mute) string {
			return "muted until " + d.Until.UTC().Format("2006-01-02 15:04 UTC") + ": " + d.describe() + because(d.Reason)
		})
	case FindingUnmuted:
		return say(e, func(d Mute) string { return "no longer muted: " + d.describe() })
	}
	return "", false
}

func (d Mute) describe() string {
	text := d.Check + " of " + d.Host
	if d.Key != "" {
		text += " " + d.Key
	}
	return oneLine(text) + " (" + d.Finding + ")"
}
