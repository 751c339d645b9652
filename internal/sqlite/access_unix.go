//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// access is why this process may not write to a file or directory; nil when it may.
// Nothing is opened: closing it would drop the locks of the database.
func access(path string) error { return unix.Access(path, unix.W_OK) }
