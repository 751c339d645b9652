package fact

import (
	"strings"
	"testing"
	"time"
)

func TestProcesses(t *testing.T) {
	t.Parallel()
	set := observe(processesFact(), Raw{Out: recorded(t, "processes/debian12-procps")})
	if set.Processes.State != OK {
		t.Fatalf("%+v", set.Processes)
	}
	byPID := map[int]Process{}
	for _, p := range set.Processes.Value {
		byPID[p.PID] = p
	}
	for _, gone := range []int{2, 12, 890, 895, 900, 950} {
		if p, ok := byPID[gone]; ok {
			t.Errorf("%+v is the kernel's or ours", p)
		}
	}
	day := 24 * time.Hour
	for _, want := range []Process{
		{PID: 1, User: "root", Name: "init", Command: "/sbin/init", State: "S", Elapsed: 12*day + 3*time.Hour + 4*time.Minute + 5*time.Second, CPUTime: time.Minute + 2*time.Second, RSS: 12340 << 10},
		{PID: 410, Parent: 1, User: "systemd-timesync", Name: "systemd-timesyncd", Command: "/lib/systemd/systemd-timesyncd", State: "S", Elapsed: 3*time.Hour + 4*time.Minute + 5*time.Second, CPUTime: time.Second, RSS: 6400 << 10},
		{PID: 500, Parent: 1, User: "root", Name: "sshd", Command: "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", State: "S", Elapsed: 3*time.Hour + 4*time.Minute + 5*time.Second, RSS: 8000 << 10},
		{PID: 700, Parent: 1, User: "mysql", Name: "mariadbd", Command: "/usr/sbin/mariadbd --password=[secret]", State: "S", Elapsed: 5*time.Minute + 6*time.Second, CPUTime: day + 2*time.Hour + 3*time.Minute + 4*time.Second, RSS: 900000 << 10},
		{PID: 701, Parent: 700, User: "mysql", Name: "mysqldump", Command: "[mysqldump] <defunct>", State: "Z", Elapsed: 6 * time.Second},
		{PID: 702, Parent: 1, User: "www-data", Name: "nginx", Command: "nginx: worker process", State: "D", Elapsed: 6 * time.Second, RSS: 4000 << 10},
	} {
		if got := byPID[want.PID]; got != want {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	}
}

func TestProcessDialects(t *testing.T) {
	t.Parallel()
	busybox := observe(processesFact(), Raw{Out: recorded(t, "processes/alpine-busybox")}).Processes
	if len(busybox.Value) != 2 || busybox.State != OK {
		t.Fatalf("busybox: %+v", busybox)
	}
	want := Process{PID: 400, Parent: 1, User: "redis", Name: "redis-server", Command: "/usr/bin/redis-server 0.0.0.0:6379", State: "S", Elapsed: 3*time.Hour + 4*time.Minute, CPUTime: 5*time.Minute + 6*time.Second, RSS: 12 << 20}
	if got := busybox.Value[1]; got != want {
		t.Errorf("busybox\n got %+v\nwant %+v", got, want)
	}
	freebsd := observe(processesFact(), Raw{Out: recorded(t, "processes/freebsd13")}).Processes
	if len(freebsd.Value) != 2 || freebsd.Value[1].Name != "nginx" || freebsd.Value[1].CPUTime != time.Second {
		t.Errorf("freebsd: %+v", freebsd)
	}
	little := observe(processesFact(), Raw{Out: "#self 9\nPID   PPID  USER     VSZ  STAT COMMAND\n    1     0 root     1m S    init\n"}).Processes
	if little.State != Partial || !strings.Contains(little.Reason, "how long") {
		t.Errorf("a ps that says little: %+v", little)
	}
	if nothing := observe(processesFact(), Raw{Out: "#self 9\n"}).Processes; nothing.State != Unknown {
		t.Errorf("no ps: %+v", nothing)
	}
}

// Where /proc is mounted with hidepid, as on many hardened hosts, users see nothing of
// others: no first process either.
func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	const ours = "700/stat:700 (sleep) S 1 700 700 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n700/cmdline:sleep\x009\x00\n"
	const first = "1/stat:1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n1/cmdline:/sbin/init\x00\n"
	for _, tt := range []struct {
		table string
		root  bool
		want  State
	}{{ours, false, Partial}, {ours, true, OK}, {first + ours, false, OK}, {"500 1 kim 900 S 01:00 00:00 sleep 9\n", false, Partial}} {
		got := observe(processesFact(), Raw{Out: "#self 9\n" + tt.table, Root: tt.root}).Processes
		if got.State != tt.want || len(got.Value) == 0 || tt.want == Partial && !strings.Contains(got.Reason, "only our own") {
			t.Errorf("root %t, %q: %+v", tt.root, tt.table, got)
		}
	}
}

func FuzzProcesses(f *testing.F) { fuzzFact(f, processesFact()) }
