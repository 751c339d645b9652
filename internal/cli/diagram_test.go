package cli

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A story is what was seen and said, in its order.
type story struct {
	t  *testing.T
	db *sqlite.DB
}

func (s story) entry(kind timeline.Kind, at time.Time, name string, data any) timeline.Entry {
	s.t.Helper()
	e, err := timeline.New("01JNSAMPLE00000000000000000", "kim", kind, at, data)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Host = name
	return e
}

// visit stores a scan's visit: what listens on a host, and to whom it talks.
func (s story) visit(at time.Time, scan, name, address, process string, port int, to ...string) {
	s.t.Helper()
	addr := netip.MustParseAddr(address)
	set := fact.Sockets{Listeners: []fact.Listener{{Proto: "tcp", Port: port, Process: process, All: true, Addr: netip.IPv4Unspecified()}}}
	for n, remote := range to {
		set.Connections = append(set.Connections, fact.Connection{
			State: "established", Local: netip.AddrPortFrom(addr, uint16(40000+n)), Remote: netip.MustParseAddrPort(remote), Process: process, Count: 1,
		})
	}
	h := inventory.Host{
		Name: name, Class: host.ClassOK, Scan: scan, Visited: at, Seen: at, Access: inventory.Access{Wire: "ssh", Address: address, Port: 22, User: "admin"},
		Facts: fact.Set{
			Sockets:    fact.Observed[fact.Sockets]{State: fact.OK, Value: set, Source: "ss", At: at},
			Interfaces: fact.Observed[[]fact.Interface]{State: fact.OK, Source: "ip", At: at, Value: []fact.Interface{{Name: "eth0", State: "up", Kind: "physical", Addresses: []netip.Prefix{netip.PrefixFrom(addr, 24)}}}},
		},
	}
	if err := s.db.SaveVisit(s.t.Context(), h, s.entry(timeline.HostScanned, at, name, timeline.HostVisit{Scan: scan, Class: "ok"})); err != nil {
		s.t.Fatal(err)
	}
}

func (s story) say(kind timeline.Kind, at time.Time, data any) {
	s.t.Helper()
	if err := s.db.Append(s.t.Context(), s.entry(kind, at, "", data)); err != nil {
		s.t.Fatal(err)
	}
}

// twoScans is a platform seen at three and at four: the second backend is new,
// the cache is no longer asked, the old database was not visited again.
func twoScans(t *testing.T) desk {
	t.Helper()
	d := newDesk(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := story{t, db}
	three, four := lookAt.Add(-90*time.Minute), lookAt.Add(-30*time.Minute)
	s.visit(three, "s1", "lb1", "10.0.0.1", "haproxy", 80, "10.0.1.1:8080")
	s.visit(three, "s1", "be1", "10.0.1.1", "node", 8080, "10.0.2.1:6379", "10.0.3.1:3306")
	s.visit(three, "s1", "redis1", "10.0.2.1", "redis-server", 6379)
	s.visit(three, "s1", "db1", "10.0.3.1", "mysqld", 3306, "10.0.3.9:3306")
	s.say(timeline.HostDeclared, three, timeline.HostDraft{Name: "retired"})
	s.say(timeline.ScanFinished, three.Add(time.Second), timeline.ScanEnd{Scan: "s1"})
	s.visit(four, "s2", "lb1", "10.0.0.1", "haproxy", 80, "10.0.1.1:8080", "10.0.1.2:8080")
	s.visit(four, "s2", "be1", "10.0.1.1", "node", 8080, "10.0.3.1:3306")
	s.visit(four, "s2", "be2", "10.0.1.2", "node", 8080, "10.0.3.1:3306")
	s.visit(four, "s2", "redis1", "10.0.2.1", "redis-server", 6379)
	s.say(timeline.HostRetracted, four, timeline.HostDraft{Name: "retired"})
	s.say(timeline.ScanFinished, four.Add(time.Second), timeline.ScanEnd{Scan: "s2"})
	return d
}

func TestDiagramBeforeAfter(t *testing.T) {
	t.Parallel()
	d := twoScans(t)
	for _, args := range [][]string{{"--before", "1h"}, {"--before", "s1", "--after", "s2"}, {"--before", "2026-03-07 03:30"}} {
		got := d.must(t, append([]string{"diagram", "--plain"}, args...)...)
		for _, want := range []string{"be2  Node.js  new\n", "retired  not visited  gone\n", "──▶ db1  (new)\n", "──▶ redis1  (gone)\n", "──▶ be2  (new)\n", "──▶ 10.0.3.9\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%v: no %q in\n%s", args, want, got)
			}
		}
		if n := strings.Count(got, "gone") + strings.Count(got, "new") + strings.Count(got, "changed"); n != 5 {
			t.Errorf("%v: %d changes, want 5:\n%s", args, n, got)
		}
	}
	for args, want := range map[string]string{
		"--after 1h":             "--after needs --before",
		"--before 1h --after 2h": "is not later than",
		"--before yesterday":     "no span, no time and no scan",
		"--before 1h --after s7": "no span, no time and no scan",
	} {
		if code, _, stderr := d.nightcall(t, append([]string{"diagram"}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d: %s", args, code, stderr)
		}
	}
}

// Before and after are the same where nothing happened in between.
func TestDiagramNothingChanged(t *testing.T) {
	t.Parallel()
	d := twoScans(t)
	got := d.must(t, "diagram", "--before", "s2")
	for _, word := range []string{"new", "gone", "changed"} {
		if strings.Contains(got, fmt.Sprintf("  %s\n", word)) || strings.Contains(got, "("+word+")") {
			t.Errorf("something is %s:\n%s", word, got)
		}
	}
}

func TestDiagramWithoutGraphviz(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	d := twoScans(t)
	code, _, stderr := d.nightcall(t, "diagram", "-o", filepath.Join(t.TempDir(), "arch.svg"), "--engine", "dot")
	if code != exitFailed || !strings.Contains(stderr, "hint: install Graphviz, or leave out --engine") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// The report has the picture as the first scan found it, and what changed since.
func TestReportBeforeAndAfter(t *testing.T) {
	t.Parallel()
	d := twoScans(t)
	text := d.must(t, "report", "-o", "-")
	before, after, ok := strings.Cut(text, "After: what is new, gone or changed since")
	if !ok || !strings.Contains(before, "Before: as the first scan found it, at 2026-03-07 03:00:01") || !strings.Contains(after, "──▶ be2  (new)") {
		t.Errorf("no before and after in\n%s", text)
	}
	_, before, _ = strings.Cut(before, "Before: as the first scan found it")
	if strings.Contains(before, "be2") || !strings.Contains(before, "retired") {
		t.Errorf("before shows what came later, or not what was there:\n%s", before)
	}
	page := filepath.Join(t.TempDir(), "report.html")
	d.must(t, "report", "-o", page)
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(html), `src="data:image/svg+xml;base64,`); n != 3 {
		t.Errorf("%d pictures in the page, want 3", n)
	}
	if !strings.Contains(string(html), "img-src data:") {
		t.Error("the page's policy keeps a browser from showing its pictures")
	}
}
