package check

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// maxFindings bounds what one check may say about one host; the rest is
// counted, so that a hostile host cannot bury the others.
const maxFindings = 100

// Bounds of what is shown of one finding, in runes.
const (
	maxKey    = 200
	maxOutput = 1000
)

// Judge answers one check for one host. The result holds exactly one judgement.
func Judge(c Check, s Subject) Result {
	findings, judgement := c.judge(s)
	result := Result{Findings: findings, Judgements: []Judgement{judgement}}
	result.Tally.count(judgement)
	return result
}

// JudgeFleet answers every check for every host of a fleet, worst first. The site
// may know more hosts than are judged.
func JudgeFleet(checks []Check, eol EOL, fleet inventory.Fleet, site *Site, now time.Time) Result {
	all := Result{Findings: []Finding{}, Judgements: []Judgement{}}
	for _, h := range fleet.Hosts {
		subject := Subject{Host: h, T0: fleet.T0, Now: now, EOL: eol, Site: site}
		for _, c := range checks {
			findings, judgement := c.judge(subject)
			all.Findings = append(all.Findings, findings...)
			all.Judgements = append(all.Judgements, judgement)
			all.Tally.count(judgement)
		}
	}
	for n := range all.Findings {
		all.Findings[n].Needed = site.callers(all.Findings[n].Host)
	}
	Sort(all.Findings)
	return all
}

// judge answers the check for one host.
func (c Check) judge(s Subject) ([]Finding, Judgement) {
	seen := c.observe(s)
	j := Judgement{Check: c.Spec.Name, Host: plain.Clip(s.Host.Name, maxKey), At: c.at(seen), Reason: seen.missing()}
	switch {
	case seen.unknown != nil:
		j.Answer = NotKnown
		return []Finding{c.cannotTell(s, *seen.unknown)}, j
	case len(seen.notAsked) > 0:
		j.Answer = NotChecked
		return nil, j
	}
	var findings []Finding
	for _, subject := range c.items(s, seen) {
		if f, found := c.judgeOne(s, seen, subject); found {
			findings = append(findings, f)
		}
	}
	findings = c.bounded(s, oncePerKey(findings))
	j.Answer = answerOf(findings)
	return findings, j
}

// answerOf sums up findings, the worst of which is the first.
func answerOf(findings []Finding) Answer {
	switch {
	case len(findings) == 0:
		return Fine
	case findings[0].Status == Unknown:
		return NotKnown
	default:
		return Found
	}
}

// Sort orders findings for reading: critical, warning, unknown; then by their
// rank, by host and by key.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Status.rank(), b.Status.rank()),
			cmp.Compare(b.rank(), a.rank()),
			strings.Compare(a.Check, b.Check),
			strings.Compare(a.Host, b.Host),
			strings.Compare(a.Key, b.Key),
		)
	})
}

// rank is how early among others of its status a finding is read. What is wrong
// with a host that others need comes before what is wrong with one that nobody
// calls, and what is certain before what is only possible.
func (f Finding) rank() int {
	return f.Weight - doubt[f.Confidence] + min(f.Needed, mostNeeded)
}

// mostNeeded is the number of callers from which on more make no difference.
const mostNeeded = 5

var doubt = map[Confidence]int{Certain: 0, Probable: 5, Possible: 20}

// sight is what the needed inputs hold for one subject.
type sight struct {
	values   map[string]observed
	partial  []string // "sockets: names of other users' processes hidden"
	unknown  *blocked
	notAsked []string
}

// missing says what stood in the way of a whole answer; empty when nothing did.
func (s sight) missing() string {
	switch {
	case s.unknown != nil:
		return s.unknown.text()
	case len(s.notAsked) > 0:
		return "nobody asked for " + strings.Join(s.notAsked, ", ")
	case len(s.partial) > 0:
		return plain.Clip("judged on incomplete facts: "+strings.Join(s.partial, "; "), maxOutput)
	default:
		return ""
	}
}

// blocked is a needed input that is not known.
type blocked struct {
	name string
	observed
}

// text is the input's name and why it is not known.
func (b blocked) text() string {
	return plain.Clip(b.name+": "+cmp.Or(b.reason, "no reason was recorded"), maxOutput)
}

// observe reads the needed inputs.
func (c Check) observe(s Subject) sight {
	seen := sight{values: make(map[string]observed, len(c.Spec.Facts))}
	for _, name := range c.Spec.Facts {
		o := inputs()[name].read(s)
		seen.values[name] = o
		switch o.state {
		case fact.OK:
		case fact.Partial:
			seen.partial = append(seen.partial, name+": "+o.reason)
		case "":
			seen.notAsked = append(seen.notAsked, name)
		default: // unknown, or a state of another version, which we cannot judge either
			if seen.unknown == nil {
				seen.unknown = &blocked{name, o}
			}
		}
	}
	return seen
}

// subject is one thing to judge: the host, or an item of a list.
type subject struct {
	key string
	env map[string]any
}

// items lists what is judged, each with the values its conditions see.
func (c Check) items(s Subject, seen sight) []subject {
	base := c.environment(s, seen)
	if c.Spec.Each == "" {
		return []subject{{env: base}}
	}
	list := c.list(seen)
	subjects := make([]subject, 0, list.Len())
	for i := range list.Len() {
		item := list.Index(i)
		env := valueOf(item).(map[string]any)
		key := item.Interface().(keyer).Key()
		for name, value := range base {
			if _, hidden := env[name]; !hidden {
				env[name] = value
			}
		}
		if _, hidden := env["key"]; !hidden {
			env["key"] = key
		}
		subjects = append(subjects, subject{key, env})
	}
	return subjects
}

