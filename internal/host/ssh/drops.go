package ssh

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// What a server does that has no room for one more unfinished login (MaxStartups):
// it hangs up, and a later OpenSSH says why.
var (
	ErrDropped = errors.New("it hung up without an SSH banner")
	ErrBusy    = errors.New("it has too many unfinished logins (MaxStartups)")
)

// How often a server may hang up before its banner until we believe that it means
// it, and how often it may say that it is busy.
const (
	maxDropped = 4
	maxBusy    = 12
)

// Drops is the patience with one server that drops logins.
type Drops struct{ n int }

// Again waits, and reports whether to try once more after err.
func (d *Drops) Again(ctx context.Context, err error) bool {
	most := 0
	switch {
	case errors.Is(err, ErrBusy):
		most = maxBusy
	case errors.Is(err, ErrDropped):
		most = maxDropped
	}
	if d.n >= most {
		return false
	}
	d.n++
	return pause(ctx, d.n)
}

// longestPause is the most that is waited for a server's room.
const longestPause = 5 * time.Second

// pause waits longer each time, and never as long as the others that were
// dropped with us. It reports false when ctx ended.
func pause(ctx context.Context, n int) bool {
	longest := min(150*time.Millisecond<<n, longestPause)
	timer := time.NewTimer(longest/4 + rand.N(longest*3/4))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
