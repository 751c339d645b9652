package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// disks are children that mount small disks of their own on a directory. They
// run in a mount namespace, so that the mounts vanish with them.
var disks = map[string]func(dir string) error{
	"full":          runsFull,
	"full at first": fullAtFirst,
	"read-only":     readOnly,
	"unfolded":      readOnlyUnfolded,
}

func TestDisks(t *testing.T) {
	t.Parallel()
	for work := range disks {
		t.Run(work, func(t *testing.T) {
			t.Parallel()
			cmd := command(work, t.TempDir())
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			if os.Getuid() != 0 {
				cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
				cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func mount(dir, options string, flags uintptr) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
}

// runsFull fills a disk while writing: the error says so, nothing that was
// acknowledged is lost, and all goes on when there is room again.
func runsFull(dir string) error {
	if err := mount(dir, "size=600k", 0); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		return err
	}
	path := filepath.Join(dir, "incident.db")
	db, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	told := 0
	for err == nil && told < 100_000 {
		if _, err = appendOne(db, told); err == nil {
			told++
		}
	}
	if !errors.Is(err, ErrFull) || told == 0 {
		return fmt.Errorf("after %d entries: %w", told, err)
	}
	if err := expect(db, told); err != nil {
		return fmt.Errorf("on the full disk: %w", err)
	}
	_ = db.Close() // there may be no room to fold the log in; it stays beside
	if again, err := Open(context.Background(), path); err == nil {
		_ = again.Close()
	} else if !errors.Is(err, ErrFull) {
		return fmt.Errorf("open on the full disk: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if db, err = Open(context.Background(), path); err != nil {
		return err
	}
	if _, err := appendOne(db, 1); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return errors.Join(expect(db, told+1), db.Close())
}

// expect looks for so many entries in a database without damage.
func expect(db *DB, n int) error {
	entries, err := db.Since(context.Background(), "")
	if err != nil || len(entries) != n {
		return fmt.Errorf("%d entries of %d: %w", len(entries), n, err)
	}
	check, err := column(db.write.QueryContext(context.Background(), `PRAGMA integrity_check`))
	if err != nil || check[0] != "ok" {
		return fmt.Errorf("integrity_check: %q: %w", check, err)
	}
	return nil
}

// fullAtFirst finds no room for a new database.
func fullAtFirst(dir string) error {
	for size := 4; size <= 64; size += 4 { // kB: not even the file; a part of it
		if err := mount(dir, fmt.Sprintf("size=%dk", size), 0); err != nil {
			return err
		}
		_, err := Open(context.Background(), filepath.Join(dir, "incident.db"))
		if !errors.Is(err, ErrFull) {
			return fmt.Errorf("with %d kB: %w", size, err)
		}
	}
	return nil
}

// readOnly finds a disk that cannot be written, with and without a database: one that
// is there is read, and not changed.
func readOnly(dir string) error {
	if err := mount(dir, "size=2m", 0); err != nil {
		return err
	}
	db, err := Open(context.Background(), filepath.Join(dir, "incident.db"))
	if err != nil {
		return err
	}
	if _, err := appendOne(db, 1); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := mount(dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY); err != nil {
		return err
	}
	if _, err := Open(context.Background(), filepath.Join(dir, "new.db")); !errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("new.db: %w", err)
	}
	return readsOnly(filepath.Join(dir, "incident.db"), 1)
}

// readsOnly opens a database that cannot be written, finds so many entries and is
// refused another one.
func readsOnly(path string, n int) error {
	db, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	entries, err := db.Since(context.Background(), "")
	if err != nil || len(entries) != n {
		return fmt.Errorf("%d entries of %d: %w", len(entries), n, err)
	}
	var refused *ReadOnlyError
	if _, err := appendOne(db, n); !errors.As(err, &refused) || !errors.Is(refused.Why, syscall.EROFS) {
		return fmt.Errorf("changed: %w", err)
	}
	return db.Close()
}

// readOnlyUnfolded finds a database whose last entries are in the log, as a kill
// leaves it, with the index and without it. No entry is missing, and no copy stays
// behind.
func readOnlyUnfolded(dir string) error {
	if err := mount(dir, "size=8m", 0); err != nil {
		return err
	}
	path := filepath.Join(dir, "incident.db")
	db, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	for n := range 3 {
		if _, err := appendOne(db, n); err != nil {
			return err
		}
	}
	temporary := filepath.Join(dir, "temporary")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return err
	}
	for name, suffixes := range map[string][]string{"index": {"", walFile, indexFile}, "log": {"", walFile}} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
		for _, suffix := range suffixes {
			if err := copyFile(filepath.Join(dir, name, "incident.db"+suffix), path+suffix); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(db.Close(), mount(temporary, "size=8m", 0), os.Setenv("TMPDIR", temporary)); err != nil {
		return err
	}
	if err := mount(dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY); err != nil {
		return err
	}
	for _, name := range []string{"index", "log"} {
		if err := readsOnly(filepath.Join(dir, name, "incident.db"), 3); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		return fmt.Errorf("left behind: %v, %w", left, err)
	}
	return nil
}
