package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// becomeProcess runs another program in our place and exits as it did: Windows
// cannot replace a process.
func becomeProcess(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitWith(exit.ExitCode())
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", argv[0], err)
	}
	return nil
}
