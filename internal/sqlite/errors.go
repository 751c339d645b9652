package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// Why the database could not be used. Errors of this package wrap one of these
// where it is the cause.
var (
	// ErrNotDatabase: the file is something else, or another program's database.
	ErrNotDatabase = errors.New("not an incident database")
	// ErrCorrupt: the file is a database, and damaged.
	ErrCorrupt = errors.New("the database is damaged")
	// ErrNewer: a newer nightcall has changed its shape.
	ErrNewer = errors.New("made by a newer nightcall")
	// ErrReadOnly: the file or its directory cannot be written.
	ErrReadOnly = errors.New("cannot be written")
	// ErrFull: the disk is full; nothing of the change was stored.
	ErrFull = errors.New("the disk is full")
	// ErrBusy: another process has been writing for longer than we wait.
	ErrBusy = errors.New("another nightcall is writing")
)

// Why there is no answer.
var (
	// ErrNoHost: the incident knows no host of that name.
	ErrNoHost = errors.New("no such host in this incident")
	// ErrNoVisit: no visit of that scan to that host is kept.
	ErrNoVisit = errors.New("no such visit to this host")
	// ErrNoEntry: the timeline has no entry of that id, or of that kind.
	ErrNoEntry = errors.New("no such entry in this timeline")
	// ErrNoScan: no scan of that id was started.
	ErrNoScan = errors.New("no such scan in this incident")
)

// because replaces the driver's or the system's words by the sentinel that a
// caller branches on. Other errors are returned as they are.
func because(err error) error {
	var e *driver.Error
	switch {
	case errors.As(err, &e):
		return classify(e)
	case errors.Is(err, syscall.ENOSPC):
		return ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

func classify(e *driver.Error) error {
	if e.Code() == codes.SQLITE_IOERR_SHMSIZE { // no room for the index of the write-ahead log
		return ErrFull
	}
	switch e.Code() & 0xff { // the primary code
	case codes.SQLITE_NOTADB:
		return ErrNotDatabase
	case codes.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrCorrupt, e)
	case codes.SQLITE_FULL:
		return ErrFull
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ErrReadOnly, e)
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return ErrBusy
	}
	return e
}
