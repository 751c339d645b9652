package fact

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// apart makes a place where directories of ours are seen instead of others, until the
// test ends, and returns the words that start a program there.
func apart(t *testing.T, instead map[string]string) []string {
	t.Helper()
	how, script := "-m", "echo; exec cat"
	if os.Getuid() != 0 {
		how = "-mr"
	}
	for place, ours := range instead {
		script = "mount --bind " + ours + " " + place + " && " + script
	}
	cmd := exec.CommandContext(t.Context(), "unshare", how, "sh", "-c", script)
	made, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	if _, err := made.Read(make([]byte, 1)); err != nil {
		t.Fatalf("unshare: %v", err)
	}
	words := []string{"nsenter", "-t", strconv.Itoa(cmd.Process.Pid), "-m"}
	if os.Getuid() != 0 {
		words = append(words, "-U", "--preserve-credentials")
	}
	return words
}

// startBy starts a server by all these words; it is asked to end, and with it its
// workers, when the test does.
func startBy(t *testing.T, words ...[]string) {
	t.Helper()
	argv := slices.Concat(words...)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
}

// nobody are the words that start a server which would else become another user, where
// only root may.
func nobody() []string {
	if os.Getuid() != 0 {
		return []string{"unshare", "-U", "--map-user=33"}
	}
	return nil
}
