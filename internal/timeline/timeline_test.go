package timeline

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nightcall-sh/nightcall/internal/money"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)

var aMillion = money.Rate{
	Amount: money.Amount{Low: 800_000_000, Likely: 1_000_000_000, High: 1_200_000_000, Currency: "USD"}, Per: money.Day,
}

// examples has at least one entry of every kind.
var examples = []struct {
	kind Kind
	data any
}{
	{IncidentOpened, Opened{Title: "checkout is down"}},
	{IncidentClosed, Closed{Reason: "disk replaced"}},
	{IncidentClosed, Closed{}},
	{IncidentReopened, nil},
	{IncidentMerged, Merge{From: "/media/usb/checkout.jsonl", Entries: 40, Hosts: 1}},
	{NoteAdded, Note{Text: "called Ana\n\n  she restarts web2\r\n"}},
	{ScanStarted, ScanStart{Scan: "s1", Targets: []string{"web1"}}},
	{ScanStarted, ScanStart{Scan: "s2", Targets: make([]string, 40)}},
	{EvidenceAdded, EvidenceFile{Name: "0123456789ab-dump.txt", SHA256: "0123456789ab", Bytes: 4096, Source: "dump.txt"}},
	{ScanFinished, ScanEnd{Scan: "s1", Classes: map[string]int{"ok": 11, "timeout": 1}, Took: 12345 * time.Millisecond}},
	{ScanFinished, ScanEnd{Scan: "s1", Classes: map[string]int{}, Took: time.Second, Stopped: "context canceled"}},
	{HostScanned, HostVisit{Class: "ok", Took: 1234567 * time.Microsecond, Root: true}},
	{HostScanned, HostVisit{Class: "timeout", Reason: "banner: timed out\nafter 10s", Took: 10 * time.Second}},
	{HostKeyAccepted, HostKey{Address: "10.0.0.7:22", Type: "ssh-ed25519", Fingerprint: "SHA256:abc", How: "accept-new"}},
	{HostKeyChanged, HostKey{Address: "web1", Type: "ssh-rsa", Fingerprint: "SHA256:def"}},
	{PasswordTried, Password{}},
	{PasswordAccepted, Password{}},
	{PasswordRefused, Password{}},
	{LineStopped, Stop{Reason: "the wrong database"}},
	{LineReleased, nil},
	{CommandStarted, CommandStart{Run: "r1", Argv: []string{"uptime"}}},
	{CommandStarted, CommandStart{Run: "r2", Argv: []string{"systemctl", "restart", "haproxy"}, Change: true, Root: true}},
	{CommandFinished, CommandEnd{Run: "r1", Took: 40 * time.Millisecond, Stdout: "\n 04:31 up 3 days\nmore\n"}},
	{CommandFinished, CommandEnd{Run: "r2", Exit: 1, Stderr: "no such unit"}},
	{CommandFinished, CommandEnd{Run: "r3", Error: "connection lost", Took: time.Minute}},
	{Exported, Export{Format: "ssh_config", Path: "/home/me/ssh_config", Hosts: 1}},
	{LossStated, Loss{Rate: aMillion, From: t0, SaidBy: "Ana, CFO", Text: "orders of last week"}},
	{LossStated, Loss{}},
	{MitigationProposed, Proposal{Text: "reroute\nnow", Rate: aMillion, Takes: 15 * time.Minute, Owner: "Bob"}},
	{MitigationApplied, Turn{Mitigation: "01", Text: "reroute", Rate: &aMillion, From: t0}},
	{MitigationReverted, Turn{Mitigation: "01", Text: "reroute", Rate: &aMillion, From: t0, Reason: "it made it worse"}},
	{MitigationDropped, Turn{Mitigation: "01", Text: "reroute", Reason: "too risky"}},
	{DiagnosisEstimated, Estimate{Takes: 3 * time.Hour, Text: "the restore of db1", SaidBy: "Bob"}},
	{ProblemStated, Said{Text: "half of the checkouts\ntime out since 03:10"}},
	{SchemaDrafted, Said{Text: "lb -> web1, web2 -> db1"}},
	{FactStated, Said{Text: "web2 cannot reach db1:3306", Source: "nc from web2"}},
	{HypothesisRaised, Hypothesis{Text: "the firewall drops web2", Test: "nc db1 3306 from each backend", Owner: "Bob"}},
	{HypothesisSettled, Settlement{Hypothesis: "01", Text: "the firewall drops web2", Outcome: Confirmed, Evidence: "only web2 times out"}},
	{DecisionMade, Decision{Text: "take web2 out", Reason: "it is the odd one", By: "Ana", Takes: 15 * time.Minute}},
	{ActionAdded, Action{Text: "take web2 out of the pool", Owner: "Bob"}},
	{ActionAdded, Action{Text: "health checks in haproxy", Later: true}},
	{ActionDone, Done{Action: "01", Text: "take web2 out of the pool", Outcome: "errors are gone"}},
	{RoleAssigned, Role{Role: "lead", Name: "Kim"}},
	{RoleAssigned, Role{Role: "lead"}},
	{HandoverGiven, Handover{To: "Lee", Text: "web2 is out; the firewall is next"}},
	{MonitoringAnswered, Monitoring{Text: "we bought something", SaidBy: "Bob"}},
	{MonitoringAnswered, Monitoring{Working: true}},
	{UpdateGiven, Update{Text: "We found it.", Next: 30 * time.Minute}},
	{StepTicked, Step{Item: "technical.together"}},
	{StepSkipped, Step{Item: "monitoring.paths", Reason: "no time"}},
	{StepReopened, Step{Item: "technical.together"}},
	{FindingMuted, Mute{Finding: "5c1d", Check: "disk-full", Host: "db1", Key: "/var", Status: "warning", Reason: "ticket 4711", Until: time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)}},
	{FindingUnmuted, Mute{Finding: "5c1d", Check: "disk-full", Host: "db1"}},
	{HostDeclared, HostDraft{Name: "db1", Address: "10.0.13.1", Runs: "mysql", Group: "Database HA"}},
	{HostRetracted, HostDraft{Name: "db1"}},
	{IncidentLinked, Page{URL: "https://tickets.example.com/4711"}},
	{IncidentLinked, Page{}},
	{LinkDeclared, LinkDraft{From: "be1", To: "db1", Port: 3306, Label: "main"}},
	{LinkRetracted, LinkDraft{From: "be1", To: "db1"}},
	{NetBoxWriting, NetBoxBatch{Server: "https://netbox.example.com", Op: "create", Kind: "virtual_machine", Count: 60}},
	{NetBoxWrote, NetBoxBatch{Server: "https://netbox.example.com", Op: "create", Kind: "virtual_machine", Count: 59}},
	{ServicesAsked, Asked{Questions: []string{"Jenkins 8080: GET /script"}, Open: []string{"Jenkins 8080"}}},
	{ReachTested, Reach{Results: []ReachResult{{To: "db1", Port: 3306, Outcome: "timeout"}, {To: "redis1", Port: 6379, Outcome: "open"}}}},
	{"heal.started", map[string]any{"remedy": "vacuum-journal", "n": 3}},
	{"from.the.future", nil},
	{NoteAdded, "a note of another shape"},
	{NoteAdded, nil},
	{"note\x1b[2J", Note{Text: "x"}},
	{NoteAdded, Note{Text: "\x1b]0;owned\x07\u202etxt.exe\u009b31m"}},
	{NoteAdded, Note{Text: strings.Repeat("long ", 200)}},
}

