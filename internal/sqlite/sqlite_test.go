package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// t0 is when everything in these tests begins.
var t0 = time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)

func openTemp(t testing.TB) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "incident.db"))
}

func openAt(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// sound fails the test unless SQLite itself finds nothing wrong.
func sound(t testing.TB, db *DB) {
	t.Helper()
	ctx := context.Background()
	if got, err := column(db.write.QueryContext(ctx, `PRAGMA integrity_check`)); err != nil || len(got) != 1 || got[0] != "ok" {
		t.Errorf("integrity_check: %q, %v", got, err)
	}
	if got, err := column(db.write.QueryContext(ctx, `SELECT "table" FROM pragma_foreign_key_check`)); err != nil || len(got) > 0 {
		t.Errorf("foreign_key_check: %q, %v", got, err)
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	if err := openAt(t, path).Append(t.Context(), note("a", 0)); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path)
	entries, err := again.Since(t.Context(), "")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	sound(t, again)
	if runtime.GOOS == "windows" {
		return
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("incident.db%s has mode %o", suffix, mode)
		}
	}
}

func TestCloseLeavesOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := Open(t.Context(), filepath.Join(dir, "incident.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Append(t.Context(), note("a", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Since(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v: want incident.db alone", files, err)
	}
}

func TestOpenHostilePath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"50% off?", "a#b", "naïve 結帳", "mode=ro&x", "file:x", "%2e%2e"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?:") {
			continue
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		openAt(t, filepath.Join(dir, "incident.db"))
		if _, err := os.Stat(filepath.Join(dir, "incident.db-wal")); err != nil {
			t.Errorf("%s: the database is elsewhere: %v", name, err)
		}
	}
}

// foreign makes another program's database.
func foreign(t *testing.T, path string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("sqlite", address(path, "immediate"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, s := range statements {
		if _, err := pool.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    error
		says    string
	}{
		{"text", func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("this is a diary, dear reader\n", 100)))
		}, ErrNotDatabase, "not an incident database"},
		{"another program's database", func(t *testing.T, path string) {
			foreign(t, path, `CREATE TABLE bookmark (url TEXT)`)
		}, ErrNotDatabase, "another program"},
		{"another program that migrates", func(t *testing.T, path string) {
			foreign(t, path, `CREATE TABLE migration (name TEXT)`)
		}, ErrNotDatabase, "another program"},
		{"newer", func(t *testing.T, path string) {
			foreign(t, openClosed(t, path), `INSERT INTO migration (name) VALUES ('9999_telepathy.sql')`)
		}, ErrNewer, "9999_telepathy"},
		{"damaged", func(t *testing.T, path string) {
			data, err := os.ReadFile(openClosed(t, path))
			if err != nil {
				t.Fatal(err)
			}
			copy(data[100:], bytes.Repeat([]byte{0xff}, len(data)-100)) // all but the header
			write(t, path, data)
		}, ErrCorrupt, "damaged"},
		{"cut off", func(t *testing.T, path string) {
			data, err := os.ReadFile(openClosed(t, path))
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, data[:4096+100])
		}, ErrCorrupt, "damaged"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, ErrReadOnly, "cannot be written"},
		{"no directory", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, os.ErrNotExist, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "incident.db")
			tt.prepare(t, path)
			before, _ := os.ReadFile(path)
			db, err := Open(t.Context(), path)
			if err == nil {
				db.Close()
				t.Fatal("it opened")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q, want one that says %q and %q", err, tt.says, path)
			}
			after, _ := os.ReadFile(path)
			if !bytes.Equal(before, after) {
				t.Error("the refused file was changed")
			}
		})
	}
}

// openClosed makes a database, closes it, and returns its path.
func openClosed(t *testing.T, path string) string {
	t.Helper()
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A database that has been through the first step only is completed, also when
// two do so at once.
func TestMigrateFromAnEarlierShape(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	script, err := migrations.ReadFile("migration/0001_timeline.sql")
	if err != nil {
		t.Fatal(err)
	}
	foreign(t, path, string(script),
		`CREATE TABLE migration (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`,
		`INSERT INTO migration VALUES ('0001_timeline.sql')`,
		`INSERT INTO entry VALUES ('01', 'i', '', '2026-03-04T04:30:00.000000000Z', '2026-03-04T04:30:00.000000000Z', 'me', 'manual', 'note', 1, NULL)`)
	errs := make(chan error)
	for range 4 {
		go func() {
			db, err := Open(t.Context(), path)
			if err == nil {
				err = db.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	db := openAt(t, path)
	entries, err := db.Since(t.Context(), "")
	if err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if hosts, err := db.Hosts(t.Context()); err != nil || len(hosts) != 0 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}
	sound(t, db)
}

func TestReadersSeeTheLastFinishedTransaction(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	if err := db.Append(t.Context(), note("a", 0)); err != nil {
		t.Fatal(err)
	}
	err := db.change(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `DELETE FROM entry`); err != nil {
			return err
		}
		entries, err := db.Since(t.Context(), "")
		if err != nil || len(entries) != 1 {
			t.Errorf("meanwhile: %d entries, %v", len(entries), err)
		}
		return errors.New("changed my mind")
	})
	if err == nil || err.Error() != "changed my mind" {
		t.Fatal(err)
	}
	if entries, err := db.Since(t.Context(), ""); err != nil || len(entries) != 1 {
		t.Errorf("afterwards: %d entries, %v", len(entries), err)
	}
	if _, err := db.read.ExecContext(t.Context(), `DELETE FROM entry`); err == nil {
		t.Error("a reader wrote")
	}
}

// A database that may not grow says that the disk is full, keeps what it has,
// and works again when there is room.
func TestFull(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	if _, err := db.write.ExecContext(t.Context(), `PRAGMA max_page_count = 40`); err != nil {
		t.Fatal(err)
	}
	stored := 0
	var err error
	for ; err == nil && stored < 10_000; stored++ {
		err = db.Append(t.Context(), note(strings.Repeat("x", 500), stored))
	}
	stored--
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "append to the timeline: ") {
		t.Fatalf("after %d entries: %v", stored, err)
	}
	if _, err := db.write.ExecContext(t.Context(), `PRAGMA max_page_count = 4000`); err != nil {
		t.Fatal(err)
	}
	if err := db.Append(t.Context(), note("room again", stored+1)); err != nil {
		t.Fatal(err)
	}
	entries, err := db.Since(t.Context(), "")
	if err != nil || len(entries) != stored+1 {
		t.Errorf("%d entries, %v; want %d", len(entries), err, stored+1)
	}
	sound(t, db)
}

// A transaction that went with its context ends in the context's words.
func TestCancelledWithinATransaction(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.look(ctx, func(tx *sql.Tx) error {
		cancel()
		for { // until the pool has noticed
			rows, err := tx.QueryContext(context.WithoutCancel(ctx), "SELECT 1")
			if err != nil {
				return fmt.Errorf("read something: %w", err)
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}
