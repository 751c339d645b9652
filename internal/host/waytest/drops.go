//go:build linux

package waytest

import (
	"os"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// droppedLogins has more logins at once than a server has room for: it drops who
// comes then, and all get in.
func droppedLogins(t *testing.T, wire Wire) {
	s := hosttest.StartSSHD(t, "MaxStartups 2")
	dial := wire(t, settings(t))
	errs := make(chan error)
	const logins = 12
	for range logins {
		go func() {
			conn, err := dial(t.Context(), ssh.Route{HopTo(s)})
			if conn != nil {
				_ = conn.Close()
			}
			errs <- err
		}()
	}
	for range logins {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	log, err := os.ReadFile(s.Log)
	if err != nil || !strings.Contains(string(log), "MaxStartups") {
		t.Errorf("the server dropped nobody: the test shows nothing (%v)", err)
	}
}
