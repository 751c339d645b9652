package inventory

import (
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

func TestDirectory(t *testing.T) {
	t.Parallel()
	var h Host
	if got := Directory(h); got != "" {
		t.Errorf("nothing is known, and it runs %q", got)
	}
	h.Facts.Processes.Value = []fact.Process{{Name: "sshd"}, {Name: "winbindd"}}
	if got := Directory(h); got != "winbind" {
		t.Errorf("Directory = %q, want winbind", got)
	}
}
