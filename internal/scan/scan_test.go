package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/local"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// here is a link to this machine.
type here struct{ local.Wire }

func (here) Describe(a inventory.Access) inventory.Access { return a }
func (here) Close() error                                 { return nil }

func reachable(name string) Target {
	return Target{Name: name, Dial: func(context.Context) (Link, error) { return here{}, nil }}
}

// run scans and returns the hosts by name.
func run(t *testing.T, ctx context.Context, targets []Target, change func(*Options)) (map[string]inventory.Host, error) { //nolint:revive // the context is what is tested
	t.Helper()
	hosts := map[string]inventory.Host{}
	opts := Options{
		ID: "s1", Facts: fact.All(), Now: time.Now, Began: func(string) {},
		Ended: func(ended []inventory.Host) error {
			for _, h := range ended {
				hosts[h.Name] = h
			}
			return nil
		},
	}
	if change != nil {
		change(&opts)
	}
	err := Run(ctx, targets, opts)
	return hosts, err
}

// TestVisit looks at this machine, and finds what Go's own view of it is.
func TestVisit(t *testing.T) {
	t.Parallel()
	hosts, err := run(t, t.Context(), []Target{reachable("here")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := hosts["here"]
	if !h.Class.Reached() || h.Scan != "s1" || h.Seen.IsZero() {
		t.Fatalf("%s: %s", h.Class, h.Reason)
	}
	for _, f := range fact.Shallow() {
		if s := f.Status(&h.Facts); s.State == "" || s.State != fact.OK && s.Reason == "" {
			t.Errorf("%s: %+v", f.Name, s)
		}
	}
	if h.Facts.Kernel.Value.Name == "" || h.Facts.CPU.Value.Count < 1 || h.Facts.Load.Value.BusyPercent < 0 {
		t.Errorf("kernel %+v, cpu %+v, load %+v", h.Facts.Kernel, h.Facts.CPU, h.Facts.Load)
	}
	if off := h.Facts.Clock.Value.Offset.Abs(); off > time.Second+h.Facts.Clock.Value.Error {
		t.Errorf("this machine's clock is %s off its own", off)
	}
	if i := h.Facts.Network.Value.Interval; i < fact.SampleInterval/2 {
		t.Errorf("the counters were read twice within %s, want about %s", i, fact.SampleInterval)
	}
}

// TestOneHostNeverStopsTheRest has hosts that fail, hang and break beside one
// that is fine.
func TestOneHostNeverStopsTheRest(t *testing.T) {
	t.Parallel()
	targets := []Target{
		{Name: "gone", Dial: func(context.Context) (Link, error) { return nil, fmt.Errorf("%w: no route", host.ErrUnreachable) }},
		{Name: "hangs", Dial: func(ctx context.Context) (Link, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}},
		reachable("fine"),
	}
	hosts, err := run(t, t.Context(), targets, func(o *Options) { o.Deadline = 8 * time.Second; o.Parallel = 3 })
	if err != nil {
		t.Fatal(err)
	}
	if h := hosts["gone"]; h.Class != host.ClassUnreachable || h.Reason != "no route" {
		t.Errorf("gone: %s, %s", h.Class, h.Reason)
	}
	if h := hosts["hangs"]; h.Class != host.ClassTimeout || !strings.Contains(h.Reason, "longer than 8s") {
		t.Errorf("hangs: %s, %s", h.Class, h.Reason)
	}
	if !hosts["fine"].Class.Reached() {
		t.Errorf("fine: %s", hosts["fine"].Class)
	}
}

func TestWhatCannotBeKeptEndsTheScan(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	_, err := run(t, t.Context(), []Target{reachable("a"), reachable("b")}, func(o *Options) {
		o.Ended = func([]inventory.Host) error { return full }
	})
	if !errors.Is(err, full) {
		t.Errorf("err = %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	hosts, err := run(t, ctx, []Target{reachable("a"), reachable("b")}, func(o *Options) {
		o.Parallel = 1
		o.Began = func(string) { once.Do(cancel) }
	})
	if !errors.Is(err, context.Canceled) || len(hosts) > 1 {
		t.Errorf("%d hosts, %v", len(hosts), err)
	}
}

// TestLostVisitKeepsWhatWasRead breaks a visit in the middle.
func TestLostVisitKeepsWhatWasRead(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)
	visit := shell.Visit{Answers: []shell.Answer{
		{Section: sectionFiles, Output: host.Output{Stdout: []byte("/proc/uptime:100.00 50.00\n/etc/os-release:ID=debian\n/etc/os-release:VERSION_ID=\"12\"\n")}},
		{Section: "processes", Output: host.Output{Stdout: []byte("#self 9\nPID PPID USER VSZ STAT COMMAND\n1 0 root 1m S init\n")}},
	}}
	set := read(fact.All(), visit, fmt.Errorf("%w: the cable", host.ErrLost), at)
	if set.OS.Value.Version != "12" || len(set.Processes.Value) != 1 || !set.OS.At.Equal(at) {
		t.Errorf("os %+v, processes %+v", set.OS, set.Processes)
	}
	if set.Sockets.State != fact.Unknown || !strings.Contains(set.Sockets.Reason, "the cable") {
		t.Errorf("sockets %+v", set.Sockets)
	}
}

// What brief scripts tell comes before the files, in the same answer.
func TestBriefScripts(t *testing.T) {
	t.Parallel()
	out := "#fact platform\nflag=hypervisor\n#fact cpu\nXeon E5\n#fact schedules\n#files\n/proc/uptime:100.00 50.00\n/proc/stat:cpu0 1 2 3 4\n"
	set := read(fact.All(), shell.Visit{Root: true, Answers: []shell.Answer{{Section: sectionFiles, Output: host.Output{Stdout: []byte(out)}}}}, nil, time.Now())
	if set.CPU.Value.Model != "Xeon E5" || set.CPU.Value.Count != 1 || set.Platform.Value.Kind != "virtual" {
		t.Errorf("%+v, %+v", set.CPU, set.Platform)
	}
	lost := read(fact.All(), shell.Visit{Root: true}, fmt.Errorf("%w: the cable", host.ErrLost), time.Now())
	if lost.Schedules.State != fact.Unknown || !strings.Contains(lost.Schedules.Reason, "the cable") {
		t.Errorf("%+v", lost.Schedules)
	}
}

func TestParseFiles(t *testing.T) {
	t.Parallel()
	files := parseFiles("/etc/hosts:127.0.0.1 localhost\n/etc/hosts:::1 ip6\nBinary file /etc/x matches\n/etc/empty:\n#denied /etc/shadow\n")
	if files["/etc/hosts"].Content != "127.0.0.1 localhost\n::1 ip6\n" || files["/etc/empty"].Content != "\n" {
		t.Errorf("%+v", files)
	}
	if !files["/etc/shadow"].Denied || len(files) != 3 {
		t.Errorf("%+v", files)
	}
	picked := pick(map[string]fact.File{"/sys/class/net/eth0/mtu": {}, "/sys/class/net/lo/mtu": {}, "/sys/class/dmi/x": {}}, []string{"/sys/class/net/*/mtu"}, []string{"/nothing"})
	if len(picked) != 2 {
		t.Errorf("%v", picked)
	}
}

func TestSections(t *testing.T) {
	t.Parallel()
	sections := Sections(fact.All())
	if sections[0].Name != sectionFiles || sections[len(sections)-1].Name != sectionAgain {
		t.Error("files are read first and again at the end")
	}
	for _, f := range fact.Shallow() {
		has := slices.ContainsFunc(sections, func(s shell.Section) bool { return s.Name == f.Name })
		if has != (f.Probe.Script+f.Probe.Elsewhere != "" && !f.Probe.Brief) {
			t.Errorf("%s: in the visit: %v", f.Name, has)
		}
	}
}

// A fact that is told by the script of another brings that into the visit, and is
// read from its answer.
func TestFactFromAnother(t *testing.T) {
	t.Parallel()
	f, _ := fact.Lookup("configurations")
	if s := Sections([]fact.Fact{f}); len(s) != 2 || s[1].Name != f.Probe.From {
		t.Errorf("%+v", s)
	}
	out := "/etc/redis/redis.conf:5:replicaof db1 6379\n#sums 1\n42 7 /etc/redis/redis.conf\n#end\n"
	set := read([]fact.Fact{f}, shell.Visit{Root: true, Answers: []shell.Answer{{Section: f.Probe.From, Output: host.Output{Stdout: []byte(out)}}}}, nil, time.Now())
	if set.Configurations.State != fact.OK || len(set.Configurations.Value) != 1 {
		t.Errorf("%+v", set.Configurations)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("/proc/uptime:1.00 1\n/etc/os-release:ID=x\n#denied /a\n"), []byte("Linux a b c d"))
	f.Add([]byte("#fact cpu\nXeon\n#fact schedules\n/etc/cron.daily/x\n#files\n/proc/uptime:1.00 1\n"), []byte("x"))
	f.Add([]byte("::::\n/:\n\x00\xff\n/proc/uptime:NaN\n#denied\n#denied "), []byte{0xff, 0})
	f.Fuzz(func(t *testing.T, stdout, script []byte) {
		visit := shell.Visit{Answers: []shell.Answer{
			{Section: sectionFiles, Output: host.Output{Stdout: stdout}},
			{Section: sectionAgain, Output: host.Output{Stdout: stdout}},
		}}
		for _, f := range fact.Shallow() {
			visit.Answers = append(visit.Answers, shell.Answer{Section: f.Name, Output: host.Output{Stdout: script}})
		}
		set := read(fact.All(), visit, nil, time.Unix(1e9, 0))
		for _, f := range fact.Shallow() {
			if s := f.Status(&set); s.State == "" || s.State == fact.Unknown && s.Reason == "" {
				t.Errorf("%s: %+v", f.Name, s)
			}
		}
	})
}
