package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// EOL is a table of when support for operating systems ends.
type EOL struct {
	AsOf          time.Time // when the table was last held against the vendors' pages
	Distributions []Distribution
}

// A Distribution is one family of releases with one policy.
type Distribution struct {
	IDs      []string // as os-release spells them
	Name     string   // for people
	Parts    int      // how many numbers of a version name a release
	Extended string   // what support after the general one is called; may be empty
	Paid     bool     // whether that is sold separately
	Releases []Release
}

// A Release is one release's dates. The support ends with the day named.
type Release struct {
	Version       string
	Until         time.Time
	ExtendedUntil time.Time // zero when there is none
}

// A Lifecycle is where a host's operating system stands in its vendor's
// support, by the table.
type Lifecycle struct {
	Name          string    `json:"name"`           // Debian
	Release       string    `json:"release"`        // 6
	Phase         string    `json:"phase"`          // supported, ending (within six months), paid (fixes for subscribers only), ended
	Until         time.Time `json:"until"`          // when general support ends or ended
	Extended      string    `json:"extended"`       // LTS, ELS, ESM …; empty when there is none
	ExtendedUntil time.Time `json:"extended_until"` // and when that ends or ended
	DaysLeft      int       `json:"days_left"`      // of what is free of further charge; negative when over
	Dates         string    `json:"dates"`          // both ends as a phrase
	Outlook       string    `json:"outlook"`        // what it means, for people who are not technicians: "gets …"
	AsOf          time.Time `json:"as_of"`          // the table's own date
	TableDays     int       `json:"table_days"`     // and its age
}

// The phases of a lifecycle.
const (
	phaseSupported = "supported"
	phaseEnding    = "ending"
	phasePaid      = "paid"
	phaseEnded     = "ended"
)

// endingDays is how long before its end a release is worth planning for.
const endingDays = 183

// readLifecycle derives the lifecycle from the os fact.
func readLifecycle(s Subject) fact.Observed[Lifecycle] {
	os := s.Host.Facts.OS
	out := fact.Observed[Lifecycle]{State: os.State, Source: os.Source, Reason: os.Reason, At: os.At}
	if !os.Known() {
		return out
	}
	value, err := s.EOL.Lookup(os.Value, s.Now)
	if err != nil {
		out.State, out.Reason = fact.Unknown, err.Error()
		return out
	}
	out.Value = value
	return out
}

// Lookup finds the lifecycle of an operating system as it stands now. The error
// says what the table lacks.
func (e EOL) Lookup(os fact.OS, now time.Time) (Lifecycle, error) {
	asOf := e.AsOf.Format(time.DateOnly)
	d, ok := e.distribution(os)
	if !ok {
		if os.ID == "" {
			return Lifecycle{}, fmt.Errorf("the operating system is not named by the host")
		}
		return Lifecycle{}, fmt.Errorf("%s is not in the end-of-life table of %s", plain.Clip(os.ID, 60), asOf)
	}
	release := releaseOf(os.Version, d.Parts)
	if release == "" {
		return Lifecycle{}, fmt.Errorf("%s %q: no release can be told from the version", d.Name, plain.Clip(os.Version, 60))
	}
	i := slices.IndexFunc(d.Releases, func(r Release) bool { return r.Version == release })
	if i < 0 {
		return Lifecycle{}, fmt.Errorf("%s %s is not in the end-of-life table of %s", d.Name, plain.Clip(release, 60), asOf)
	}
	life := lifecycle(d, d.Releases[i], now)
	life.AsOf, life.TableDays = e.AsOf, int(now.Sub(e.AsOf).Hours()/24)
	return life, nil
}

// distribution finds the family of an operating system. CentOS Stream calls
// itself centos like its predecessor and has other dates.
func (e EOL) distribution(os fact.OS) (Distribution, bool) {
	id := strings.ToLower(os.ID)
	if id == "centos" && strings.Contains(os.Name+" "+os.Text, "Stream") {
		id = "centos-stream"
	}
	for _, d := range e.Distributions {
		if id != "" && slices.Contains(d.IDs, id) {
			return d, true
		}
	}
	return Distribution{}, false
}

// releaseOf cuts a version to its first numbers: "6.0.10" to "6", "10.0-RELEASE"
// to "10.0". Missing numbers are zero; it is empty when there is no number.
func releaseOf(version string, parts int) string {
	numbers := make([]string, 0, 4)
	for rest := version; len(numbers) < parts; rest = rest[1:] {
		var digits string
		digits, rest = takeDigits(rest)
		if digits == "" || len(digits) > 8 {
			break
		}
		numbers = append(numbers, digits)
		if rest == "" || rest[0] != '.' {
			break
		}
	}
	if len(numbers) == 0 {
		return ""
	}
	for len(numbers) < parts {
		numbers = append(numbers, "0")
	}
	return strings.Join(numbers, ".")
}

// lifecycle works out the phase. What is sold separately may not have been
// bought, so it does not count as support; what volunteers give does.
func lifecycle(d Distribution, r Release, now time.Time) Lifecycle {
	life := Lifecycle{Name: d.Name, Release: r.Version, Until: r.Until, Phase: phaseSupported}
	free, last := r.Until, r.Until
	if !r.ExtendedUntil.IsZero() {
		life.Extended, life.ExtendedUntil = d.Extended, r.ExtendedUntil
		last = r.ExtendedUntil
		if !d.Paid {
			free = r.ExtendedUntil
		}
	}
	left := daysLeft(free, now)
	life.DaysLeft = left
	switch {
	case daysLeft(last, now) < 0:
		life.Phase = phaseEnded
	case left < 0:
		life.Phase = phasePaid
	case left <= endingDays:
		life.Phase = phaseEnding
	}
	life.Dates = datesText(life, d.Paid, now)
	life.Outlook = outlook(life.Phase, free, last)
	return life
}

// outlook says what the phase means to somebody who pays.
func outlook(phase string, free, last time.Time) string {
	switch phase {
	case phaseEnded:
		return "has had no repairs from its maker since " + last.Format(time.DateOnly)
	case phasePaid:
		return "has had repairs only for those who pay extra since " + free.Format(time.DateOnly)
	default:
		return "gets repairs from its maker until " + free.Format(time.DateOnly)
	}
}

// daysLeft counts the days to the end of the last supported day.
func daysLeft(last, now time.Time) int {
	left := last.AddDate(0, 0, 1).Sub(now)
	days := int(left.Hours() / 24)
	if left < 0 {
		days--
	}
	return days
}

// datesText says both ends.
func datesText(life Lifecycle, paid bool, now time.Time) string {
	text := "support " + endText(life.Until, now)
	if life.Extended == "" {
		return text
	}
	kind := life.Extended
	if paid {
		kind += " (sold separately)"
	}
	return text + ", " + kind + " " + endText(life.ExtendedUntil, now)
}

func endText(last, now time.Time) string {
	verb := "ends"
	if daysLeft(last, now) < 0 {
		verb = "ended"
	}
	return verb + " " + last.Format(time.DateOnly)
}
