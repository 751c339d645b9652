package ssh_test

import (
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
)

// TestWaysIn puts this wire to the tests that both must pass.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	waytest.Run(t, func(t *testing.T, s waytest.Settings) waytest.Dial {
		d := &ssh.Dialer{Trust: s.Trust, Keys: s.Keys, Password: s.Password, Ask: s.Ask}
		t.Cleanup(func() { _ = d.Close() })
		return waytest.Of(d.Dial)
	})
}
