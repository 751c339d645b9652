package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A ReadOnlyError says that an incident can be read and not be written. It wraps
// ErrReadOnly.
type ReadOnlyError struct {
	Path string // of the database
	Why  error
}

func (e *ReadOnlyError) Error() string { return fmt.Sprintf("%s %v: %v", e.Path, ErrReadOnly, e.Why) }
func (e *ReadOnlyError) Unwrap() error { return ErrReadOnly }

// The files that SQLite keeps beside a database.
const (
	walFile     = "-wal"     // what is not folded in yet
	indexFile   = "-shm"     // and its index, while somebody has the database open
	journalFile = "-journal" // what an unfinished change replaced
)

// openToRead opens a database that cannot be written, because of why: where it lies,
// or else as a copy. Nothing is left out.
func openToRead(ctx context.Context, path string, why error) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := openInPlace(ctx, path)
	if err = because(err); errors.Is(err, errTakeCopy) || errors.Is(err, ErrReadOnly) {
		db, err = openCopy(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	db.path, db.refuses = path, &ReadOnlyError{Path: path, Why: unwritable(path, why)}
	return db, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// unwritable is the system's word for what SQLite only knows to be in the way.
func unwritable(path string, why error) error {
	return cmp.Or(access(path), access(filepath.Dir(path)), why)
}

// errTakeCopy says that reading all of a database takes writing beside it.
var errTakeCopy = errors.New("it has to be copied")

// openInPlace opens a database for reading where it lies. Who has it open elsewhere
// has made the index, and is waited for; without it nobody has.
func openInPlace(ctx context.Context, path string) (*DB, error) {
	how := "&mode=ro"
	if missing(path + indexFile) {
		if !empty(path+walFile) || !empty(path+journalFile) {
			return nil, errTakeCopy
		}
		how += "&immutable=1" // the log is neither looked for nor made
	}
	db := &DB{}
	var err error
	if db.read, err = sql.Open("sqlite", address(path, "deferred", "query_only(1)")+how); err != nil {
		return nil, err
	}
	db.read.SetMaxOpenConns(readers)
	steps, err := db.due(ctx)
	if err == nil && len(steps) > 0 {
		err = errTakeCopy // to be brought to this version's shape
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// empty reports whether there is nothing in a file, as far as that can be told.
func empty(path string) bool {
	info, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
}

// openCopy opens a private copy, brought to this version's shape, which goes with the
// DB.
func openCopy(ctx context.Context, path string) (db *DB, err error) {
	dir, err := os.MkdirTemp("", "nightcall-incident-") // 0700
	if err != nil {
		return nil, fmt.Errorf("all of it can be read only as a copy: %v (TMPDIR names another place for it)", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	copied := filepath.Join(dir, filepath.Base(path))
	for _, suffix := range []string{"", walFile, journalFile} {
		if err := copyFile(copied+suffix, path+suffix); err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return nil, fmt.Errorf("all of it can be read only as a copy: %v (TMPDIR names another place for it)", err)
		}
	}
	if db, err = open(ctx, copied); err != nil {
		return nil, because(err)
	}
	db.copied = dir
	return db, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
