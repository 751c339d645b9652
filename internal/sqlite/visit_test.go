package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// reached is web1 after a visit that read nothing yet.
func reached(scan string, at time.Time) inventory.Host {
	return inventory.Host{
		Name: "web1", Class: host.ClassOK, Scan: scan, Visited: at, Seen: at, Took: 1500 * time.Millisecond, Root: true,
		Access: inventory.Access{
			Wire: "ssh", Address: "10.0.0.1", Port: 22, User: "ops", Server: "SSH-2.0-OpenSSH_9.2",
			HostKeys: []inventory.HostKey{{Type: "ssh-ed25519", Key: "AAAA", Fingerprint: "SHA256:abc"}},
			Legacy:   inventory.Algorithms{KeyExchange: []string{"diffie-hellman-group1-sha1"}},
			Jump:     []inventory.Hop{{Address: "bastion", Port: 2222, User: "jump"}},
		},
	}
}

// unreachable is web1 after a visit that met nobody.
func unreachable(scan string, at time.Time) inventory.Host {
	return inventory.Host{
		Name: "web1", Class: host.ClassUnreachable, Reason: "dial tcp 10.0.0.1:22: no route to host", Scan: scan, Visited: at,
		Access: inventory.Access{Wire: "ssh", Address: "10.0.0.1", Port: 22, User: "ops"},
	}
}

func load(one float64, at time.Time) fact.Observed[fact.Load] {
	return fact.Observed[fact.Load]{Value: fact.Load{One: one}, State: fact.OK, Source: "/proc/loadavg", At: at}
}

func memory(total int64, at time.Time) fact.Observed[fact.Memory] {
	return fact.Observed[fact.Memory]{Value: fact.Memory{Total: total}, State: fact.OK, Source: "/proc/meminfo", At: at}
}

func save(t testing.TB, db *DB, h inventory.Host, entries ...timeline.Entry) {
	t.Helper()
	if err := db.SaveVisit(context.Background(), h, entries...); err != nil {
		t.Fatal(err)
	}
}

