package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Recent is something that happened on a host lately: a package, a file of
// /etc, a login, a start.
type Recent struct {
	At    time.Time     `json:"at"`              // by the laptop's clock
	Error time.Duration `json:"error,omitempty"` // At is right to plus or minus this
	Host  string        `json:"host"`
	Kind  string        `json:"kind"`
	What  string        `json:"what"`
	Who   string        `json:"who,omitempty"`
	Raw   time.Time     `json:"raw"`   // by the host's own clock
	Blind bool          `json:"blind"` // the host's clock was not measured: At is Raw
}

// RecentChanges lists what changed on all hosts since a moment of the laptop's clock,
// the oldest first. The times that a host tells are corrected by what its clock was
// off when it was measured; an offset of up to a second is left as it is.
func RecentChanges(f Fleet, since time.Time) []Recent {
	out := []Recent{}
	for _, h := range f.Hosts {
		clock := h.Facts.Clock
		for _, c := range h.Facts.Changes.Value {
			r := recent(h.Name, c, clock)
			if !r.At.Before(since) {
				out = append(out, r)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Recent) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Host, b.Host))
	})
	return out
}

// slight is an offset that is no mistake of a clock: files and logs tell seconds.
const slight = time.Second

func recent(host string, c fact.Change, clock fact.Observed[fact.Clock]) Recent {
	r := Recent{At: c.At, Host: host, Kind: c.Kind, What: c.What, Who: c.Who, Raw: c.At, Blind: !clock.Known()}
	if off := clock.Value.Offset; clock.Known() && (off > slight || off < -slight) {
		r.At, r.Error = c.At.Add(-off).Round(time.Second), clock.Value.Error
	}
	return r
}
