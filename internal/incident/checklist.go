package incident

import (
	"slices"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A Step is one of the five that lead through a night.
type Step struct {
	ID    string
	Title string
	Items []Item
	Needs []string // items that have to be settled before one of this step is ticked
}

// An Item is a question of the checklist, and how it stands.
type Item struct {
	ID       string
	Question string
	How      string // what to type to answer it
	State    ItemState
	Settled  Moment // when it was ticked or skipped, and by whom
	Reason   string // why it was skipped, or what was said with the tick
}

// An ItemState says how a question stands.
type ItemState string

// The states of an item.
const (
	ItemOpen    ItemState = "open"
	ItemDone    ItemState = "done"
	ItemSkipped ItemState = "skipped"
)

// Checklist is the five steps as nobody has walked them yet.
func Checklist() []Step {
	all := questions()
	for s := range all {
		for n := range all[s].Items {
			all[s].Items[n].State = ItemOpen
		}
	}
	return all
}

func questions() []Step {
	return []Step{
		{ID: "business", Title: "Business situation", Items: []Item{
			{ID: "business.loss", Question: "How much are you losing, per hour or per day? Who says so?", How: "business loss 1M/day --currency USD --said-by WHO"},
			{ID: "business.less", Question: "How can we make you lose less, before anybody knows the cause?", How: "business mitigation TEXT --saves 80% --takes 15m"},
			{ID: "business.diagnosis", Question: "How long until the cause is found, or the repair is through?", How: "business diagnosis 3h"},
			{ID: "business.decider", Question: "Who decides for the business tonight?", How: "technical role business NAME"},
		}},
		{ID: "technical", Title: "Technical situation", Items: []Item{
			{ID: "technical.together", Question: "Are business and technicians in one room, with one status?", How: "step tick technical.together"},
			{ID: "technical.problem", Question: "What is wrong, concisely: what, for whom, since when?", How: "technical problem TEXT"},
			{ID: "technical.schema", Question: "What is connected to what, where the problem is thought to be?", How: "technical schema TEXT"},
			{ID: "technical.changed", Question: "What changed before it began?", How: "technical fact TEXT, then step tick technical.changed"},
			{ID: "technical.lead", Question: "Who leads?", How: "technical role lead NAME"},
		}},
		{ID: "inventory", Title: "Inventory", Needs: []string{"technical.problem", "technical.schema"}, Items: []Item{
			{ID: "inventory.scan", Question: "Has every host been looked at?", How: "scan HOST..., then step tick inventory.scan"},
			{ID: "inventory.missing", Question: "Which hosts are on no list?", How: "step tick inventory.missing"},
			{ID: "inventory.findings", Question: "What did nobody say? Are the findings read?", How: "findings, then step tick inventory.findings"},
			{ID: "inventory.told", Question: "Was the business told what was found, as it is?", How: "technical update --given, then step tick inventory.told"},
			{ID: "inventory.login", Question: "Can everybody who works log in?", How: "ssh-config --write, then step tick inventory.login"},
		}},
		{ID: "monitoring", Title: "Monitoring", Items: []Item{
			{ID: "monitoring.working", Question: "Is monitoring working on this platform, yes or no?", How: "technical monitoring yes|no"},
			{ID: "monitoring.metrics", Question: "Does somebody see disk, CPU, memory and network?", How: "step tick monitoring.metrics"},
			{ID: "monitoring.paths", Question: "Does somebody see each way from a service to what it needs?", How: "step tick monitoring.paths"},
		}},
		{ID: "solution", Title: "Solution", Items: []Item{
			{ID: "solution.cause", Question: "Which hypothesis was confirmed?", How: "technical outcome HYPOTHESIS confirmed"},
			{ID: "solution.decided", Question: "What is done about it, and how is it taken back?", How: "technical decision TEXT, then step tick solution.decided"},
			{ID: "solution.verified", Question: "Does the problem no longer show?", How: "step tick solution.verified"},
			{ID: "solution.loss", Question: "Is nothing lost any more?", How: "business loss 0/day, then step tick solution.loss"},
			{ID: "solution.left", Question: "What stays in place, and what is left to do?", How: "technical action TEXT --later, then step tick solution.left"},
		}},
	}
}

// answers are the entries that answer a question by themselves.
func answers(e timeline.Entry) string {
	switch e.Kind {
	case timeline.LossStated:
		return "business.loss"
	case timeline.MitigationProposed:
		return "business.less"
	case timeline.DiagnosisEstimated:
		return "business.diagnosis"
	case timeline.ProblemStated:
		return "technical.problem"
	case timeline.SchemaDrafted:
		return "technical.schema"
	case timeline.MonitoringAnswered:
		return "monitoring.working"
	case timeline.RoleAssigned:
		return roleAnswers(e)
	case timeline.HypothesisSettled:
		if d, _ := timeline.Decode[timeline.Settlement](e); d.Outcome == timeline.Confirmed {
			return "solution.cause"
		}
	}
	return ""
}

func roleAnswers(e timeline.Entry) string {
	d, _ := timeline.Decode[timeline.Role](e)
	switch {
	case d.Name == "":
		return ""
	case d.Role == "lead":
		return "technical.lead"
	case d.Role == "business":
		return "business.decider"
	}
	return ""
}

// step adds an entry to the checklist. Items that this version does not ask count
// for nothing.
func (f *folder) step(e timeline.Entry, moment Moment) {
	switch d, _ := timeline.Decode[timeline.Step](e); e.Kind {
	case timeline.StepTicked:
		f.settle(d.Item, ItemDone, moment, d.Reason)
	case timeline.StepSkipped:
		f.settle(d.Item, ItemSkipped, moment, d.Reason)
	case timeline.StepReopened:
		f.settle(d.Item, ItemOpen, Moment{}, "")
	default:
		if item := f.incident.Item(answers(e)); item != nil && item.State != ItemDone {
			item.State, item.Settled, item.Reason = ItemDone, moment, ""
		}
	}
}

func (f *folder) settle(id string, state ItemState, moment Moment, reason string) {
	if item := f.incident.Item(id); item != nil {
		item.State, item.Settled, item.Reason = state, moment, reason
	}
}

// Item is the question with this id, or nil.
func (i Incident) Item(id string) *Item {
	for s := range i.Steps {
		for n := range i.Steps[s].Items {
			if i.Steps[s].Items[n].ID == id {
				return &i.Steps[s].Items[n]
			}
		}
	}
	return nil
}

// Missing are the items that have to be settled before this one is ticked.
func (i Incident) Missing(id string) []Item {
	n := slices.IndexFunc(i.Steps, func(s Step) bool {
		return slices.ContainsFunc(s.Items, func(item Item) bool { return item.ID == id })
	})
	if n < 0 {
		return nil
	}
	var missing []Item
	for _, need := range i.Steps[n].Needs {
		if item := i.Item(need); item != nil && item.State == ItemOpen {
			missing = append(missing, *item)
		}
	}
	return missing
}

// Step is the first step with an open question, or the last one.
func (i Incident) Step() int {
	for n, s := range i.Steps {
		if slices.ContainsFunc(s.Items, func(item Item) bool { return item.State == ItemOpen }) {
			return n
		}
	}
	return len(i.Steps) - 1
}

// Count tells how many questions of the step are settled.
func (s Step) Count() (settled, all int) {
	for _, item := range s.Items {
		if item.State != ItemOpen {
			settled++
		}
	}
	return settled, len(s.Items)
}
