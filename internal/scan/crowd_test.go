package scan

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/demo"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/host/waytest"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// crowd is targets on a simulated fleet, and at which stage each of them hangs.
func crowd(t *testing.T, machines []demo.Machine, deadlines ssh.Deadlines) ([]Target, map[string]demo.Stage) {
	t.Helper()
	dir := t.TempDir()
	fleet, err := demo.Up(dir, machines, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })
	config, err := ssh.LoadConfig(fleet.Config, dir, "root")
	if err != nil {
		t.Fatal(err)
	}
	trust := waytest.NewTrust(t, filepath.Join(dir, "known_hosts"))
	trust.AcceptNew = true
	dialer := &ssh.Dialer{Trust: trust, Keys: ssh.NewKeys(nil), Deadlines: deadlines}
	t.Cleanup(func() { _ = dialer.Close() })
	var targets []Target
	hangs := map[string]demo.Stage{}
	for _, m := range machines {
		route, err := config.Route(t.Context(), ssh.Target{Host: m.Name})
		if err != nil {
			t.Fatal(err)
		}
		hangs[m.Name] = m.Hangs
		targets = append(targets, Target{Name: m.Name, Dial: func(ctx context.Context) (Link, error) { return dialer.Dial(ctx, route) }})
	}
	return targets, hangs
}

// TestHostsThatHangHoldNobodyUp has more hosts hang than are visited at once: all
// others complete while every one of those still hangs.
func TestHostsThatHangHoldNobodyUp(t *testing.T) {
	t.Parallel()
	targets, hangs := crowd(t, demo.Crowd(40, 10, time.Now()), ssh.Deadlines{Banner: time.Hour, Kex: time.Hour, Auth: time.Hour})
	healthy := 0
	for _, stage := range hangs {
		if stage == "" {
			healthy++
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fine := 0
	_, err := run(t, ctx, targets, func(o *Options) {
		o.Parallel, o.Patience, o.Deadline = 4, 500*time.Millisecond, time.Hour
		o.Limits = shell.Limits{Hello: time.Hour, Section: time.Hour}
		o.Ended = func(ended []inventory.Host) error {
			for _, h := range ended {
				if hangs[h.Name] != "" || h.Class != host.ClassOK {
					t.Errorf("%s, which hangs at %q, ended: %s, %s", h.Name, hangs[h.Name], h.Class, h.Reason)
				}
				fine++
			}
			if fine == healthy {
				cancel()
			}
			return nil
		}
	})
	if !errors.Is(err, context.Canceled) || fine != healthy {
		t.Errorf("%d of %d healthy hosts completed, %v", fine, healthy, err)
	}
}

// TestStagesOfHanging names for each host that hangs the step that took too long.
func TestStagesOfHanging(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second
	targets, hangs := crowd(t, demo.Crowd(2*len(demo.Stages), len(demo.Stages), time.Now()), ssh.Deadlines{Banner: limit, Kex: limit, Auth: limit})
	hosts, err := run(t, t.Context(), targets, func(o *Options) {
		o.Deadline = 15 * time.Second
		o.Limits = shell.Limits{Hello: limit, Section: limit}
	})
	if err != nil || len(hosts) != len(targets) {
		t.Fatalf("%d of %d hosts, %v", len(hosts), len(targets), err)
	}
	want := map[demo.Stage]struct {
		class  host.Class
		reason string
	}{
		"":                {host.ClassOK, ""},
		demo.StageConnect: {host.ClassTimeout, "its SSH banner took longer than 2s"},
		demo.StageBanner:  {host.ClassTimeout, "its SSH banner took longer than 2s"},
		demo.StageKex:     {host.ClassTimeout, "the key exchange took longer than 2s"},
		demo.StageLogin:   {host.ClassTimeout, "the login took longer than 2s"},
		demo.StageShell:   {host.ClassTimeout, "the login shell said nothing for 2s"},
		demo.StageDeaf:    {host.ClassTimeout, "the visit took longer than 15s"},
		demo.StageProbe:   {host.ClassPartial, "hangs and cannot be ended"},
	}
	for name, h := range hosts {
		if w := want[hangs[name]]; h.Class != w.class || !strings.Contains(h.Reason, w.reason) {
			t.Errorf("%s, which hangs at %q: %s, %s; want %s, %s", name, hangs[name], h.Class, h.Reason, w.class, w.reason)
		}
	}
}
