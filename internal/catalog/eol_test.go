package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// The dates that people quote, held against the table as it is shipped.
func TestEOLTable(t *testing.T) {
	t.Parallel()
	table := builtIn(t).EOL
	today := day("2026-05-15")
	for _, c := range []struct{ id, name, version, phase, dates string }{
		{"rhel", "Red Hat Enterprise Linux AS", "4", "ended", "support ended 2012-02-29, ELS (sold separately) ended 2017-03-31"},
		{"debian", "", "6.0.10", "ended", "support ended 2014-05-31, LTS ended 2016-02-29"},
		{"redhat", "Red Hat Linux", "9", "ended", "support ended 2004-04-30"},
		{"rhel", "", "2.1", "ended", "support ended 2009-05-31"},
		{"rhel", "", "7.9", "paid", "support ended 2024-06-30, ELS (sold separately) ends 2029-05-31"},
		{"rhel", "", "9.4", "supported", "support ends 2032-05-31, ELS (sold separately) ends 2036-05-31"},
		{"debian", "", "12", "supported", "support ends 2026-07-11, LTS ends 2028-06-30"},
		{"debian", "", "11", "ending", "support ended 2024-08-14, LTS ends 2026-08-31"},
		{"ubuntu", "", "20.04", "paid", "support ended 2025-05-29, ESM (sold separately) ends 2030-04-23"},
		{"ubuntu", "", "14.04", "ended", "support ended 2019-04-25, ESM (sold separately) ended 2024-04-25"},
		{"ubuntu", "", "24.04", "supported", "support ends 2029-05-31, ESM (sold separately) ends 2034-04-25"},
		{"centos", "CentOS Linux", "8", "ended", "support ended 2021-12-31"},
		{"centos", "CentOS Stream", "8", "ended", "support ended 2024-05-31"},
		{"centos", "CentOS Stream", "9", "supported", "support ends 2027-05-31"},
		{"rocky", "", "8.10", "supported", "support ends 2029-05-31"},
		{"ol", "", "7.9", "paid", "support ended 2024-12-31, Extended Support (sold separately) ends 2028-06-30"},
		{"sles", "", "11.4", "ended", "support ended 2019-03-31, LTSS (sold separately) ended 2022-03-31"},
		{"sles", "", "15", "ended", "support ended 2019-12-31, LTSS (sold separately) ended 2022-12-31"},
		{"alpine", "", "3.19.1", "ended", "support ended 2025-11-01"},
		{"alpine", "", "3.22.0", "supported", "support ends 2027-05-01"},
		{"freebsd", "", "10.0-RELEASE-p1", "ended", "support ended 2015-02-28"},
		{"freebsd", "", "14.5-RELEASE-p2", "supported", "support ends 2027-06-30"},
		{"fedora", "", "44", "supported", "support ends 2027-06-02"},
		{"fedora", "", "13", "ended", "support ended 2011-06-24"},
		{"sles", "", "16.0", "supported", "support ends 2027-11-30, LTSS (sold separately) ends 2030-11-30"},
		{"ubuntu", "", "22.04.5", "supported", "support ends 2027-06-01, ESM (sold separately) ends 2032-04-21"},
		{"amzn", "", "2018.03", "ended", "support ended 2023-12-31"},
		{"Debian", "", "7.11", "ended", "support ended 2016-04-25, LTS ended 2018-05-31"},
	} {
		life, err := table.Lookup(fact.OS{ID: c.id, Name: c.name, Version: c.version}, today)
		if err != nil {
			t.Errorf("%s %s: %v", c.id, c.version, err)
			continue
		}
		if life.Phase != c.phase || life.Dates != c.dates {
			t.Errorf("%s %s: %s, %s", c.id, c.version, life.Phase, life.Dates)
		}
	}
}

func TestEOLTableSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	table := builtIn(t).EOL
	for _, c := range []struct {
		os   fact.OS
		want string
	}{
		{fact.OS{}, "the operating system is not named by the host"},
		{fact.OS{ID: "haiku", Version: "1"}, "haiku is not in the end-of-life table of 2026-04-25"},
		{fact.OS{ID: "debian"}, `Debian "": no release can be told from the version`},
		{fact.OS{ID: "debian", Version: "trixie/sid"}, `Debian "trixie/sid": no release can be told from the version`},
		{fact.OS{ID: "debian", Version: "99"}, "Debian 99 is not in the end-of-life table of 2026-04-25"},
		{fact.OS{ID: "sles", Version: "15.9"}, "SUSE Linux Enterprise 15.9 is not in the end-of-life table of 2026-04-25"},
		{fact.OS{ID: "x\x1b[2J"}, `x\x1b[2J is not in the end-of-life table of 2026-04-25`},
	} {
		_, err := table.Lookup(c.os, day("2026-05-15"))
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.os, err, c.want)
		}
	}
}

