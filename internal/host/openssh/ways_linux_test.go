package openssh_test

import (
	"context"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/openssh"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
)

// TestWaysIn puts this wire to the tests that both must pass.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	waytest.Run(t, func(t *testing.T, s waytest.Settings) waytest.Dial {
		d := &openssh.Dialer{Trust: s.Trust, Keys: s.Keys, Password: s.Password, Ask: s.Ask}
		t.Cleanup(func() { _ = d.Close() })
		return func(ctx context.Context, route ssh.Route) (waytest.Conn, error) {
			conn, err := d.Dial(ctx, route)
			if err != nil {
				return nil, err
			}
			return conn, nil
		}
	})
}
