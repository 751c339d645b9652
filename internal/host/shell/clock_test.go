package shell

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errSlow = errors.New("too slow")

// ended reports why ctx has ended after as long, nil when it has not.
func ended(ctx context.Context, after time.Duration) error {
	time.Sleep(after) // of a bubble: no time passes
	synctest.Wait()
	return context.Cause(ctx)
}

// What two people take to answer, one while the other is asked, counts for nobody:
// not for work that began before, and not for work that begins meanwhile.
func TestClockStandsWhileSomebodyIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		before, cancel := c.WithTimeout(t.Context(), 10*time.Second, errSlow)
		defer cancel()
		if err := ended(before, 6*time.Second); err != nil {
			t.Fatal(err)
		}
		first := c.Stand()
		meanwhile, cancel := c.WithTimeout(t.Context(), 5*time.Second, errSlow)
		defer cancel()
		time.Sleep(time.Hour)
		second := c.Stand()
		first()
		first() // once is enough
		if ended(before, time.Hour) != nil || ended(meanwhile, 0) != nil {
			t.Fatal("it went on while somebody was asked")
		}
		second()
		if err := ended(before, 3*time.Second); err != nil {
			t.Errorf("after 9 s of 10: %v", err)
		}
		if err := ended(before, time.Second); !errors.Is(err, errSlow) {
			t.Errorf("after 10 s: %v", err)
		}
		if err := ended(meanwhile, 0); err != nil {
			t.Errorf("after 4 s of 5: %v", err)
		}
		if err := ended(meanwhile, time.Second); !errors.Is(err, errSlow) {
			t.Errorf("after 5 s: %v", err)
		}
	})
}

// Nobody has to have a clock, and who is done leaves no timer behind.
func TestClockWithoutQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var none *Clock
		for _, c := range []*Clock{none, {}} {
			ctx, cancel := c.WithTimeout(t.Context(), time.Second, errSlow)
			if err := ended(ctx, time.Second); !errors.Is(err, errSlow) {
				t.Errorf("%v", err)
			}
			cancel()
			ctx, cancel = c.WithTimeout(t.Context(), time.Second, errSlow)
			cancel()
			if err := ended(ctx, time.Hour); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
	})
}