// environment is what all items of a host see alike.
func (c Check) environment(s Subject, seen sight) map[string]any {
	env := map[string]any{
		"host":       s.Host.Name,
		"days_until": func(at time.Time) float64 { return at.Sub(s.Now).Hours() / 24 },
		"days_since": func(at time.Time) float64 { return s.Now.Sub(at).Hours() / 24 },
	}
	for _, name := range c.uses {
		env[name] = valueOf(reflect.ValueOf(seen.values[name].value))
	}
	return env
}

// list follows the each path to the list.
func (c Check) list(seen sight) reflect.Value {
	first, rest, _ := strings.Cut(c.Spec.Each, ".")
	v := reflect.ValueOf(seen.values[first].value)
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		for _, f := range fieldsOf(v.Type()) {
			if f.name == name {
				v = v.Field(f.index)
				break
			}
		}
	}
	return v
}

// judgeOne evaluates the conditions for one item.
func (c Check) judgeOne(s Subject, seen sight, item subject) (Finding, bool) {
	status, reason := c.status(item.env)
	if status == OK {
		return Finding{}, false
	}
	f := c.finding(s, item.key, status)
	f.Summary = c.summary.words(item.env)
	f.Business = c.business.words(item.env)
	f.Evidence = c.prove(item.env, c.at(seen))
	f.Confidence = c.sureness(item.env)
	f.Reason = reason
	if status == Unknown {
		f.Business = notFoundOut(f.Host)
		f.Reason = cmp.Or(reason, f.Summary)
	}
	f.Reason = cmp.Or(f.Reason, seen.missing())
	if correct := correctors[c.Spec.Correction]; correct != nil && status != Unknown {
		f.Correction = correct(s, item.key).plain()
	}
	return f, true
}

// status is the answer for one item. A condition that cannot be evaluated makes
// it unknown, whatever the others say.
func (c Check) status(env map[string]any) (Status, string) {
	for _, try := range []struct {
		condition *condition
		status    Status
	}{{c.critical, Critical}, {c.warning, Warning}, {c.unknown, Unknown}} {
		yes, err := try.condition.holds(env)
		if err != nil {
			return Unknown, plain.Clip("cannot be judged: "+err.Error(), maxOutput)
		}
		if yes {
			return try.status, ""
		}
	}
	return OK, ""
}

// sureness is the check's confidence, which may come from the item.
func (c Check) sureness(env map[string]any) Confidence {
	confidence, err := parseConfidence(c.confidence.words(env))
	if err != nil {
		return Possible
	}
	return confidence
}

// finding is what all findings of a check have in common.
func (c Check) finding(s Subject, key string, status Status) Finding {
	return Finding{
		ID: id(c.Spec.Name, s.Host.Name, key), Check: c.Spec.Name, Title: c.Spec.Title,
		Host: plain.Clip(s.Host.Name, maxKey), Key: plain.Clip(key, maxKey),
		Status: status, Weight: c.Spec.Weight, Confidence: Certain,
	}
}

// id names a finding the same way at every scan.
func id(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// prove fills in the evidence.
func (c Check) prove(env map[string]any, at time.Time) []Evidence {
	evidence := make([]Evidence, 0, len(c.evidence))
	for _, p := range c.evidence {
		var shown []string
		for _, place := range p.show {
			shown = append(shown, place.path+"="+plain.Clip(place.show(env), maxValue))
		}
		evidence = append(evidence, Evidence{
			Command: p.run.command(env),
			Output:  plain.Clip(strings.Join(shown, ", "), maxOutput),
			At:      at,
		})
	}
	return evidence
}

// at is when the oldest of the needed inputs was read: the finding is not
// newer than any of its parts.
func (c Check) at(seen sight) time.Time {
	var oldest time.Time
	for _, name := range c.Spec.Facts {
		if at := seen.values[name].at; !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}

// cannotTell is the finding for a needed input that is unknown.
func (c Check) cannotTell(s Subject, why blocked) Finding {
	f := c.finding(s, "", Unknown)
	f.Reason = why.text()
	f.Summary = plain.Clip(fmt.Sprintf("%s cannot be judged on %s: %s", c.Spec.Name, f.Host, f.Reason), maxOutput)
	f.Business = notFoundOut(f.Host)
	f.Evidence = []Evidence{{
		Command: host.Quote("nightcall", "scan", f.Host),
		Output:  f.Reason,
		At:      why.at,
	}}
	return f
}

// notFoundOut is the business sentence of every unknown finding.
func notFoundOut(host string) string {
	return "We could not find out whether " + host + " has this problem."
}

// oncePerKey keeps the worst finding of those with one key: two items that a
// person cannot tell apart are one thing to look at.
func oncePerKey(findings []Finding) []Finding {
	worst := make(map[string]Finding, len(findings))
	for _, f := range findings {
		if old, ok := worst[f.ID]; !ok || f.Status.rank() < old.Status.rank() {
			worst[f.ID] = f
		}
	}
	once := slices.Collect(maps.Values(worst))
	Sort(once)
	return once
}

// bounded cuts a long list and says what was cut.
func (c Check) bounded(s Subject, findings []Finding) []Finding {
	if len(findings) <= maxFindings {
		return findings
	}
	more := len(findings) - maxFindings + 1
	last := c.finding(s, fmt.Sprintf("and %d more", more), findings[maxFindings-1].Status)
	last.Summary = fmt.Sprintf("%d more of the same kind on %s", more, last.Host)
	last.Business = findings[0].Business
	last.Confidence = findings[0].Confidence
	last.Evidence = findings[0].Evidence
	return append(findings[:maxFindings-1:maxFindings-1], last)
}
