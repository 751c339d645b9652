package incident

import (
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// An Attempt is a password of an account that a host did not accept, as far as
// is known: one that was sent and never answered counts as refused.
type Attempt struct {
	Host string
	At   time.Time
	For  string // login, sudo, doas or su
}

// Attempts lists the failed attempts of one account, oldest first.
func Attempts(entries []timeline.Entry, account string) []Attempt {
	var failed []Attempt
	open := map[Attempt]int{} // by host and purpose: index in failed of the one without an end, plus one
	for _, e := range entries {
		data, ok := timeline.Decode[timeline.Password](e)
		if !ok || data.Account != account {
			continue
		}
		key := Attempt{Host: e.Host, For: data.For}
		switch e.Kind {
		case timeline.PasswordTried:
			failed = append(failed, Attempt{Host: e.Host, At: e.Seen, For: data.For})
			open[key] = len(failed)
		case timeline.PasswordRefused:
			if open[key] == 0 { // it had been accepted elsewhere
				failed = append(failed, Attempt{Host: e.Host, At: e.Seen, For: data.For})
			}
			delete(open, key)
		case timeline.PasswordAccepted:
			if n := open[key]; n > 0 {
				failed[n-1] = Attempt{}
			}
			delete(open, key)
		}
	}
	return slices.DeleteFunc(failed, func(a Attempt) bool { return a == Attempt{} })
}
