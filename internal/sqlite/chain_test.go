package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// flaws is what Verify finds in the database, one a line.
func flaws(t testing.TB, db *DB) string {
	t.Helper()
	ctx := context.Background()
	journals, err := db.Journals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var last []timeline.Seal
	for _, j := range journals {
		last = append(last, j.Seal)
	}
	found, err := timeline.Verify(db.Sealed(ctx), last)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range found {
		lines = append(lines, f.Entry+" "+f.What)
	}
	return strings.Join(lines, "\n")
}

func sealedOf(t testing.TB, db *DB) (all []timeline.Sealed) {
	t.Helper()
	for e, err := range db.Sealed(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func appendNotes(t testing.TB, db *DB, texts ...string) []timeline.Entry {
	t.Helper()
	var entries []timeline.Entry
	for n, text := range texts {
		entries = append(entries, note(text, n))
	}
	if err := db.Append(context.Background(), entries...); err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestChainNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ damage, want string }{
		"nothing":          {`SELECT 1`, ""},
		"a text":           {`UPDATE entry SET data = CAST('{"text":"two!"}' AS BLOB) WHERE id = ?1`, "ID it was changed after it was written"},
		"an actor":         {`UPDATE entry SET actor = 'you' WHERE id = ?1`, "ID it was changed after it was written"},
		"a date":           {`UPDATE entry SET at = '2026-03-04T04:30:00.000000001Z' WHERE id = ?1`, "ID it was changed after it was written"},
		"its hash with it": {`UPDATE entry SET hash = x'00' WHERE id = ?1`, "ID it was changed after it was written\nNEXT the entry before it"},
		"taken out":        {`DELETE FROM entry WHERE id = ?1`, "NEXT the entry before it"},
		"out of its chain": {`UPDATE entry SET journal = '', number = 0 WHERE id = ?1`, "ID it was changed after it was written\nNEXT the entry before it"},
		"the last":         {`DELETE FROM entry WHERE number = 3 OR ?1 = ''`, " the last entry, number 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openTemp(t)
			entries := appendNotes(t, db, "one", "two", "three")
			if _, err := db.write.Exec(c.damage, entries[1].ID); err != nil && name != "nothing" {
				t.Fatal(err)
			}
			got := flaws(t, db)
			want := strings.NewReplacer("ID", entries[1].ID, "NEXT", entries[2].ID).Replace(c.want)
			gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
			if !slices.EqualFunc(gotLines, wantLines, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Laptops that merge in any order and any number of times have the same entries
// with the same seals.
func TestChainsOfTwoLaptopsVerify(t *testing.T) {
	t.Parallel()
	a, b := openTemp(t), openTemp(t)
	appendNotes(t, a, "a1", "a2")
	merge := func(to, from *DB) {
		t.Helper()
		if _, err := to.Merge(t.Context(), sealedOf(t, from)...); err != nil {
			t.Fatal(err)
		}
	}
	merge(b, a)
	appendNotes(t, b, "b1", "b2")
	appendNotes(t, a, "a3")
	merge(a, b)
	merge(b, a)
	merge(b, a)
	appendNotes(t, b, "b3")
	merge(a, b)
	for name, db := range map[string]*DB{"a": a, "b": b} {
		if got := flaws(t, db); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got, want := sealedOf(t, a), sealedOf(t, b); len(got) != 6 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d and %d entries, or they differ", len(got), len(want))
	}
	journals, err := a.Journals(t.Context())
	if err != nil || len(journals) != 2 || journals[0].Ours == journals[1].Ours {
		t.Errorf("journals %+v, %v", journals, err)
	}
}

// A directory that was copied goes on in the same journal on both sides.
func TestCopiesOfOneJournalVerify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "copy.db")
	a := openTemp(t)
	appendNotes(t, a, "one")
	if _, err := a.write.Exec(`VACUUM INTO ?`, path); err != nil {
		t.Fatal(err)
	}
	b := openAt(t, path)
	appendNotes(t, a, "a")
	appendNotes(t, b, "b", "c")
	if added, err := a.Merge(t.Context(), sealedOf(t, b)...); err != nil || added != 2 {
		t.Fatalf("added %d, %v", added, err)
	}
	appendNotes(t, a, "after")
	if got := flaws(t, a); got != "" {
		t.Error(got)
	}
}

// migrateTo makes a database as an older version left it.
func migrateTo(t *testing.T, path, last string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", address(path, "immediate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(`CREATE TABLE migration (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`); err != nil {
		t.Fatal(err)
	}
	steps, err := migrations.ReadDir("migration")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if step.Name() > last {
			break
		}
		script, err := migrations.ReadFile("migration/" + step.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pool.Exec(string(script) + `; INSERT INTO migration VALUES ('` + step.Name() + `')`); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// Two laptops that were updated apart agree about what they had before.
func TestOldDatabasesAreSealed(t *testing.T) {
	t.Parallel()
	old := note("from before", 0)
	var both []*DB
	for range 2 {
		path := filepath.Join(t.TempDir(), "incident.db")
		pool := migrateTo(t, path, "0002_inventory.sql")
		_, err := pool.Exec(`INSERT INTO entry (id, incident, host, at, seen, actor, cause, kind, v, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			old.ID, old.Incident, old.Host, stamp{old.At}, stamp{old.Seen}, old.Actor, string(old.Trigger), string(old.Kind), old.V, []byte(old.Data))
		if err != nil {
			t.Fatal(err)
		}
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
		db := openAt(t, path)
		appendNotes(t, db, "new")
		both = append(both, db)
	}
	if added, err := both[0].Merge(t.Context(), sealedOf(t, both[1])...); err != nil || added != 1 {
		t.Fatalf("added %d, %v", added, err)
	}
	if got := flaws(t, both[0]); got != "" {
		t.Error(got)
	}
	sound(t, both[0])
	if _, err := both[0].write.Exec(`UPDATE entry SET actor = 'you' WHERE journal = ''`); err != nil {
		t.Fatal(err)
	}
	if got := flaws(t, both[0]); !strings.HasPrefix(got, old.ID) {
		t.Errorf("an old entry was changed, and: %q", got)
	}
}

// manyNotes fills a database with entries as long as a night.
func manyNotes(tb testing.TB, db *DB, n int) {
	tb.Helper()
	batch := make([]timeline.Entry, 0, 1000)
	for i := range n {
		e, err := timeline.New("incident-1", "me", timeline.NoteAdded, t0.Add(time.Duration(i)*time.Second), timeline.Note{Text: fmt.Sprint("what we were told, number ", i)})
		if err != nil {
			tb.Fatal(err)
		}
		if batch = append(batch, e); len(batch) == cap(batch) || i == n-1 {
			if err := db.Append(context.Background(), batch...); err != nil {
				tb.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

func BenchmarkVerify100000(b *testing.B) {
	db := openTemp(b)
	manyNotes(b, db, 100_000)
	for b.Loop() {
		if got := flaws(b, db); got != "" {
			b.Fatal(got)
		}
	}
}

func BenchmarkMerge100000(b *testing.B) {
	from := openTemp(b)
	manyNotes(b, from, 100_000)
	entries := sealedOf(b, from)
	for b.Loop() {
		if n, err := openTemp(b).Merge(context.Background(), entries...); err != nil || n != len(entries) {
			b.Fatal(n, err)
		}
	}
}
