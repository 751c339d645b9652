package fact

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// startApart starts a program that sees directories of ours where others are, and
// ends it with the test.
func startApart(t *testing.T, instead map[string]string, argv ...string) *exec.Cmd {
	t.Helper()
	script := `"$@"`
	for place, ours := range instead {
		script = "mount --bind " + ours + " " + place + " && exec " + strings.TrimPrefix(script, "exec ")
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{apart(), "sh", "-c", script, "sh"}, argv...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its workers
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	return cmd
}

// apart is what unshare needs to be told before one may mount.
func apart() string {
	if os.Getuid() != 0 {
		return "-mr"
	}
	return "-m"
}

// beside are the words that start a shell which sees what a program does.
func beside(cmd *exec.Cmd) []string {
	words := []string{"nsenter", "-t", strconv.Itoa(cmd.Process.Pid), "-m"}
	if os.Getuid() != 0 {
		words = append(words, "-U", "--preserve-credentials")
	}
	return words
}
