package timeline

// The kinds of the checklist, with the type that Data decodes to.
const (
	StepTicked   Kind = "step.ticked"   // Step
	StepSkipped  Kind = "step.skipped"  // Step
	StepReopened Kind = "step.reopened" // Step
)

// Step is the data of StepTicked, StepSkipped and StepReopened.
type Step struct {
	Item   string `json:"item"` // "business.loss"
	Reason string `json:"reason,omitempty"`
}

// stepSentence describes the kinds of the checklist.
func stepSentence(e Entry) (string, bool) {
	switch e.Kind {
	case StepTicked:
		return say(e, func(d Step) string { return "ticked: " + d.Item + because(d.Reason) })
	case StepSkipped:
		return say(e, func(d Step) string { return "skipped: " + d.Item + because(d.Reason) })
	case StepReopened:
		return say(e, func(d Step) string { return "open again: " + d.Item + because(d.Reason) })
	}
	return "", false
}
