//go:build unix

package cli

import (
	"fmt"
	"os"
	"syscall"
)

// becomeProcess replaces this process by another program, which so has the
// terminal and the signals to itself. It returns only when that fails.
func becomeProcess(argv []string) error {
	err := syscall.Exec(argv[0], argv, os.Environ())
	return fmt.Errorf("start %s: %w", argv[0], err)
}
