package host_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// machine is a host that has rebooted once too often and whose motd is nobody's to
// write.
func machine() *hosttest.Fake {
	f := hosttest.NewFake("web1", map[string]string{"/etc/hosts": "content", "/etc/motd": "up"})
	f.Programs["df"], f.Programs["reboot"] = hosttest.Prints("seen", 0), hosttest.Prints("", 3)
	f.Denied["/etc/motd"] = true
	return f
}

// everything asks a host each of the four things once.
func everything(t *testing.T, h host.Host) []error {
	t.Helper()
	_, probe := h.Probe(t.Context(), host.Command{Argv: []string{"df", "-P"}})
	_, read := h.ReadFile(t.Context(), "/etc/hosts")
	_, change := h.Change(t.Context(), host.Command{Argv: []string{"reboot", "it's time"}})
	write := h.WriteFile(t.Context(), "/etc/motd", []byte("down"), 0o644)
	return []error{probe, read, change, write}
}

func TestReadOnlyNeverChanges(t *testing.T) {
	t.Parallel()
	m := machine()
	errs := everything(t, host.ReadOnly(m))
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], host.ErrReadOnly) || !errors.Is(errs[3], host.ErrReadOnly) {
		t.Errorf("errors %v", errs)
	}
	if got := strings.Join(m.Asked(), "; "); got != "probe df -P; read /etc/hosts" {
		t.Errorf("the host was asked: %s", got)
	}
}

func TestDryRunPlansWhatItWouldChange(t *testing.T) {
	t.Parallel()
	m := machine()
	var plan []string
	errs := everything(t, host.DryRun(m, func(d host.Deed) { plan = append(plan, d.String()) }))
	if errors.Join(errs...) != nil {
		t.Errorf("errors %v", errs)
	}
	if got := strings.Join(m.Asked(), "; "); got != "probe df -P; read /etc/hosts" {
		t.Errorf("the host was asked: %s", got)
	}
	if got := strings.Join(plan, "; "); got != `change reboot 'it'\''s time'; write /etc/motd` {
		t.Errorf("planned: %s", got)
	}
}

func TestRecordedWritesDownWhatHappened(t *testing.T) {
	t.Parallel()
	var transcript host.Transcript
	now := time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)
	m := machine()
	errs := everything(t, host.Recorded(m, func() time.Time { return now }, transcript.Add))
	if len(m.Asked()) != 4 || !errors.Is(errs[3], fs.ErrPermission) {
		t.Errorf("asked %v, errors %v", m.Asked(), errs)
	}
	deeds := transcript.Deeds()
	if len(deeds) != 4 {
		t.Fatalf("%d deeds", len(deeds))
	}
	for n, d := range deeds {
		if d.Host != "web1" || !d.Began.Equal(now) || d.String() != m.Asked()[n] {
			t.Errorf("deed %+v, asked %s", d, m.Asked()[n])
		}
	}
	if deeds[2].Output.Exit != 3 || !errors.Is(deeds[3].Err, fs.ErrPermission) || deeds[1].Bytes != 7 {
		t.Errorf("deeds %+v", deeds)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		class  host.Class
		reason string
	}{
		{fmt.Errorf("%w: no answer", host.ErrUnreachable), host.ClassUnreachable, "no answer"},
		{fmt.Errorf("%w as root, with keys", host.ErrAuth), host.ClassAuth, "as root, with keys"},
		{fmt.Errorf("bastion b: %w: changed", host.ErrHostKey), host.ClassHostKey, "bastion b: host key not trusted: changed"},
		{fmt.Errorf("%w: 20s", host.ErrTimeout), host.ClassTimeout, "20s"},
		{context.DeadlineExceeded, host.ClassTimeout, "context deadline exceeded"},
		{fmt.Errorf("%w: it hung up", host.ErrLost), host.ClassPartial, "it hung up"},
		{errors.New("odd"), host.ClassUnreachable, "odd"},
	}
	for _, tt := range tests {
		if class, reason := host.Classify(tt.err), host.Reason(tt.err); class != tt.class || reason != tt.reason {
			t.Errorf("%v: %s, %q; want %s, %q", tt.err, class, reason, tt.class, tt.reason)
		}
	}
	if host.Classify(nil) != host.ClassOK || !host.ClassPartial.Reached() || host.ClassAuth.Reached() {
		t.Error("ok and partial are reached, nothing else")
	}
}

// FuzzQuote has a real shell read back what was quoted.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", "'", `\`, "$(id)", "\n", "-n", "~", "!x", "*", "é\xff", "a=b", "#"} {
		f.Add(s, "second")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if strings.ContainsRune(one+two, 0) {
			return // no argument of any process has one
		}
		out, err := exec.Command("sh", "-c", "printf '<%s>' "+host.Quote(one, two)).Output()
		if want := "<" + one + "><" + two + ">"; err != nil || string(out) != want {
			t.Errorf("%q became %q, %v", want, out, err)
		}
	})
}
