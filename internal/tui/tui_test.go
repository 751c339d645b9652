package tui

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 3, 4, 4, 30, 0, 0, time.FixedZone("+04", 4*3600))

// A desk is a room whose timeline is in memory, and which writes down what it
// was asked to do.
type desk struct {
	title   string
	entries []timeline.Entry
	ran     [][]string
	refuse  error
	now     time.Time
	result  check.Result
	links   link.Map
}

func (d *desk) Title() string  { return d.title }
func (d *desk) Now() time.Time { return d.now }

func (d *desk) Entries(_ context.Context, after string, known int) ([]timeline.Entry, bool, error) {
	n := slices.IndexFunc(d.entries, func(e timeline.Entry) bool { return e.ID == after })
	if known == 0 || n+1 != known {
		return d.entries, true, nil
	}
	return d.entries[known:], false, nil
}

func (d *desk) Fleet(context.Context) (Sight, error) {
	return Sight{inventory.Fleet{Hosts: []inventory.Host{
		{Name: "web1", Class: host.ClassOK}, {Name: "web2", Class: host.ClassTimeout, Reason: "banner: timed out\x1b[2J"},
	}}, d.links, d.result}, nil
}

func (d *desk) Draw(s Sight, part link.Map) string {
	return string(diagram.Text(diagram.Of(part, s.Map.Groups(), diagram.Options{FoldAbove: 40})))
}

// shop is who talks to whom there: of two clients of the database, one gets no
// answer.
func shop() link.Map {
	call := func(from string, state link.State) link.Link {
		return link.Link{
			From: link.End{Host: from, Process: "java"}, To: link.End{Host: "db1", Address: "10.0.1.1"}, Port: 3306, Kind: "mysql",
			State: state, Observed: true, Last: t0.Add(time.Minute),
		}
	}
	m := link.Map{
		Hosts: []link.Node{
			{Name: "db1", Address: "10.0.1.1", Visited: true, Runs: "mysql"}, {Name: "web1", Address: "10.0.0.1", Visited: true}, {Name: "web2\x1b[2J", Address: "10.0.0.2", Visited: true},
		},
		Services: []link.Service{{Host: "db1", Port: 3306, Kind: "mysql", Title: "MySQL"}},
		Links:    []link.Link{call("web1", link.Established), call("web2\x1b[2J", link.Attempted)},
	}
	m.Apply([]link.Test{
		{From: "web1", To: "db1", Port: 3306, Outcome: "open", At: t0.Add(2 * time.Minute)},
		{From: "web1", To: "10.0.9.9", Port: 6379, Outcome: "timeout", At: t0.Add(2 * time.Minute)},
	})
	return m
}

// judged is what checks say of that fleet, with what is muted apart.
func judged() check.Result {
	r := check.Result{
		Findings: []check.Finding{
			{ID: "f1", Status: check.Critical, Host: "db1", Key: "/var", Title: "A filesystem is nearly full", Summary: "/var is 100% full"},
			{ID: "f2", Status: check.Warning, Host: "web1", Title: "Nobody saves the journal", Summary: "the journal is kept in memory only"},
			{ID: "f4", Status: check.Warning, Host: "db1", Key: "MySQL on port 3306", Title: "Several hosts depend on one", Summary: "only db1 offers MySQL on port 3306; it is used by web1 and web2"},
			{ID: "f3", Status: check.Unknown, Host: "web2", Title: "The clock is wrong", Summary: "clock-skew cannot be judged on web2: not asked"},
		},
		Tally: check.Tally{Found: 2, Fine: 7, Unknown: 1, NotChecked: 20},
	}
	r.Silence([]check.Mute{{
		Mute: timeline.Mute{Finding: "f2", Status: "warning", Reason: "ticket 4711\x1b[2J", Until: t0.Add(8 * time.Hour)}, By: "kim", At: t0,
	}}, t0)
	return r
}

func (d *desk) Run(_ context.Context, args ...string) (string, error) {
	d.ran = append(d.ran, args)
	return "done: " + args[0], d.refuse
}

func (d *desk) Command(args []string) Command {
	d.ran = append(d.ran, args)
	return silent{}
}

// silent is a command that says nothing.
type silent struct{}

func (silent) Run() error          { return nil }
func (silent) SetStdin(io.Reader)  {}
func (silent) SetStdout(io.Writer) {}
func (silent) SetStderr(io.Writer) {}

