//go:build unix

package openssh

import (
	"errors"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// However early a ProxyCommand ends, it is named.
func TestProxyCommandEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"banner exchange: Connection to UNKNOWN port 65535: Broken pipe",
		"debug1: Local version string SSH-2.0-OpenSSH_9.2p1\nConnection closed by UNKNOWN port 65535",
	} {
		j := &journal{}
		for line := range strings.Lines(said) {
			j.read(line)
		}
		err := j.explain(&login{hop: ssh.Hop{ProxyCommand: "false"}})
		if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "its ProxyCommand ended without an SSH banner") {
			t.Errorf("%q: %v", said, err)
		}
	}
}