func entry(t testing.TB, kind Kind, data any) Entry {
	t.Helper()
	e, err := New("incident-1", "me", kind, t0, data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, x := range examples {
		b.WriteString(Describe(entry(t, x.kind, x.data)) + "\n")
	}
	const golden = "testdata/describe.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A kind that is declared and not described would be shown as JSON.
func TestEveryKindHasAnExample(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds {
		described := slices.ContainsFunc(examples, func(x struct {
			kind Kind
			data any
		},
		) bool {
			text, ok := sentence(entry(t, x.kind, x.data))
			return x.kind == kind && ok && text != ""
		})
		if !described {
			t.Errorf("%s has no example that is described", kind)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	for _, x := range examples {
		e := entry(f, x.kind, x.data)
		f.Add(string(e.Kind), []byte(e.Data))
	}
	f.Add("note", []byte(`{"text":`))
	f.Add("scan.finished", []byte(`{"took":-9223372036854775808,"classes":{"\u001b":-1}}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		text := Describe(Entry{Kind: Kind(kind), Data: data})
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q", text)
		}
		if utf8.RuneCountInString(text) > descriptionLimit {
			t.Errorf("%d runes", utf8.RuneCountInString(text))
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	local := t0.In(time.FixedZone("Dubai", 4*3600))
	a, err := New("incident-1", "me", NoteAdded, local, Note{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	b := entry(t, NoteAdded, Note{Text: "x"}).About("web1")
	if a.ID == b.ID || len(a.ID) != 26 {
		t.Errorf("ids %q and %q", a.ID, b.ID)
	}
	if a.Seen != t0 || a.At != t0 || a.Host != "" || b.Host != "web1" || a.Trigger != Manual || a.V != 1 {
		t.Errorf("%+v", a)
	}
	if _, err := New("incident-1", "me", "note", t0, make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}

// The keys are what other programs read: they do not change.
func TestEntryJSON(t *testing.T) {
	t.Parallel()
	e := entry(t, NoteAdded, Note{Text: "x"}).About("web1")
	e.ID = "01"
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"01","incident":"incident-1","host":"web1","at":"2026-03-04T04:30:00Z","seen":"2026-03-04T04:30:00Z",` +
		`"actor":"me","trigger":"manual","kind":"note","v":1,"data":{"text":"x"}}`
	if string(text) != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	if d, ok := Decode[Note](entry(t, NoteAdded, Note{Text: "x"})); !ok || d.Text != "x" {
		t.Errorf("%+v, %v", d, ok)
	}
	for _, data := range []any{nil, "text", []int{1}} {
		if d, ok := Decode[Note](entry(t, NoteAdded, data)); ok {
			t.Errorf("%v decoded as %+v", data, d)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", 15 * time.Minute: "15 min", 3 * time.Hour: "3 h", 89*time.Minute + 40*time.Second: "1 h 30 min",
		26*time.Hour + 5*time.Minute: "1 d 2 h", -time.Hour: "-1 h", 59*time.Minute + 45*time.Second: "1 h",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
