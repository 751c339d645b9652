package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func TestAttempts(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)
	const tried, accepted, refused = timeline.PasswordTried, timeline.PasswordAccepted, timeline.PasswordRefused
	type event struct {
		kind timeline.Kind
		host string
	}
	for _, tt := range []struct {
		name   string
		events []event
		failed []int // seconds after the beginning
	}{
		{"none", nil, nil},
		{"accepted", []event{{tried, "web1"}, {accepted, "web1"}}, nil},
		{"refused", []event{{tried, "web1"}, {refused, "web1"}}, []int{0}},
		{"never answered", []event{{tried, "web1"}}, []int{0}},
		{"accepted at the second host", []event{{tried, "web1"}, {tried, "web2"}, {accepted, "web2"}}, []int{0}},
		{"accepted, then refused elsewhere", []event{{tried, "web1"}, {accepted, "web1"}, {refused, "web2"}}, []int{2}},
		{"twice", []event{{tried, "web1"}, {refused, "web1"}, {tried, "web1"}, {refused, "web1"}}, []int{0, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var entries []timeline.Entry
			for n, e := range tt.events {
				entry, err := timeline.New("i", "kim", e.kind, began.Add(time.Duration(n)*time.Second), timeline.Password{Account: "ops", For: "login"})
				if err != nil {
					t.Fatal(err)
				}
				entries = append(entries, entry.About(e.host))
			}
			var got []int
			for _, a := range incident.Attempts(entries, "ops") {
				got = append(got, int(a.At.Sub(began).Seconds()))
			}
			if !slices.Equal(got, tt.failed) {
				t.Errorf("failed attempts at %v, want %v", got, tt.failed)
			}
			if others := incident.Attempts(entries, "root"); len(others) > 0 {
				t.Errorf("another account has %v", others)
			}
		})
	}
}
