// Package sqlite is the incident database: migrations, the timeline, the
// inventory and the facts of every scan.
//
// # Durability
//
// What a method stored is on the disk when it returns: the database writes
// ahead and syncs with every transaction. A process that is killed loses what it
// had not been told is stored, and nothing else.
//
// # Writers
//
// A process writes through one connection; several processes may have the same
// incident open, and wait for each other a few seconds. Readers see the last
// finished transaction and wait for nobody.
//
// # Read-only incidents
//
// What cannot be written, like an incident on a disk that is mounted so, is opened
// for reading, and a change is refused with a [ReadOnlyError]. Where the last
// entries are still in the write-ahead log and nobody may make its index beside it,
// or the shape is an older one, what is read is a private copy.
//
// # Untrusted content
//
// A database may come from somebody else's laptop. What does not decode is an
// error or is left out; it is never trusted to be small or well formed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// busyTimeout is how long a writer waits for another process's.
const busyTimeout = 5 * time.Second

// readers is how many reads may go on at once.
const readers = 4

// DB is one incident's database. It is safe for concurrent use.
type DB struct {
	write *sql.DB // one connection, whose transactions lock at once
	read  *sql.DB // connections that cannot write
	stmts statements

	path    string
	refuses error  // every change, for an incident that can only be read
	copied  string // the directory of the copy that is read; empty without one
}

var _ timeline.Log = (*DB)(nil)

// Open opens or creates the database and brings it to this version's shape; one that
// cannot be written it opens for reading. The error wraps ErrNotDatabase, ErrCorrupt,
// ErrNewer, ErrReadOnly, ErrFull or ErrBusy where that is the cause.
func Open(ctx context.Context, path string) (*DB, error) {
	db, err := open(ctx, path)
	if errors.Is(because(err), ErrReadOnly) && isFile(path) {
		db, err = openToRead(ctx, path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open incident database %s: %w", path, because(err))
	}
	return db, nil
}

func open(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	db := &DB{path: path}
	if db.write, err = sql.Open("sqlite", address(path, "immediate",
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return nil, err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", address(path, "deferred", "query_only(1)")); err != nil {
		return nil, errors.Join(err, db.write.Close())
	}
	db.read.SetMaxOpenConns(readers)
	if err := db.migrate(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	if err := db.prepare(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// create makes an empty file that only its owner reads, which is an empty
// database. A file that exists is not opened here: closing a second handle of a
// database would drop the locks of the first.
func create(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// address is the driver's name for the file: a URL, so that no character of the
// path is taken for something else.
func address(path, lock string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a Windows drive
	}
	query := url.Values{"_txlock": {lock}}
	query.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	for _, p := range pragmas {
		query.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// Close closes the database. The last process to do so folds the write-ahead log
// into the one file.
func (db *DB) Close() error {
	errs := []error{db.read.Close()}
	if db.write != nil {
		errs = append(errs, db.write.Close())
	}
	if db.copied != "" {
		errs = append(errs, os.RemoveAll(db.copied))
	}
	return errors.Join(errs...)
}

// change runs do in one transaction: all of it is stored, durably, or none.
func (db *DB) change(ctx context.Context, do func(*sql.Tx) error) error {
	if db.refuses != nil {
		return db.refuses
	}
	err := transact(ctx, db.write, do)
	if errors.Is(err, ErrReadOnly) { // it could be opened all the same
		return &ReadOnlyError{Path: db.path, Why: unwritable(db.path, err)}
	}
	return err
}

// look runs do on one unchanging view of the database.
func (db *DB) look(ctx context.Context, do func(*sql.Tx) error) error {
	return transact(ctx, db.read, do)
}

func transact(ctx context.Context, pool *sql.DB, do func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return because(err)
	}
	defer func() { _ = tx.Rollback() }() // of no effect after a commit
	if err := do(tx); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // it was taken back with its context
			return ctx.Err()
		}
		return because(err)
	}
	return because(tx.Commit())
}
