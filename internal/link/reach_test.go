package link

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A newer test counts more than what was seen, a newer look more than a test; what
// nobody tried stays unknown.
func TestReach(t *testing.T) {
	t.Parallel()
	m := platform()
	told := func(m Map) (lines []string) {
		for _, r := range m.Reach(m.Groups()) {
			lines = append(lines, fmt.Sprintf("%s -> %s:%d %s fails=%t", r.From, r.To, r.Port, r.Outcome, r.Fails()))
		}
		return lines
	}
	want := []string{
		"be1 -> 10.0.9.9:6379  fails=false", "be1 -> db1:3306 seen fails=false",
		"be2 -> 10.0.9.9:6379 seen fails=false", "be2 -> db1:3306  fails=false",
		"be3 -> 10.0.9.9:6379  fails=false", "be3 -> db1:3306 no answer fails=true",
	}
	if diff := cmp.Diff(want, told(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Apply([]Test{
		{From: "be1", To: "db1", Port: 3306, Outcome: "timeout", At: at.Add(time.Hour)},
		{From: "be2", To: "db1", Port: 3306, Outcome: "closed", At: at.Add(time.Hour)},
		{From: "be2", To: "10.0.9.9", Port: 6379, Outcome: "refused", At: at.Add(-time.Hour)},
		{From: "db1", To: "10.9.9.9", Port: 1, Outcome: "no route", At: at.Add(time.Hour)},
	})
	want[1], want[3] = "be1 -> db1:3306 timeout fails=true", "be2 -> db1:3306 closed fails=false"
	want = append(want, "db1 -> 10.9.9.9:1 no route fails=true")
	if diff := cmp.Diff(want, told(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	m := platform()
	m.Apply([]Test{{From: "be2", To: "db1", Port: 3306, Outcome: "open", At: at}, {From: "be1", To: "db1", Port: 3306, Outcome: "open", At: at}})
	m = m.About(func(name string) bool { return strings.HasPrefix(name, "be2") })
	var got []string
	for _, h := range m.Hosts {
		got = append(got, h.Name)
	}
	for _, l := range m.Links {
		got = append(got, l.From.Name()+" -> "+l.To.Name())
	}
	for _, test := range m.Tests {
		got = append(got, "test "+test.From+" -> "+test.To)
	}
	if diff := cmp.Diff([]string{"be2", "be2 -> 10.0.9.9", "test be2 -> db1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
