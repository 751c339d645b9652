package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// On a narrow terminal the block that is drawn again and again is cut, because a
// line that wraps could not be taken back. What stays on the screen is not.
func TestProgressOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(stdio.Streams{Err: &out, ErrTTY: true, Width: 40}, 2, time.Now)
	reason := "as kim, with keys of the agent and the configuration; the server takes publickey"
	p.hostBegan("web1")
	p.hostBegan("a-host-of-a-name-that-is-longer-than-the-line")
	for _, line := range p.block() {
		if len([]rune(line)) > 39 {
			t.Errorf("the block has the line %q", line)
		}
	}
	p.hostEnded(inventory.Host{Name: "web1", Class: host.ClassAuth, Reason: reason}, true)
	p.close()
	if want := "[1/2] auth        web1: " + reason + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