func theHost(t testing.TB, db *DB) inventory.Host {
	t.Helper()
	h, err := db.Host(context.Background(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func factsOf(t testing.TB, db *DB, host, scan string) fact.Set {
	t.Helper()
	set, err := db.VisitFacts(context.Background(), host, scan)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// same compares two values by their JSON, which is all that is stored of them.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	var texts [2]string
	for i, v := range []any{want, got} {
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestHostComesBackAsItWas(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	want := busyHost("web1", 7, t0)
	save(t, db, want)
	same(t, "host", theHost(t, db), want)
	same(t, "visit", factsOf(t, db, "web1", want.Scan), want.Facts)
	sound(t, db)
}

// Facts that a visit read replace the current ones; what it did not ask, or
// could not find out, stays with its own date.
func TestVisitsMerge(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	t1, t2 := t0.Add(time.Hour), t0.Add(2*time.Hour)

	first := reached("s1", t0)
	first.Facts.Load, first.Facts.Memory = load(1, t0), memory(64, t0)
	first.Facts.OS = fact.Observed[fact.OS]{State: fact.Unknown, Reason: "no os-release", At: t0}
	save(t, db, first)

	second := reached("s2", t1)
	second.Facts.Load = load(2, t1)
	second.Facts.Memory = fact.Observed[fact.Memory]{State: fact.Unknown, Reason: "timed out", At: t1}
	second.Facts.OS = fact.Observed[fact.OS]{State: fact.Unknown, Reason: "still none", At: t1}
	save(t, db, second)
	save(t, db, unreachable("s3", t2))

	h := theHost(t, db)
	same(t, "current", h.Facts, fact.Merge(first.Facts, second.Facts))
	if h.Facts.Load.Value.One != 2 || h.Facts.Memory.Value.Total != 64 || !h.Facts.Memory.At.Equal(t0) {
		t.Errorf("load %+v, memory %+v", h.Facts.Load, h.Facts.Memory)
	}
	same(t, "first visit", factsOf(t, db, "web1", "s1"), first.Facts)
	same(t, "second visit", factsOf(t, db, "web1", "s2"), second.Facts)
	visits, err := db.Visits(t.Context(), "web1")
	if err != nil || !slices.Equal(visits, []string{"s2", "s1"}) {
		t.Errorf("visits %v, %v", visits, err)
	}
	if _, err := db.VisitFacts(t.Context(), "web1", "s3"); !errors.Is(err, ErrNoVisit) {
		t.Errorf("facts of the visit that reached nobody: %v", err)
	}
	sound(t, db)
}

// A visit that did not reach the host says why, and leaves what was known.
func TestUnreachedHostKeepsWhatWasKnown(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	known := reached("s1", t0)
	known.Facts.Load = load(1, t0)
	save(t, db, known)
	missed := unreachable("s2", t0.Add(time.Hour))
	missed.Access.User = "admin"
	save(t, db, missed)

	want := missed
	want.Seen, want.Facts = t0, known.Facts
	want.Access = known.Access
	want.Access.User, want.Access.Jump = "admin", nil
	same(t, "host", theHost(t, db), want)

	// Another machine may answer at another address: its keys are its own.
	missed.Access.Address = "10.0.0.99"
	save(t, db, missed)
	if got := theHost(t, db).Access; len(got.HostKeys) > 0 || got.Server != "" {
		t.Errorf("the keys moved along: %+v", got)
	}
}

func TestHostNeverReached(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	save(t, db, unreachable("s1", t0))
	if h := theHost(t, db); !h.Seen.IsZero() || h.Class != host.ClassUnreachable {
		t.Errorf("%+v", h)
	}
	if visits, err := db.Visits(t.Context(), "web1"); err != nil || len(visits) > 0 {
		t.Errorf("visits %v, %v", visits, err)
	}
}

func TestSameScanTwiceIsOneVisit(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	for i := range 2 {
		h := reached("s1", t0.Add(time.Duration(i)*time.Minute))
		h.Facts.Load = load(float64(i), h.Seen)
		save(t, db, h)
	}
	if visits, err := db.Visits(t.Context(), "web1"); err != nil || !slices.Equal(visits, []string{"s1"}) {
		t.Errorf("visits %v, %v", visits, err)
	}
	if got := factsOf(t, db, "web1", "s1").Load.Value.One; got != 1 {
		t.Errorf("load %v, want that of the second", got)
	}
	sound(t, db)
}

// Of each host the last visits are kept, newest first in the order they were
// stored, whatever the clock did.
func TestOldVisitsAreForgotten(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	var want []string
	for i := range keptVisits + 5 {
		at := t0.Add(-time.Duration(i) * time.Minute)
		h := reached(fmt.Sprintf("s%02d", i), at)
		h.Facts.Load = load(float64(i), at)
		if i == 0 {
			h.Facts.Memory = memory(64, at)
		}
		save(t, db, h)
		want = append([]string{h.Scan}, want...)
	}
	visits, err := db.Visits(t.Context(), "web1")
	if err != nil || !slices.Equal(visits, want[:keptVisits]) {
		t.Errorf("visits %v, %v; want %v", visits, err, want[:keptVisits])
	}
	if got := theHost(t, db).Facts.Memory.Value.Total; got != 64 {
		t.Errorf("memory %d: it went with the visit that read it", got)
	}
	sound(t, db)
}

// A value that JSON cannot say costs that fact, not the visit, and does not
// replace what was known.
func TestValueThatCannotBeStored(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load, h.Facts.Memory = load(1, t0), memory(64, t0)
	save(t, db, h)
	h = reached("s2", t0.Add(time.Hour))
	h.Facts.Load, h.Facts.Memory = load(math.NaN(), h.Seen), memory(128, h.Seen)
	save(t, db, h)
	got := theHost(t, db).Facts
	if got.Load.Value.One != 1 || got.Memory.Value.Total != 128 {
		t.Errorf("load %+v, memory %+v", got.Load, got.Memory)
	}
	if seen := factsOf(t, db, "web1", "s2").Load; seen.State != fact.Unknown || seen.Reason == "" || !seen.At.Equal(h.Seen) {
		t.Errorf("in the visit: %+v", seen)
	}
	h = reached("s3", t0.Add(2*time.Hour))
	h.Facts.OS = seen(fact.OS{Text: strings.Repeat("x", maxFact)}, h.Seen)
	save(t, db, h)
	if seen := factsOf(t, db, "web1", "s3").OS; seen.State != fact.Unknown || len(seen.Reason) > 100 {
		t.Errorf("a value of %d bytes: %v, %q", maxFact, seen.State, seen.Reason)
	}
}

func TestVisitIsStoredWithItsEntriesOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load = load(1, t0)
	bad := note("bad", 0)
	bad.Data = json.RawMessage(`nonsense`)
	if err := db.SaveVisit(t.Context(), h, note("good", 0), bad); err == nil {
		t.Fatal("a bad entry was stored")
	}
	if hosts, err := db.Hosts(t.Context()); err != nil || len(hosts) > 0 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}
	save(t, db, h, note("good", 0))
	if entries, err := db.Since(t.Context(), ""); err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

func TestHostsSortedByName(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	for i, name := range []string{"web2", "db1", "web10", "Änne", ""} {
		h := reached("s1", t0)
		h.Name = name
		h.Facts.Load = load(float64(i), t0)
		save(t, db, h)
	}
	hosts, err := db.Hosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range hosts {
		names = append(names, fmt.Sprint(h.Name, ":", h.Facts.Load.Value.One))
	}
	if want := []string{":4", "db1:1", "web10:2", "web2:0", "Änne:3"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if _, err := db.Host(t.Context(), "nobody"); !errors.Is(err, ErrNoHost) {
		t.Errorf("unknown host: %v", err)
	}
}

// The roster is every host without its facts.
func TestRosterLeavesFactsOut(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load = load(1, t0)
	save(t, db, h)
	got, err := db.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.Facts = fact.Set{}
	if want := []inventory.Host{h}; !cmp.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Facts of a newer version are left alone.
func TestUnknownFactIsLeftOut(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load = load(1, t0)
	save(t, db, h)
	aura := []reading{{name: "aura", json: []byte(`{"value":{"hue":"green"},"state":"ok"}`)}}
	newer, err := merge(document(t, db), aura)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := pack(newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.ExecContext(t.Context(), `UPDATE host SET facts = ?, members = ?`, facts, names(newer)); err != nil {
		t.Fatal(err)
	}
	same(t, "current", theHost(t, db).Facts, h.Facts)
	h.Facts.Load = load(2, t0)
	save(t, db, h)
	same(t, "current", theHost(t, db).Facts, h.Facts)
	text, err := unpack(document(t, db))
	if err != nil || !strings.Contains(string(text), `"aura":{"value":{"hue":"green"},"state":"ok"}`) {
		t.Errorf("the unknown fact is gone: %s, %v", text, err)
	}
}

// document is what is stored of the current facts of web1.
func document(t *testing.T, db *DB) (facts []byte) {
	t.Helper()
	if err := db.write.QueryRowContext(t.Context(), `SELECT facts FROM host WHERE name = 'web1'`).Scan(&facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestDamagedFacts(t *testing.T) {
	t.Parallel()
	for name, facts := range map[string][]byte{
		"not compressed": []byte(`{"load":{"value":{"one":1}}}`),
		"empty":          {},
		"cut off":        deflate(t, []byte(`{"load":{"value":{"one":1}}}`))[:12],
		"not JSON":       deflate(t, []byte{0xff}),
		"no object":      deflate(t, []byte(`[1]`)),
		"another shape":  deflate(t, []byte(`{"load":{"value":[1]}}`)),
		"date":           deflate(t, []byte(`{"load":{"value":{"one":1},"at":"now"}}`)),
	} {
		db := openTemp(t)
		h := reached("s1", t0)
		h.Facts.Load = load(1, t0)
		save(t, db, h)
		for _, table := range []string{"host", "visit"} {
			if _, err := db.write.ExecContext(t.Context(), `UPDATE `+table+` SET facts = ?`, facts); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Hosts(t.Context()); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "web1") {
			t.Errorf("%s: hosts: %v", name, err)
		}
		if _, err := db.VisitFacts(t.Context(), "web1", "s1"); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: visit: %v", name, err)
		}
	}
}

// A visit that reads all that was known mends what was damaged; one that needs a
// part of it is told, and leaves it as it is.
func TestVisitToHostWithDamagedFacts(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load = load(1, t0)
	save(t, db, h)
	if _, err := db.write.ExecContext(t.Context(), `UPDATE host SET facts = x'ff'`); err != nil {
		t.Fatal(err)
	}
	other := reached("s2", t0)
	other.Facts.Memory = memory(64, t0)
	if err := db.SaveVisit(t.Context(), other); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "web1") {
		t.Errorf("merge with damage: %v", err)
	}
	h.Scan = "s3"
	save(t, db, h)
	same(t, "current", theHost(t, db).Facts, h.Facts)
	if visits, err := db.Visits(t.Context(), "web1"); err != nil || !slices.Equal(visits, []string{"s3", "s1"}) {
		t.Errorf("visits %v, %v", visits, err)
	}
}

func TestDamagedAccess(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	save(t, db, reached("s1", t0))
	if _, err := db.write.ExecContext(t.Context(), `UPDATE host SET access = '['`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Hosts(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

// Many visits are one change: the later ones see the earlier, and a bad one
// undoes them all.
func TestManyVisitsAtOnce(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	if err := db.SaveVisits(t.Context(), nil); err != nil {
		t.Errorf("none: %v", err)
	}
	first, second := reached("s1", t0), reached("s2", t0.Add(time.Hour))
	first.Facts.Load, second.Facts.Memory = load(1, first.Seen), memory(64, second.Seen)
	elsewhere := busyHost("db1", 1, t0)
	visits := []Visit{{first, []timeline.Entry{note("a", 0)}}, {elsewhere, nil}, {second, []timeline.Entry{note("b", 1)}}}

	bad := note("bad", 2)
	bad.Data = json.RawMessage(`nonsense`)
	err := db.SaveVisits(t.Context(), append(slices.Clone(visits), Visit{elsewhere, []timeline.Entry{bad}}))
	if err == nil || !strings.Contains(err.Error(), "store the visits to web1 and 3 more: ") {
		t.Errorf("with a bad entry: %v", err)
	}
	if hosts, err := db.Hosts(t.Context()); err != nil || len(hosts) > 0 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}

	if err := db.SaveVisits(t.Context(), visits); err != nil {
		t.Fatal(err)
	}
	same(t, "web1", theHost(t, db).Facts, fact.Merge(first.Facts, second.Facts))
	same(t, "first visit", factsOf(t, db, "web1", "s1"), first.Facts)
	same(t, "db1", factsOf(t, db, "db1", elsewhere.Scan), elsewhere.Facts)
	if entries, err := db.Since(t.Context(), ""); err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	sound(t, db)
}

func TestScans(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	if s, err := db.LastScan(t.Context()); err != nil || s.ID != "" {
		t.Fatalf("before any: %+v, %v", s, err)
	}
	if err := db.FinishScan(t.Context(), "s1", t0); !errors.Is(err, ErrNoScan) {
		t.Errorf("finish what was not started: %v", err)
	}
	for i, id := range []string{"s2", "s1", "s1"} {
		if err := db.StartScan(t.Context(), id, []string{"web1", "db1"}, t0.Add(time.Duration(i))); err != nil {
			t.Fatal(err)
		}
	}
	save(t, db, unreachable("s1", t0)) // visited, if in vain
	want := Scan{ID: "s1", Targets: []string{"web1", "db1"}, Started: t0.Add(1), Done: []string{"web1"}}
	for _, finished := range []bool{false, true} {
		want.Finished = finished
		got, err := db.LastScan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if err := db.FinishScan(t.Context(), "s1", t0); err != nil {
			t.Fatal(err)
		}
	}
}

// The bar: a host and scan take under 100 KB, of a host with much to tell whose
// processes, connections and loads are others each time.
func TestSizePerHostAndScan(t *testing.T) {
	t.Parallel()
	const hosts, scans = 5, 10
	size := sizeAfter(t, hosts, scans) / (hosts * scans)
	t.Logf("%d bytes per host and scan", size)
	if size > 100_000 {
		t.Errorf("%d bytes per host and scan, want at most 100,000", size)
	}
}

func sizeAfter(t testing.TB, hosts, scans int) int64 {
	path := filepath.Join(t.TempDir(), "incident.db")
	db, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	for s := range scans {
		for n := range hosts {
			h := busyHost(fmt.Sprint("web", n), 1000*n+s, t0.Add(time.Duration(s)*time.Hour))
			save(t, db, h)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
