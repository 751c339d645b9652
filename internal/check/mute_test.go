package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func TestSilence(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)
	entry := func(kind timeline.Kind, m timeline.Mute) timeline.Entry {
		e, err := timeline.New("i", "Ana", kind, now, m)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	muted := func(id, status string, until time.Time) timeline.Entry {
		return entry(timeline.FindingMuted, timeline.Mute{Finding: id, Status: status, Until: until, Reason: "known"})
	}
	later := now.Add(time.Hour)
	for _, c := range []struct {
		name    string
		status  Status
		entries []timeline.Entry
		muted   bool
	}{
		{"nothing", Warning, nil, false},
		{"muted", Warning, []timeline.Entry{muted("a", "warning", later)}, true},
		{"another one", Warning, []timeline.Entry{muted("b", "warning", later)}, false},
		{"over", Warning, []timeline.Entry{muted("a", "warning", now)}, false},
		{"worse since", Critical, []timeline.Entry{muted("a", "warning", later)}, false},
		{"known since", Warning, []timeline.Entry{muted("a", "unknown", later)}, false},
		{"better since", Warning, []timeline.Entry{muted("a", "critical", later)}, true},
		{"of another version", Warning, []timeline.Entry{muted("a", "", later)}, false},
		{"taken back", Warning, []timeline.Entry{muted("a", "warning", later), entry(timeline.FindingUnmuted, timeline.Mute{Finding: "a"})}, false},
		{"muted again", Warning, []timeline.Entry{muted("a", "warning", now), muted("a", "warning", later)}, true},
	} {
		r := Result{Findings: []Finding{{ID: "a", Status: c.status}}, Tally: Tally{Found: 1}}
		r.Silence(MutesOf(c.entries), now)
		if got := len(r.Muted) == 1 && len(r.Findings) == 0; got != c.muted || len(r.Muted)+len(r.Findings) != 1 {
			t.Errorf("%s: muted %t, %+v", c.name, got, r)
		}
		if r.Tally.Found != 1 || r.Tally.Muted != len(r.Muted) {
			t.Errorf("%s: %+v", c.name, r.Tally)
		}
	}
	m := MutesOf([]timeline.Entry{muted("a", "warning", later)})[0]
	if diff := cmp.Diff([]any{"Ana", now, "known"}, []any{m.By, m.At, m.Reason}); diff != "" {
		t.Error(diff)
	}
}
