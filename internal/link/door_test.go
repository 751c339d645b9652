package link

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// platform is three backends of which one uses the database no more, and a
// service far away.
func platform() Map {
	return Join(fleet(
		machineAt("be1", "10.0.0.1", "8080 java", "java 10.0.1.1:3306", "java 198.51.100.7:443", "ssh 10.0.1.1:22"),
		machineAt("be2", "10.0.0.2", "8080 java", "java 10.0.9.9:6379"),
		machineAt("be3", "10.0.0.3", "8080 java", "syn java 10.0.1.1:3306"),
		machineAt("db1", "10.0.1.1", "3306 mysqld", "22 sshd", "mysqld 127.0.0.1:3306"),
		inventory.Host{Name: "be4"}, // never visited
	), nil, Draft{})
}

func TestDoors(t *testing.T) {
	t.Parallel()
	m := platform()
	var got []string
	for _, d := range m.Doors(m.Groups()) {
		got = append(got, fmt.Sprintf("%s -> %s (%s:%d) %s uses=%t", d.From, d.To, d.Address, d.Port, d.Kind, d.Uses))
	}
	want := []string{
		"be1 -> 10.0.9.9 (10.0.9.9:6379) redis uses=false", "be1 -> db1 (10.0.1.1:3306) mysql uses=true",
		"be2 -> 10.0.9.9 (10.0.9.9:6379) redis uses=true", "be2 -> db1 (10.0.1.1:3306) mysql uses=false",
		"be3 -> 10.0.9.9 (10.0.9.9:6379) redis uses=false", "be3 -> db1 (10.0.1.1:3306) mysql uses=true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A newer test says whether a link works; what nobody could find out says
// nothing; an older test than the last sample says nothing either.
func TestApply(t *testing.T) {
	t.Parallel()
	tested := func(after time.Duration, host string, results ...timeline.ReachResult) timeline.Entry {
		e, err := timeline.New("i", "me", timeline.ReachTested, at.Add(after), timeline.Reach{Results: results})
		if err != nil {
			t.Fatal(err)
		}
		return e.About(host)
	}
	db := func(outcome string) timeline.ReachResult {
		return timeline.ReachResult{To: "db1", Port: 3306, Outcome: outcome}
	}
	tests := TestsOf([]timeline.Entry{
		tested(time.Minute, "be1", db("open")), tested(2*time.Minute, "be1", db("timeout")), tested(3*time.Minute, "be1", db("unclear")),
		tested(time.Minute, "be2", db("refused")), tested(time.Minute, "be3", db("open")),
		tested(-time.Minute, "db1", timeline.ReachResult{To: "db1", Port: 22, Outcome: "timeout"}),
	})
	m := platform()
	m.Apply(tests)
	var got []string
	for _, l := range m.Links {
		if l.To.Host == "db1" && l.Port == 3306 && !l.Within {
			got = append(got, fmt.Sprintf("%s %s %s %s observed=%t", l.From.Name(), l.Kind, l.State, l.Test, l.Observed))
		}
	}
	want := []string{"be1 mysql attempted timeout observed=true", "be2 mysql attempted refused observed=false", "be3 mysql established open observed=true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(m.Links, byEnds) {
		t.Error("the links are out of order")
	}
}