func (d *desk) add(t testing.TB, after time.Duration, kind timeline.Kind, data any) {
	t.Helper()
	e, err := timeline.New("incident-1", "kim", kind, t0.Add(after), data)
	if err != nil {
		t.Fatal(err)
	}
	e.At = e.At.In(t0.Location())
	e.ID = fmt.Sprintf("01JNSAMPLE%016d", len(d.entries))
	d.entries = append(d.entries, e)
}

func rate(t testing.TB, text string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(text, "USD")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// night is a room in the middle of one.
func night(t testing.TB) *desk {
	t.Helper()
	d := &desk{title: "checkout is down\x1b]0;owned\x07", now: t0.Add(72 * time.Minute), result: judged(), links: shop()}
	d.add(t, 0, timeline.IncidentOpened, timeline.Opened{Title: d.title})
	r := rate(t, "1M/day")
	r.Low, r.High = 800_000_000, 1_200_000_000
	d.add(t, time.Minute, timeline.LossStated, timeline.Loss{Rate: r, From: t0, SaidBy: "Ana, CFO"})
	d.add(t, 2*time.Minute, timeline.MitigationProposed, timeline.Proposal{Text: "reroute to the old shop", Rate: rate(t, "200k/day"), Takes: 15 * time.Minute})
	d.add(t, 3*time.Minute, timeline.DiagnosisEstimated, timeline.Estimate{Takes: 4 * time.Hour, Text: "the restore"})
	d.add(t, 4*time.Minute, timeline.ProblemStated, timeline.Said{Text: "a third of all checkouts time out"})
	d.add(t, 5*time.Minute, timeline.HypothesisRaised, timeline.Hypothesis{Text: "the firewall drops web2", Test: "nc"})
	d.add(t, 6*time.Minute, timeline.StepSkipped, timeline.Step{Item: "technical.changed", Reason: "nobody knows"})
	d.add(t, 7*time.Minute, timeline.UpdateGiven, timeline.Update{Text: "we look", Next: 30 * time.Minute})
	d.add(t, 8*time.Minute, timeline.NoteAdded, timeline.Note{Text: "Ana calls\nthe network team \x1b[2J"})
	return d
}

// open is the model after it has read everything.
func open(t testing.TB, d *desk, width, height int) model {
	t.Helper()
	m := newModel(t.Context(), d)
	for _, msg := range []tea.Msg{tea.WindowSizeMsg{Width: width, Height: height}, m.readEntries()(), m.readFleet()()} {
		m = step(m, msg)
	}
	return m
}

// step feeds one message and runs what it asks for, once.
func step(m model, msg tea.Msg) model {
	next, cmd := m.Update(msg)
	m = next.(model)
	if cmd == nil {
		return m
	}
	switch answer := cmd().(type) {
	case drawing:
		next, _ = m.Update(answer)
		return next.(model)
	case said:
		next, cmd = m.Update(answer)
		next, _ = next.Update(cmd())
		return next.(model)
	}
	return m
}

// press types keys: names of them, or one text.
func press(m model, keys ...string) model {
	names := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "backspace": tea.KeyBackspace, "left": tea.KeyLeft, "home": tea.KeyHome, "pgup": tea.KeyPgUp, "tab": tea.KeyTab, "space": tea.KeySpace}
	for _, key := range keys {
		if code, named := names[key]; named {
			m = step(m, tea.KeyPressMsg{Code: code})
			continue
		}
		for _, r := range key {
			m = step(m, tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return m
}

func TestFrames(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
		var all strings.Builder
		m := open(t, night(t), size[0], size[1])
		for n := range pages {
			m = press(m, fmt.Sprint(int(n)+1))
			all.WriteString(m.frame() + "\n" + strings.Repeat("=", size[0]) + "\n")
		}
		all.WriteString(press(m, "?").frame() + "\n")
		golden := fmt.Sprintf("testdata/frames_%dx%d.golden", size[0], size[1])
		if *update {
			if err := os.WriteFile(golden, []byte(all.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if all.String() != string(want) {
			t.Errorf("%s differs:\n%s", golden, all.String())
		}
	}
}

// Every frame is as large as the terminal, whatever its size, and obeys nobody.
func TestFramesFit(t *testing.T) {
	t.Parallel()
	d := night(t)
	for width := 1; width < 100; width += 7 {
		for height := 1; height < 40; height += 3 {
			m := open(t, d, width, height)
			for n := range pages {
				for _, keys := range []string{fmt.Sprint(int(n) + 1), "?", "?", "n", "a long note that goes on and on beyond any terminal of this width", "\x1b"} {
					m = press(m, keys)
					lines := strings.Split(m.frame(), "\n")
					if len(lines) > height {
						t.Fatalf("%dx%d: %d lines", width, height, len(lines))
					}
					for _, line := range lines {
						if runewidth.StringWidth(line) > width || strings.ContainsFunc(line, unicode.IsControl) {
							t.Fatalf("%dx%d: %q", width, height, line)
						}
					}
				}
				m = press(m, "esc")
			}
		}
	}
}

func TestKeysRunCommands(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		keys []string
		want []string // of the last command
	}{
		"note":            {[]string{"n", "Ana called", "enter"}, []string{"note", "--", "Ana called"}},
		"note of a flag":  {[]string{"n", "--help", "enter"}, []string{"note", "--", "--help"}},
		"empty note":      {[]string{"n", "  ", "enter"}, nil},
		"note left":       {[]string{"n", "x", "esc"}, nil},
		"note corrected":  {[]string{"n", "ax", "backspace", "b", "enter"}, []string{"note", "--", "ab"}},
		"note amended":    {[]string{"n", "web1 is", "left", "left", "not ", "home", "surely ", "enter"}, []string{"note", "--", "surely web1 not is"}},
		"stop":            {[]string{"!"}, []string{"stop"}},
		"loss":            {[]string{"g", "enter", "USD 1M/day", "enter"}, []string{"business", "loss", "--", "USD 1M/day"}},
		"tick":            {[]string{"space"}, []string{"step", "tick", "business.decider"}},
		"tick again":      {[]string{"g", "space"}, []string{"step", "reopen", "business.loss"}},
		"skip":            {[]string{"up", "up", "s", "no way", "enter"}, []string{"step", "skip", "business.less", "--reason=no way"}},
		"reopen":          {[]string{"g", "r"}, []string{"step", "reopen", "business.loss"}},
		"tick and reason": {[]string{"down", "enter", "all here", "enter"}, []string{"step", "tick", "technical.together", "--reason=all here"}},
		"tick at once":    {[]string{"down", "enter", "enter"}, []string{"step", "tick", "technical.together"}},
		"command":         {[]string{":", "nightcall scan 'web 1' web2", "enter"}, []string{"scan", "web 1", "web2"}},
		"again":           {[]string{":", "hosts", "enter", ":", "links", "enter", ":", "x", "up", "up", "up", "enter"}, []string{"hosts"}},
		"again and back":  {[]string{":", "hosts", "enter", ":", "scan", "up", "down", "down", " web1", "enter"}, []string{"scan", "web1"}},
		"no note again":   {[]string{":", "hosts", "enter", "n", "x", "up", "y", "enter"}, []string{"note", "--", "xy"}},
		"mute":            {[]string{"3m", "ticket 4711", "enter", "enter"}, []string{"findings", "mute", "f1", "--reason=ticket 4711", "--until=8h"}},
		"mute until":      {[]string{"3", "down", "down", "m", "x", "enter", "backspace", "backspace", "3d", "enter"}, []string{"findings", "mute", "f3", "--reason=x", "--until=3d"}},
		"mute left":       {[]string{"3m", "x", "enter", "esc"}, nil},
		"mute unreasoned": {[]string{"3m", "enter", "enter"}, []string{"findings", "show", "f1"}},
		"host shown":      {[]string{"4", "down", "enter"}, []string{"host", "show", "web2"}},
		"host scanned":    {[]string{"4", "s", "web1", "enter"}, []string{"scan", "web1"}},
		"hosts again":     {[]string{"4", "t", "enter"}, []string{"scan", "--retry-failed"}},
		"test of a page":  {[]string{"8", "enter", "--again", "enter"}, []string{"reach", "--again"}},
		"map narrowed":    {[]string{"7/web1", "enter"}, nil},
		"unmute":          {[]string{"3Gu"}, []string{"findings", "unmute", "f2"}},
		"finding whole":   {[]string{"3", "enter"}, []string{"findings", "show", "f1"}},
		"mitigation":      {[]string{"g", "down", "enter", "--reroute", "enter", "enter", "enter"}, []string{"business", "mitigation", "--saves=80%", "--takes=15m", "--", "--reroute"}},
		"outcome":         {[]string{"G", "up", "up", "up", "up", "enter", "3wxk", "enter", "enter"}, []string{"technical", "outcome", "--", "3wxk", "confirmed"}},
		"scan":            {[]string{"g", "down", "down", "down", "down", "down", "down", "down", "down", "down", "enter", "web1", "enter"}, []string{"scan", "web1"}},
		"prefilled":       {[]string{"G", "up", "enter", " --currency USD", "enter"}, []string{"business", "loss", "0/day", "--currency", "USD"}},
	} {
		d := night(t)
		press(open(t, d, 80, 24), tt.keys...)
		var last []string
		if len(d.ran) > 0 {
			last = d.ran[len(d.ran)-1]
		}
		if !slices.Equal(last, tt.want) {
			t.Errorf("%s: ran %q, want %q", name, last, tt.want)
		}
	}
}

func TestRefusalIsSaid(t *testing.T) {
	t.Parallel()
	d := night(t)
	d.refuse = errors.New("technical.schema comes first")
	m := press(open(t, d, 80, 24), "space")
	if !strings.Contains(m.frame(), "technical.schema comes first") {
		t.Error(m.frame())
	}
}

// What other processes write is seen; one reading follows another, so that none
// doubles anything; and a merge may bring older entries.
func TestEntriesArrive(t *testing.T) {
	t.Parallel()
	d := night(t)
	m := open(t, d, 80, 24)
	d.add(t, 9*time.Minute, timeline.NoteAdded, timeline.Note{Text: "from elsewhere"})
	m, first := m.reread()
	if _, second := m.reread(); first == nil || second != nil {
		t.Error("two readings at once")
	}
	next, _ := m.Update(said{text: "written meanwhile"})
	next, again := next.(model).Update(first())
	if again == nil {
		t.Error("what was written meanwhile is not read")
	}
	m = step(next.(model), again())
	if len(m.entries) != len(d.entries) || m.at.Notes != 2 || m.reading {
		t.Errorf("%d entries, %d notes", len(m.entries), m.at.Notes)
	}
	merged := &desk{title: d.title, now: d.now}
	merged.entries = append(slices.Clone(d.entries[:3]), timeline.Entry{ID: "older", Kind: timeline.NoteAdded, Data: []byte(`{"text":"x"}`), At: t0, Seen: t0})
	merged.entries = append(merged.entries, d.entries[3:]...)
	m.room = merged
	m = step(m, m.readEntries()())
	if len(m.entries) != len(merged.entries) || m.at.Notes != 3 {
		t.Errorf("%d entries, %d notes", len(m.entries), m.at.Notes)
	}
}

// A mute and its end are seen without anybody asking for it, and the findings are
// judged once at a time.
func TestFindingsAreJudgedAnew(t *testing.T) {
	t.Parallel()
	d := night(t)
	m := open(t, d, 80, 24)
	d.add(t, 9*time.Minute, timeline.FindingUnmuted, timeline.Mute{Finding: "f2"})
	d.result.Findings = append(d.result.Findings, d.result.Muted[0].Finding)
	d.result.Muted, d.result.Tally.Muted = nil, 0
	m, read := m.reread()
	next, judge := m.Update(read())
	if m = next.(model); judge == nil || !m.judging {
		t.Fatal("nobody judges what was unmuted")
	}
	if m, judge = m.judge(); judge != nil || !m.rejudge {
		t.Error("two judge at once")
	}
	next, judge = m.Update(m.readFleet()())
	if m = next.(model); judge == nil || !m.judging {
		t.Error("what was asked for meanwhile is not judged")
	}
	if frame := press(m, "3").frame(); strings.Contains(frame, "muted") {
		t.Error(frame)
	}
	m = open(t, night(t), 80, 24)
	m.now = t0.Add(9 * time.Hour)
	if !m.muteEnded() {
		t.Error("a mute that is over still holds")
	}
}

// The finding under the cursor is always seen, and so is what nobody could judge,
// once there is no finding below; also when there are fewer than there were.
func TestFindingsScroll(t *testing.T) {
	t.Parallel()
	d := night(t)
	d.result.Findings = nil
	for n := range 100 {
		d.result.Findings = append(d.result.Findings, check.Finding{ID: fmt.Sprint(n), Status: check.Unknown, Host: fmt.Sprintf("web%02d", n), Title: "Something is wrong"})
	}
	for height := 8; height < 30; height++ {
		m := press(open(t, d, 80, height), "3")
		for n := range 100 {
			if !strings.Contains(m.frame(), fmt.Sprintf("> UNKNOWN  web%02d", n)) {
				t.Fatalf("height %d, finding %d:\n%s", height, n, m.frame())
			}
			m = press(m, "down")
		}
		if !strings.Contains(m.frame(), "> muted") || height > 9 && !strings.Contains(m.frame(), "7 fine") {
			t.Fatalf("height %d:\n%s", height, m.frame())
		}
		m.sight.Result.Findings = m.sight.Result.Findings[:3]
		if m = press(m, "up"); !strings.Contains(m.frame(), "> UNKNOWN  web02") {
			t.Fatalf("height %d:\n%s", height, m.frame())
		}
	}
}

func TestTimelineScrolls(t *testing.T) {
	t.Parallel()
	d := night(t)
	for n := range 200 {
		d.add(t, time.Hour+time.Duration(n)*time.Second, timeline.NoteAdded, timeline.Note{Text: fmt.Sprintf("note %d.", n)})
	}
	m := press(open(t, d, 80, 24), "2")
	shows := func(text string, want bool) {
		t.Helper()
		if got := strings.Contains(m.frame(), text); got != want {
			t.Errorf("%q is shown: %v", text, got)
		}
	}
	shows("note 199.", true)
	m = press(m, "pgup")
	shows("note 199.", false)
	shows("note 182.", true)
	m = press(m, "g")
	shows("incident opened", true)
	m = press(m, "G")
	shows("note 199.", true)
}

// What people wrote is read whole on a narrow terminal, and only there broken.
func TestWrap(t *testing.T) {
	t.Parallel()
	m := open(t, night(t), 40, 24)
	said := strings.Repeat("eleven word ", 20) + strings.Repeat("x", 100)
	lines := m.wrap([]string{said, "short"})
	if got := strings.ReplaceAll(strings.Join(lines[:len(lines)-1], " "), " ", ""); got != strings.ReplaceAll(said, " ", "") {
		t.Errorf("%q", lines)
	}
	for n, line := range lines {
		if runewidth.StringWidth(line) > 40 || n > 0 && n < len(lines)-1 && !strings.HasPrefix(line, "      ") {
			t.Errorf("%q", line)
		}
	}
	if lines[len(lines)-1] != "short" {
		t.Errorf("%q", lines)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"": nil, "  a  b ": {"a", "b"}, `a 'b c' "d 'e'"`: {"a", "b c", "d 'e'"}, `--x="y z"`: {"--x=y z"}, `''`: {""}, `it's`: {"its"},
	} {
		if got := split(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// The whole program, on pipes: it draws, takes keys and leaves.
func TestProgram(t *testing.T) {
	t.Parallel()
	d := night(t)
	in, keys := io.Pipe()
	screen, out := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, d, tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(80, 24))
		out.Close()
	}()
	var drawn bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(drawn.String(), "losing") {
		n, err := screen.Read(buf)
		if err != nil {
			t.Fatalf("it ended after %q: %v", drawn.String(), err)
		}
		drawn.Write(buf[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, screen) }()
	if _, err := io.WriteString(keys, "q"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// BenchmarkFrame draws after a key, with a hundred thousand entries.
func BenchmarkFrame(b *testing.B) {
	d := night(b)
	for n := range 100_000 {
		d.add(b, time.Hour+time.Duration(n)*time.Millisecond, timeline.NoteAdded, timeline.Note{Text: "a note"})
	}
	m := press(open(b, d, 80, 24), "2")
	for b.Loop() {
		m = press(m, "up")
		_ = m.frame()
	}
}

// The host under the cursor is always seen, also when there are fewer than there were.
func TestHostsScroll(t *testing.T) {
	t.Parallel()
	for height := 8; height < 30; height++ {
		m := press(open(t, night(t), 80, height), "4")
		for n := range 60 {
			m.sight.Fleet.Hosts = append(m.sight.Fleet.Hosts, inventory.Host{Name: fmt.Sprintf("be%02d", n), Class: host.ClassOK})
		}
		for n := range 60 {
			if m = press(m, "down"); n > 0 && !strings.Contains(m.frame(), fmt.Sprintf("> ok          be%02d", n-1)) {
				t.Fatalf("height %d, host %d:\n%s", height, n, m.frame())
			}
		}
		m.sight.Fleet.Hosts = m.sight.Fleet.Hosts[:1]
		if !strings.Contains(m.frame(), "> ok          web1") {
			t.Fatalf("height %d:\n%s", height, m.frame())
		}
	}
}
