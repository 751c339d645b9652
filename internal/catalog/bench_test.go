package catalog

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/nightcall-sh/nightcall/checks"
	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// everything is a host with all facts that the fixtures of one word hold, for
// the operating system those of Debian 12.
func everything(t testing.TB, word string) fixtureFile {
	t.Helper()
	files, err := fs.Glob(checks.FS, "testdata/*/"+word+".json")
	if err != nil {
		t.Fatal(err)
	}
	systems, err := fs.Glob(checks.FS, "testdata/*/good-debian12.json")
	if err != nil {
		t.Fatal(err)
	}
	var all fixtureFile
	for _, name := range append(files, systems...) {
		data, err := fs.ReadFile(checks.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// fleetOf is many hosts that look alike.
func fleetOf(hosts int, one fixtureFile) inventory.Fleet {
	fleet := inventory.Fleet{T0: one.T0}
	for i := range hosts {
		h := one.Host
		h.Name = fmt.Sprintf("web%04d", i)
		fleet.Hosts = append(fleet.Hosts, h)
	}
	return fleet
}

func BenchmarkJudgeFleet(b *testing.B) {
	c := builtIn(b)
	for _, word := range []string{"good", "bad"} {
		one := everything(b, word)
		procs := make([]fact.Process, 300)
		for i := range procs {
			procs[i] = fact.Process{PID: i, Name: "worker", Command: "/usr/sbin/worker --number"}
		}
		one.Facts.Processes = fact.Observed[[]fact.Process]{Value: procs, State: fact.OK}
		fleet := fleetOf(1000, one)
		b.Run(word, func(b *testing.B) {
			for b.Loop() {
				check.JudgeFleet(c.Checks(), c.EOL, fleet, nil, one.Now)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(checks.FS, nil, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// A fleet in which everything is fine gives no findings, and one of hosts that
// nobody reached gives no verdict but that.
func TestWholeCatalogueOnAFleet(t *testing.T) {
	t.Parallel()
	c := builtIn(t)
	good := everything(t, "good")
	healthy := fleetOf(3, good)
	got := check.JudgeFleet(c.Checks(), c.EOL, healthy, check.NewSite(healthy, link.Join(healthy, nil, link.Draft{})), good.Now)
	for _, f := range got.Findings {
		t.Errorf("%s on a good host: %s %s", f.Check, f.Status, f.Summary)
	}
	unseen := fixtureFile{Host: inventory.Host{Class: "unreachable", Reason: "no route to host"}}
	got = check.JudgeFleet(c.Checks(), c.EOL, fleetOf(2, unseen), nil, good.Now)
	if got.Tally != (check.Tally{Found: 2, NotChecked: 2 * (len(c.Entries) - 1)}) {
		t.Errorf("nobody looked, and yet %+v", got.Tally)
	}
	never := fixtureFile{}
	got = check.JudgeFleet(c.Checks(), c.EOL, fleetOf(1, never), nil, good.Now)
	if got.Tally != (check.Tally{NotChecked: len(c.Entries)}) {
		t.Errorf("nobody was there, and yet %+v", got.Tally)
	}
}
