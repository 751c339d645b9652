package shell

import (
	"os/exec"
	"strings"
	"testing"
)

// TestGreetingIsOneCommand keeps its last line from shells: none of it may have run
// by then, or what comes after it would be taken for its end.
func TestGreetingIsOneCommand(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"dash", "bash --posix", "busybox sh", "ksh"} {
		for _, packed := range []bool{false, true} {
			text := greeting("w", Options{Root: RootTry}, packed, false)
			argv := append(strings.Fields(sh), "-s")
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin = strings.NewReader(strings.TrimSuffix(text, "}\n"))
			out, err := cmd.Output()
			if err == nil || strings.Contains(string(out), mark) {
				t.Errorf("%s, packed %t: %q, %v", sh, packed, out, err)
			}
		}
	}
}
