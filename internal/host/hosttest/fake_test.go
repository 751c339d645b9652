package hosttest_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	t.Parallel()
	hosttest.Contract(t, hosttest.NewFake("nowhere", nil), "/tmp")
}

// TestFakeFailsAsToldTo has each way in which a host can fail a visit.
func TestFakeFailsAsToldTo(t *testing.T) {
	t.Parallel()
	f := hosttest.NewFake("web1", map[string]string{"/etc/shadow": "x"})
	f.Programs["df -P"] = hosttest.Prints("whole", 0)
	f.Programs["df"] = hosttest.Prints("by name", 1)
	f.Programs["mount"] = hosttest.Hangs
	f.Programs["reboot"] = hosttest.Fails(host.ErrLost)
	f.Denied["/etc/shadow"], f.NoRoot = true, true
	tests := []struct {
		cmd  host.Command
		want string
		exit int
		err  error
	}{
		{host.Command{Argv: []string{"df", "-P"}}, "whole", 0, nil},
		{host.Command{Argv: []string{"sh", "-c", "df -h | cat; df"}}, "by nameby name", 1, nil},
		{host.Command{Argv: []string{"sh", "-c", "mount"}, Timeout: time.Millisecond}, "", 0, host.ErrTimeout},
		{host.Command{Argv: []string{"sh", "-c", "reboot; echo on"}}, "", 0, host.ErrLost},
		{host.Command{Argv: []string{"df"}, Root: true}, "", -1, host.ErrSudo},
		{host.Command{Argv: []string{"cat", "/etc/shadow"}}, "", 1, nil},
	}
	for _, tt := range tests {
		out, err := f.Probe(t.Context(), tt.cmd)
		if string(out.Stdout) != tt.want || !errors.Is(err, tt.err) || err == nil && out.Exit != tt.exit {
			t.Errorf("%q: %q, exit %d, %v", tt.cmd.Argv, out.Stdout, out.Exit, err)
		}
	}
	if _, err := f.ReadFile(t.Context(), "/etc/shadow"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("read: %v", err)
	}
}

// TestFakeIsLost breaks the link under a command that hangs.
func TestFakeIsLost(t *testing.T) {
	t.Parallel()
	f := hosttest.NewFake("web1", nil)
	hanging := make(chan struct{})
	f.Programs["mount"] = func(ctx context.Context, p hosttest.Process) (int, error) {
		close(hanging)
		return hosttest.Hangs(ctx, p)
	}
	go func() {
		<-hanging
		f.Lose()
	}()
	_, during := f.Probe(t.Context(), host.Command{Argv: []string{"mount"}})
	_, after := f.ReadFile(t.Context(), "/etc/hosts")
	if !errors.Is(during, host.ErrLost) || !errors.Is(after, host.ErrLost) {
		t.Errorf("during %v, after %v", during, after)
	}
	if got := strings.Join(f.Asked(), "; "); got != "probe mount; read /etc/hosts" {
		t.Errorf("asked: %s", got)
	}
}
