package incident

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var t0 = time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)

// A story collects entries, one a minute.
type story struct {
	t       *testing.T
	entries []timeline.Entry
}

func (s *story) add(kind timeline.Kind, host string, data any) *story {
	s.t.Helper()
	e, err := timeline.New("incident-1", "ana", kind, t0.Add(time.Duration(len(s.entries))*time.Minute), data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.entries = append(s.entries, e.About(host))
	return s
}

// minute is the moment of the n-th entry.
func minute(n int) Moment { return Moment{At: t0.Add(time.Duration(n) * time.Minute), By: "ana"} }

func expect(t *testing.T, s *story, want Incident) {
	t.Helper()
	if n := len(s.entries); n > 0 {
		want.Last = minute(n - 1).At
	}
	if want.State == "" {
		want.State = Open
	}
	if want.Steps == nil {
		want.Steps = Checklist()
	}
	if diff := cmp.Diff(want, Fold(s.entries), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func opened(t *testing.T) *story {
	t.Helper()
	return (&story{t: t}).add(timeline.IncidentOpened, "", timeline.Opened{Title: "checkout is down"})
}

func base() Incident {
	return Incident{ID: "incident-1", Title: "checkout is down", Opened: minute(0)}
}

func TestFoldNothing(t *testing.T) {
	t.Parallel()
	expect(t, &story{t: t}, Incident{})
}

func TestFoldOpenClosedReopened(t *testing.T) {
	t.Parallel()
	s := opened(t)
	expect(t, s, base())
	s.add(timeline.NoteAdded, "", timeline.Note{Text: "a"}).add(timeline.NoteAdded, "", timeline.Note{Text: "b"})
	s.add(timeline.IncidentClosed, "", timeline.Closed{Reason: "disk replaced"})
	want := base()
	want.Notes, want.State, want.Closed, want.Reason = 2, Closed, minute(3), "disk replaced"
	expect(t, s, want)
	s.add(timeline.IncidentReopened, "", nil)
	want = base()
	want.Notes = 2
	expect(t, s, want)
	s.add(timeline.IncidentClosed, "", nil)
	want.State, want.Closed = Closed, minute(5)
	expect(t, s, want)
}

// After a merge there are two openings; the first one named the incident.
func TestFoldOpenedTwice(t *testing.T) {
	t.Parallel()
	s := opened(t).add(timeline.IncidentOpened, "", timeline.Opened{Title: "another"})
	expect(t, s, base())
}

func TestFoldHostsByLastVisit(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, v := range []struct{ host, class string }{
		{"web1", "ok"}, {"web2", "timeout"}, {"web3", "ok"}, {"web2", "ok"}, {"web3", "unreachable"},
	} {
		s.add(timeline.HostScanned, v.host, timeline.HostVisit{Class: v.class})
	}
	want := base()
	want.Hosts = map[host.Class]int{host.ClassOK: 2, host.ClassUnreachable: 1}
	expect(t, s, want)
	if n := Fold(s.entries).HostCount(); n != 3 {
		t.Errorf("%d hosts", n)
	}
}

func TestFoldScans(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.add(timeline.ScanStarted, "", timeline.ScanStart{Scan: "killed", Targets: []string{"a", "b"}})
	s.add(timeline.ScanStarted, "", timeline.ScanStart{Scan: "whole", Targets: []string{"a"}})
	s.add(timeline.ScanFinished, "", timeline.ScanEnd{Scan: "whole", Classes: map[string]int{"ok": 1}})
	want := base()
	killed := Scan{ID: "killed", Started: minute(1), Targets: 2}
	want.Scans = []Scan{killed}
	want.LastScan = Scan{ID: "whole", Started: minute(2), Ended: minute(3).At, Targets: 1, Classes: map[host.Class]int{host.ClassOK: 1}}
	expect(t, s, want)
}

// A scan that was cancelled and gone on with ends twice, and has seen the hosts
// of both.
func TestFoldScanGoneOnWith(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.add(timeline.ScanStarted, "", timeline.ScanStart{Scan: "s", Targets: []string{"a", "b"}})
	s.add(timeline.ScanFinished, "", timeline.ScanEnd{Scan: "s", Classes: map[string]int{"ok": 1}, Stopped: "context canceled"})
	want := base()
	want.LastScan = Scan{
		ID: "s", Started: minute(1), Ended: minute(2).At, Targets: 2, Stopped: "context canceled",
		Classes: map[host.Class]int{host.ClassOK: 1},
	}
	expect(t, s, want)
	s.add(timeline.ScanFinished, "", timeline.ScanEnd{Scan: "s", Classes: map[string]int{"ok": 1, "auth": 1}})
	want.LastScan.Ended, want.LastScan.Stopped = minute(3).At, ""
	want.LastScan.Classes = map[host.Class]int{host.ClassOK: 2, host.ClassAuth: 1}
	expect(t, s, want)
}

// One run on several hosts ends on each of them.
func TestFoldCommands(t *testing.T) {
	t.Parallel()
	s := opened(t)
	start := timeline.CommandStart{Run: "r", Argv: []string{"systemctl", "restart", "x"}, Change: true}
	s.add(timeline.CommandStarted, "web1", start).add(timeline.CommandStarted, "web2", start)
	s.add(timeline.CommandFinished, "web1", timeline.CommandEnd{Run: "r"})
	s.add(timeline.CommandFinished, "web2", timeline.CommandEnd{Run: "another"})
	want := base()
	want.Commands = []Command{{Run: "r", Host: "web2", Argv: start.Argv, Change: true, Started: minute(2)}}
	expect(t, s, want)
	if line := Fold(s.entries).Commands[0].Line(); line != "systemctl restart x" {
		t.Errorf("%q", line)
	}
}

// FuzzFold reads entries that a stranger's database may hold.
func FuzzFold(f *testing.F) {
	for _, kind := range []timeline.Kind{
		timeline.IncidentOpened, timeline.IncidentClosed, timeline.ScanStarted, timeline.ScanFinished,
		timeline.HostScanned, timeline.CommandStarted, timeline.CommandFinished, "unknown",
	} {
		f.Add(string(kind), `{"scan":"s","run":"r","class":"ok","classes":{"ok":-1},"targets":["a"]}`, "web1")
		f.Add(string(kind), `[]`, "")
		f.Add(string(kind), `{`, "")
	}
	f.Fuzz(func(t *testing.T, kind, data, name string) {
		e := timeline.Entry{Kind: timeline.Kind(kind), Data: json.RawMessage(data), Host: name, Seen: t0, At: t0, Incident: "i"}
		before := timeline.Entry{Kind: timeline.ScanStarted, Data: json.RawMessage(`{"scan":"s"}`), Seen: t0}
		i := Fold([]timeline.Entry{before, e, e})
		if !i.Last.Equal(t0) {
			t.Errorf("last %v", i.Last)
		}
		if (i.State == Closed) != (e.Kind == timeline.IncidentClosed) {
			t.Errorf("state %s after %s", i.State, kind)
		}
	})
}
