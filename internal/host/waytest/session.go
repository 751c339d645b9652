//go:build linux

package waytest

import (
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// A server that allows one session at a time gets one at a time.
func oneSessionAtATime(t *testing.T, wire Wire) {
	t.Helper()
	conn := wire.enter(t, settings(t), HopTo(hosttest.StartSSHD(t, "MaxSessions 1")))
	h := shell.New("web1", conn, shell.Options{Now: time.Now})
	errs := make(chan error)
	const commands = 10
	for range commands {
		go func() {
			_, err := h.Probe(t.Context(), host.Command{Argv: []string{"sleep", "0.05"}})
			errs <- err
		}()
	}
	for range commands {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
