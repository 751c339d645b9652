package fact

import (
	"regexp"
	"strings"
	"time"
)

// Clock is how far the host's clock is from the laptop's.
type Clock struct {
	Offset time.Duration `json:"offset"` // positive: the host is ahead
	Error  time.Duration `json:"error"`  // the offset is known to plus or minus this
	Zone   string        `json:"zone"`   // +0400
}

func clockFact() Fact {
	return define("clock", "clock against this laptop's", Probe{Script: `date '+%s %N %z'`},
		func(s *Set) *Observed[Clock] { return &s.Clock }, parseClock)
}

var zone = regexp.MustCompile(`^[+-]\d{4}$`)

// parseClock takes the host's time as said in the middle of its answer's coming;
// half of that span, and the grain of its clock, is what we may be wrong by.
func parseClock(r Raw) Observed[Clock] {
	f := strings.Fields(r.Out)
	seconds, ok := number(firstField(r.Out))
	if !ok || seconds < 0 || seconds > maxUnix || r.Began.IsZero() || r.Ended.Before(r.Began) {
		return unknown[Clock]("date says %q", clean(r.Out))
	}
	grain, nanos := time.Second, int64(time.Second/2)
	if len(f) > 1 {
		if n, ok := number(f[1]); ok && len(f[1]) == 9 {
			grain, nanos = 0, n
		}
	}
	span := r.Ended.Sub(r.Began)
	c := Clock{
		Offset: time.Unix(seconds, nanos).Sub(r.Began.Add(span / 2)).Round(time.Millisecond),
		Error:  (span/2 + grain/2 + time.Millisecond).Round(time.Millisecond),
	}
	if last := f[len(f)-1]; zone.MatchString(last) {
		c.Zone = last
	}
	return found(c, "date")
}
