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
	// One value for each kept load, and the memory.
	if n := count(t, db, `SELECT count(*) FROM blob`); n != keptVisits+1 {
		t.Errorf("%d values are stored, want %d", n, keptVisits+1)
	}
	sound(t, db)
}

// What has not changed since, and what other hosts have too, is stored once.
func TestEqualValuesAreStoredOnce(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	for scan := range 3 {
		for n := range 4 {
			h := reached(fmt.Sprint("s", scan), t0.Add(time.Duration(scan)*time.Hour))
			h.Name = fmt.Sprint("web", n)
			h.Facts.Memory = memory(64, h.Seen)
			save(t, db, h)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM blob`); n != 1 {
		t.Errorf("%d values, want 1", n)
	}
	h, err := db.Host(t.Context(), "web3")
	if err != nil || !h.Facts.Memory.At.Equal(t0.Add(2*time.Hour)) {
		t.Errorf("date %v, %v", h.Facts.Memory.At, err)
	}
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
	if seen := factsOf(t, db, "web1", "s2").Load; seen.State != fact.Unknown || seen.Reason == "" {
		t.Errorf("in the visit: %+v", seen)
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

// Facts of a newer version are left alone.
func TestUnknownFactIsLeftOut(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	h := reached("s1", t0)
	h.Facts.Load = load(1, t0)
	save(t, db, h)
	if _, err := db.write.ExecContext(t.Context(), `INSERT INTO current SELECT host, 'aura', state, at, blob FROM current`); err != nil {
		t.Fatal(err)
	}
	same(t, "current", theHost(t, db).Facts, h.Facts)
	h.Facts.Load = load(2, t0)
	save(t, db, h)
	if n := count(t, db, `SELECT count(*) FROM current WHERE fact = 'aura'`); n != 1 {
		t.Error("the unknown fact is gone")
	}
}

func TestDamagedFacts(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"not compressed": `UPDATE blob SET zip = 1`,
		"another length": `UPDATE blob SET size = size + 1`,
		"huge":           `UPDATE blob SET size = 1 << 40`,
		"negative":       `UPDATE blob SET size = -1`,
		"not JSON":       `UPDATE blob SET data = x'ff', size = 1`,
		"another shape":  `UPDATE blob SET data = CAST('{"value":[1]}' AS BLOB), size = 13`,
		"date":           `UPDATE current SET at = 'now'`,
		"access":         `UPDATE host SET access = '['`,
	} {
		db := openTemp(t)
		h := reached("s1", t0)
		h.Facts.Load = load(1, t0)
		save(t, db, h)
		if _, err := db.write.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Hosts(t.Context()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	var p packer
	for _, n := range []int{0, 1, zipAbove, zipAbove + 1, 100_000} {
		text := make([]byte, n)
		data, zip, err := p.pack(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, zip, int64(n))
	}
	f.Add([]byte{0xff}, true, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, data []byte, zip bool, size int64) {
		if size > 1<<20 && size <= maxBlob {
			size = 1 << 20
		}
		text, err := unpack(data, zip, size)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if int64(len(text)) != size {
			t.Errorf("%d bytes, want %d", len(text), size)
		}
		var p packer
		again, zip, err := p.pack(text)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := unpack(again, zip, size); err != nil || string(back) != string(text) {
			t.Errorf("packed and unpacked: %v", err)
		}
	})
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
