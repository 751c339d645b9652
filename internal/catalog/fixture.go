package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// A Fixture is a host for which the answer of a check is known. Its file's name
// says the answer in one word: bad (critical or warning), good (fine) or unknown.
type Fixture struct {
	File string
	Host inventory.Host
	T0   time.Time // the incident's opening
	Now  time.Time
	Site *check.Site             // the hosts around it; nil for a check that looks at none
	Want map[string]check.Status // by key; when given, exactly these findings
}

// fixtureFile is a fixture as it is written: a host with the two times and the
// findings expected. Facts alone are accepted too.
type fixtureFile struct {
	inventory.Host
	Fleet []inventory.Host        `json:"fleet"` // the other hosts
	Claim *inventory.Claim        `json:"claim"` // what people say of monitoring
	T0    time.Time               `json:"t0"`
	Now   time.Time               `json:"now"`
	Want  map[string]check.Status `json:"want"`
}

// An Outcome is what a check said about a fixture.
type Outcome struct {
	Check    string          `json:"check"`
	Fixture  string          `json:"fixture"`
	Passed   bool            `json:"passed"`
	Problem  string          `json:"problem,omitempty"` // what was wrong with the answer
	Findings []check.Finding `json:"findings"`
}

// errNoFixtures: a check without fixtures is not tested, which is not a pass.
var errNoFixtures = errors.New("no fixtures")

// Test judges a check by its fixtures, testdata/<check>/*.json beside its file.
// It returns an error when they cannot be read, and when there is not at least
// one bad and one good.
func Test(e Entry, eol check.EOL) ([]Outcome, error) {
	fixtures, err := e.Fixtures()
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", e.Spec.Name, err)
	}
	outcomes := make([]Outcome, 0, len(fixtures))
	for _, f := range fixtures {
		outcomes = append(outcomes, try(e.Check, f, eol))
	}
	return outcomes, nil
}

// Fixtures reads a check's fixtures.
func (e Entry) Fixtures() ([]Fixture, error) {
	dir := path.Join("testdata", e.Spec.Name)
	files, err := fs.Glob(e.fsys, path.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var fixtures []Fixture
	for _, file := range files {
		f, err := readFixture(e.fsys, file)
		if err != nil {
			return nil, err
		}
		fixtures = append(fixtures, f)
	}
	for _, word := range []string{"bad", "good"} {
		if !slices.ContainsFunc(fixtures, func(f Fixture) bool { return f.word() == word }) {
			return nil, fmt.Errorf("%w: %s needs at least one %s*.json", errNoFixtures, dir, word)
		}
	}
	return fixtures, nil
}

// word is the answer in the file's name.
func (f Fixture) word() string {
	name := path.Base(f.File)
	for _, word := range []string{"bad", "good", "unknown"} {
		if strings.HasPrefix(name, word) {
			return word
		}
	}
	return ""
}

func readFixture(fsys fs.FS, file string) (Fixture, error) {
	data, err := readFile(fsys, file, file)
	if err != nil {
		return Fixture{}, err
	}
	f, err := ParseFixture(file, data)
	if err != nil {
		return Fixture{}, err
	}
	if f.word() == "" {
		return Fixture{}, fmt.Errorf("fixture %s: its name must begin with bad, good or unknown", file)
	}
	return f, nil
}

// ParseFixture reads one fixture: a host as `host show --json` prints it, or
// only its facts.
func ParseFixture(file string, data []byte) (Fixture, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return Fixture{}, fmt.Errorf("fixture %s: %w", file, err)
	}
	var written fixtureFile
	into := any(&written)
	if factsOnly(keys) {
		into = &written.Facts
	}
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return Fixture{}, fmt.Errorf("fixture %s: %w", file, err)
	}
	f := Fixture{File: file, Host: written.Host, T0: written.T0, Now: written.Now, Want: written.Want}
	if f.Host.Name == "" {
		f.Host.Name = "host1"
	}
	if written.Fleet != nil || written.Claim != nil {
		f.Site = site(append(written.Fleet, f.Host), written.Claim)
	}
	return f, nil
}

// site is the fleet of a fixture as one whole.
func site(hosts []inventory.Host, claim *inventory.Claim) *check.Site {
	slices.SortFunc(hosts, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	fleet := inventory.Fleet{Hosts: hosts, Claim: claim}
	return check.NewSite(fleet, link.Join(fleet, nil, link.Draft{}))
}

// factsOnly reports whether every key is the name of a fact.
func factsOnly(keys map[string]json.RawMessage) bool {
	for _, in := range check.Inputs() {
		if !in.Derived {
			delete(keys, in.Name)
		}
	}
	return len(keys) == 0
}

// try judges one fixture.
func try(c check.Check, f Fixture, eol check.EOL) Outcome {
	result := check.Judge(c, check.Subject{Host: f.Host, T0: f.T0, Now: f.Now, EOL: eol, Site: f.Site})
	out := Outcome{Check: c.Spec.Name, Fixture: f.File, Findings: result.Findings}
	out.Problem = f.problem(result)
	out.Passed = out.Problem == ""
	return out
}

// problem says how an answer differs from the one expected.
func (f Fixture) problem(result check.Result) string {
	t := result.Tally
	if t.NotChecked > 0 {
		return "not checked: a needed fact is missing from the fixture"
	}
	got := make(map[string]check.Status)
	for _, finding := range result.Findings {
		got[finding.Key] = finding.Status
	}
	switch word := f.word(); {
	case word == "bad" && t.Found == 0:
		return "expected a critical or warning finding, got " + describe(got)
	case word == "good" && t.Fine == 0:
		return "expected no finding, got " + describe(got)
	case word == "unknown" && t.Unknown == 0:
		return "expected an unknown finding, got " + describe(got)
	}
	if f.Want == nil {
		return ""
	}
	if want, have := describe(f.Want), describe(got); want != have {
		return "expected " + want + ", got " + have
	}
	return ""
}

// describe writes findings as "critical /var, warning /home".
func describe(found map[string]check.Status) string {
	if len(found) == 0 {
		return "none"
	}
	var parts []string
	for key, status := range found {
		parts = append(parts, strings.TrimSpace(status.String()+" "+key))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
