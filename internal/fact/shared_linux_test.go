package fact_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// TestScriptsLeaveTheShell runs every script as a visit does, one after another in one
// shell: none may end it, or leave it with other options, separators or another
// directory.
func TestScriptsLeaveTheShell(t *testing.T) {
	t.Parallel()
	const state = `printf '\n=%s|%s|%s=' "$-" "$IFS" "$PWD" >&3`
	for _, sh := range []string{"dash", "bash --posix", "busybox sh"} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			text := "exec 3>&1 >/dev/null 2>&1 </dev/null; cd /\n" + shell.Words + state + "\n"
			names := []string{"the beginning"}
			for _, f := range fact.All() {
				for _, script := range []string{f.Probe.Script, f.Probe.Dpkg} {
					if script != "" {
						names = append(names, f.Name)
						text += "f() {\n" + script + "\n}\nf\n" + state + "\n"
					}
				}
			}
			argv := append(strings.Fields(sh), "-c", text)
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			states := strings.Split(strings.Trim(string(out), "\n="), "=\n=")
			if len(states) != len(names) {
				t.Fatalf("%d of %d scripts came back; the last was %s", len(states), len(names), names[len(states)-1])
			}
			for n, name := range names {
				if states[n] != states[0] {
					t.Errorf("%s leaves %q, found %q", name, states[n], states[0])
				}
			}
		})
	}
}