// The last supported day is supported, the next is not.
func TestLifecycleTurnsAtMidnight(t *testing.T) {
	t.Parallel()
	table := builtIn(t).EOL
	for _, c := range []struct {
		at, phase string
		left      int
	}{
		{"2027-12-29T00:00:00Z", "supported", 185},
		{"2027-12-31T00:00:00Z", "ending", 183},
		{"2028-06-30T23:59:00Z", "ending", 0},
		{"2028-07-01T00:01:00Z", "ended", -1},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		life, err := table.Lookup(fact.OS{ID: "debian", Version: "12"}, at)
		if err != nil {
			t.Fatal(err)
		}
		if life.Phase != c.phase || life.DaysLeft != c.left {
			t.Errorf("%s: %s, %d days left", c.at, life.Phase, life.DaysLeft)
		}
	}
}

func TestParseEOLRefuses(t *testing.T) {
	t.Parallel()
	const good = "as_of: 2026-04-30\ndistributions:\n- ids: [a]\n  name: A\n  releases:\n  - {version: 1, until: 2020-01-01}\n"
	if _, err := ParseEOL("eol.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"no date":       {"as_of: 2026-04-30\n", "", "eol.yaml:1:1: as_of is missing"},
		"no day":        {"2026-04-30", "2026-04-31", "eol.yaml:1:8: as_of must be a day like"},
		"key":           {"until:", "untl:", "eol.yaml:6:18: unknown key untl, did you mean until?"},
		"no version":    {"version: 1, ", "", "eol.yaml:6:5: a release needs version and until"},
		"no name":       {"  name: A\n", "", "eol.yaml:3:3: a distribution needs ids, name and releases"},
		"parts":         {"  name: A\n", "  name: A\n  parts: 9\n", "eol.yaml:3:3: parts is a number from 1 to 4"},
		"id twice":      {"[a]", "[a, a]", "eol.yaml:3:12: id a is named twice"},
		"no extended":   {"2020-01-01", "2020-01-01, extended_until: 2021-01-01", "extended_until needs the distribution"},
		"wrong order":   {"name: A\n  releases:\n  - {version: 1, until: 2020-01-01", "name: A\n  extended: X\n  releases:\n  - {version: 1, until: 2020-01-01, extended_until: 2019-01-01", "extended_until lies before until"},
		"release twice": {"  - {version: 1, until: 2020-01-01}\n", "  - {version: 1, until: 2020-01-01}\n  - {version: 1, until: 2020-01-01}\n", "release 1 is written twice"},
		"flag":          {"  name: A\n", "  name: A\n  paid: perhaps\n", "eol.yaml:5:9: paid must be true or false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseEOL("eol.yaml", []byte(strings.Replace(good, c.old, c.with, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// Whatever a host says about itself, the answer is a phase or a reason.
func FuzzEOLLookup(f *testing.F) {
	table := builtIn(f).EOL
	f.Add("debian", "Debian GNU/Linux", "6.0.10", int64(0))
	f.Add("centos", "CentOS Stream", "9", int64(1800000000))
	f.Add("freebsd", "", "10.0-RELEASE-p1", int64(-1))
	f.Add("sles", "", "15..4", int64(1<<40))
	phases := "supported ending paid ended"
	f.Fuzz(func(t *testing.T, id, name, version string, unix int64) {
		life, err := table.Lookup(fact.OS{ID: id, Name: name, Version: version}, time.Unix(unix%(1<<36), 0))
		if err == nil && (life.Phase == "" || !strings.Contains(phases, life.Phase) || life.Dates == "") {
			t.Errorf("%q %q %q: %+v", id, name, version, life)
		}
		if err != nil && life != (check.Lifecycle{}) {
			t.Errorf("%q: an answer beside the error %v", id, err)
		}
	})
}
