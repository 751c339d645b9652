package incident

import (
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func TestChecklist(t *testing.T) {
	t.Parallel()
	s := opened(t).add(timeline.StepTicked, "", timeline.Step{Item: "technical.together"}).
		add(timeline.StepSkipped, "", timeline.Step{Item: "business.less", Reason: "legal"}).
		add(timeline.StepTicked, "", timeline.Step{Item: "from.the.future"})
	state := func(id string, want ItemState, by Moment, reason string) {
		t.Helper()
		item := Fold(s.entries).Item(id)
		if item.State != want || item.Settled != by || item.Reason != reason {
			t.Errorf("%s: %+v", id, *item)
		}
	}
	state("technical.together", ItemDone, minute(1), "")
	state("business.less", ItemSkipped, minute(2), "legal")
	state("business.loss", ItemOpen, Moment{}, "")

	// What was said answers its question; the first to say it ticked it.
	s.loss("1k/h", 0).loss("2k/h", 0).propose("x", "1/h", 1)
	state("business.loss", ItemDone, minute(4), "")
	state("business.less", ItemDone, minute(6), "")
	s.add(timeline.StepReopened, "", timeline.Step{Item: "business.loss"})
	state("business.loss", ItemOpen, Moment{}, "")
	s.loss("3k/h", 0)
	state("business.loss", ItemDone, minute(8), "")

	s.add(timeline.RoleAssigned, "", timeline.Role{Role: "lead"})
	state("technical.lead", ItemOpen, Moment{}, "")
	s.add(timeline.RoleAssigned, "", timeline.Role{Role: "lead", Name: "Kim"})
	state("technical.lead", ItemDone, minute(10), "")
}

// The problem statement and the draft schema come before the inventory.
func TestGates(t *testing.T) {
	t.Parallel()
	s := opened(t)
	missing := func(id string, want ...string) {
		t.Helper()
		var ids []string
		for _, item := range Fold(s.entries).Missing(id) {
			ids = append(ids, item.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("before %s: %v, want %v", id, ids, want)
		}
	}
	missing("business.loss")
	missing("no.such.item")
	missing("inventory.scan", "technical.problem", "technical.schema")
	s.add(timeline.ProblemStated, "", timeline.Said{Text: "x"})
	missing("inventory.scan", "technical.schema")
	s.add(timeline.StepSkipped, "", timeline.Step{Item: "technical.schema", Reason: "they have one"})
	missing("inventory.scan")
}

func TestStepsAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Checklist() {
		for _, item := range s.Items {
			if !strings.HasPrefix(item.ID, s.ID+".") || seen[item.ID] || item.Question == "" || item.How == "" || item.State != ItemOpen {
				t.Errorf("%+v", item)
			}
			seen[item.ID] = true
		}
		for _, need := range s.Needs {
			if !seen[need] {
				t.Errorf("%s needs %s, which does not come before it", s.ID, need)
			}
		}
	}
	i := Fold(nil)
	if len(i.Steps) != 5 || i.Step() != 0 {
		t.Errorf("%d steps, at %d", len(i.Steps), i.Step())
	}
}
