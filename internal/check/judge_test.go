package check

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

var (
	now = time.Date(2026, 3, 1, 4, 45, 0, 0, time.UTC)
	t0  = now.Add(-15 * time.Minute)
	at  = now.Add(-5 * time.Minute)
)

// full is a check over filesystems that tests change a little.
func full() Spec {
	return Spec{
		Name: "full", Title: "Full", Weight: DefaultWeight,
		Business: "{host} is full.", Summary: "{mount} is {used_percent}% full, {available:bytes} left",
		Facts: []string{"filesystems"}, Each: "filesystems",
		Critical: "used_percent >= 95", Warning: "used_percent >= 85",
		Evidence: []ProofSpec{{Run: "df -P -- {mount}", Show: []string{"mount", "size:bytes"}}},
	}
}

func mustNew(t testing.TB, spec Spec) Check {
	t.Helper()
	c, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// seen is a fact that was read.
func seen[T any](value T) fact.Observed[T] {
	return fact.Observed[T]{Value: value, State: fact.OK, Source: "test", At: at}
}

func subjectWith(facts fact.Set) Subject {
	return Subject{Host: inventory.Host{Name: "web1", Class: host.ClassOK, Seen: at, Visited: at, Facts: facts}, T0: t0, Now: now}
}

func mounted(filesystems ...fact.Filesystem) Subject {
	return subjectWith(fact.Set{Filesystems: seen(filesystems)})
}

func TestJudgeNamesEachItem(t *testing.T) {
	t.Parallel()
	got := Judge(mustNew(t, full()), mounted(
		fact.Filesystem{Mount: "/", UsedPercent: 12},
		fact.Filesystem{Mount: "/home", UsedPercent: 85},
		fact.Filesystem{Mount: "/var log", UsedPercent: 97.26, Size: 50 << 30, Available: 1 << 30},
	))
	want := []Finding{
		{
			ID: id("full", "web1", "/var log"), Check: "full", Title: "Full", Host: "web1", Key: "/var log", Status: Critical, Weight: 50,
			Confidence: Certain, Summary: "/var log is 97.3% full, 1 GiB left", Business: "web1 is full.",
			Evidence: []Evidence{{Command: "df -P -- '/var log'", Output: "mount=/var log, size=50 GiB", At: at}},
		},
		{
			ID: id("full", "web1", "/home"), Check: "full", Title: "Full", Host: "web1", Key: "/home", Status: Warning, Weight: 50,
			Confidence: Certain, Summary: "/home is 85% full, 0 B left", Business: "web1 is full.",
			Evidence: []Evidence{{Command: "df -P -- /home", Output: "mount=/home, size=0 B", At: at}},
		},
	}
	if diff := cmp.Diff(want, got.Findings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Tally{Found: 1}, got.Tally); diff != "" {
		t.Error(diff)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	fine := []fact.Filesystem{{Mount: "/", UsedPercent: 1}}
	for name, c := range map[string]struct {
		fact   fact.Observed[[]fact.Filesystem]
		tally  Tally
		reason string
	}{
		"fine":    {seen(fine), Tally{Fine: 1}, ""},
		"empty":   {seen([]fact.Filesystem(nil)), Tally{Fine: 1}, ""},
		"partial": {fact.Observed[[]fact.Filesystem]{Value: fine, State: fact.Partial, Reason: "no inodes", At: at}, Tally{Fine: 1, Partial: 1}, "judged on incomplete facts: filesystems: no inodes"},
		"unknown": {fact.Observed[[]fact.Filesystem]{State: fact.Unknown, Reason: "df: timed out", At: at}, Tally{Unknown: 1}, "filesystems: df: timed out"},
		"silent":  {fact.Observed[[]fact.Filesystem]{State: fact.Unknown, At: at}, Tally{Unknown: 1}, "filesystems: no reason was recorded"},
		"newer":   {fact.Observed[[]fact.Filesystem]{State: "guessed", At: at}, Tally{Unknown: 1}, "filesystems: no reason was recorded"},
		"unasked": {fact.Observed[[]fact.Filesystem]{}, Tally{NotChecked: 1}, "nobody asked for filesystems"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Judge(mustNew(t, full()), subjectWith(fact.Set{Filesystems: c.fact}))
			if got.Tally != c.tally {
				t.Errorf("tally %+v, want %+v", got.Tally, c.tally)
			}
			if reason := got.Judgements[0].Reason; reason != c.reason {
				t.Errorf("reason %q, want %q", reason, c.reason)
			}
			if c.tally.Unknown == 1 {
				f := got.Findings[0]
				if f.Status != Unknown || f.Reason != c.reason || len(f.Evidence) != 1 || f.Evidence[0].Command != "nightcall scan web1" {
					t.Errorf("finding %+v", f)
				}
			}
		})
	}
}

func TestPartialFactsAreMarkedInFindings(t *testing.T) {
	t.Parallel()
	s := subjectWith(fact.Set{Filesystems: fact.Observed[[]fact.Filesystem]{
		Value: []fact.Filesystem{{Mount: "/", UsedPercent: 99}}, State: fact.Partial, Reason: "two mounts hang", At: at,
	}})
	got := Judge(mustNew(t, full()), s)
	if len(got.Findings) != 1 || got.Findings[0].Reason != "judged on incomplete facts: filesystems: two mounts hang" {
		t.Errorf("findings %+v", got.Findings)
	}
}

func TestDivisionByZeroIsUnknown(t *testing.T) {
	t.Parallel()
	spec := full()
	spec.Critical = "ratio(available, size) < 0.05"
	got := Judge(mustNew(t, spec), mounted(fact.Filesystem{Mount: "/empty"}))
	if got.Tally.Unknown != 1 || !strings.Contains(got.Findings[0].Reason, "division by zero") {
		t.Errorf("got %+v", got)
	}
}

// A stranger's machine names the mount point. Neither a terminal nor a shell
// may obey it.
func TestHostileNamesStayText(t *testing.T) {
	t.Parallel()
	s := mounted(fact.Filesystem{Mount: "/x';\x1b[2J$(reboot)\u202e\n", UsedPercent: 99})
	s.Host.Name = "web1\x1b]0;owned\x07"
	f := Judge(mustNew(t, full()), s).Findings[0]
	for _, text := range []string{f.Host, f.Key, f.Summary, f.Business, f.Evidence[0].Command, f.Evidence[0].Output} {
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u202e' }); i >= 0 {
			t.Errorf("%q holds a control character", text)
		}
	}
	if want := `df -P -- '/x'\'';\x1b[2J$(reboot)\u202e\n'`; f.Evidence[0].Command != want {
		t.Errorf("command %s, want %s", f.Evidence[0].Command, want)
	}
}

func TestManyFindingsAreCutAndCounted(t *testing.T) {
	t.Parallel()
	var filesystems []fact.Filesystem
	for i := range 5000 {
		filesystems = append(filesystems, fact.Filesystem{Mount: fmt.Sprintf("/m%04d", i), UsedPercent: 99})
	}
	got := Judge(mustNew(t, full()), mounted(filesystems...)).Findings
	if len(got) != maxFindings {
		t.Fatalf("%d findings", len(got))
	}
	if last := got[len(got)-1]; last.Key != "and 4901 more" || last.Status != Critical {
		t.Errorf("the last one is %s %q", last.Status, last.Key)
	}
}

func TestItemsOfOneNameAreOneFinding(t *testing.T) {
	t.Parallel()
	got := Judge(mustNew(t, full()), mounted(
		fact.Filesystem{Mount: "/a", UsedPercent: 86}, fact.Filesystem{Mount: "/a", UsedPercent: 99},
	)).Findings
	if len(got) != 1 || got[0].Status != Critical {
		t.Errorf("findings %+v", got)
	}
}

func TestFleetIsSortedWorstFirst(t *testing.T) {
	t.Parallel()
	light, heavy := full(), full()
	light.Name, light.Weight = "light", 10
	heavy.Name, heavy.Weight = "heavy", 90
	fleet := inventory.Fleet{T0: t0, Hosts: []inventory.Host{
		{Name: "b", Facts: fact.Set{Filesystems: seen([]fact.Filesystem{{Mount: "/", UsedPercent: 99}})}},
		{Name: "a", Facts: fact.Set{Filesystems: seen([]fact.Filesystem{{Mount: "/", UsedPercent: 86}, {Mount: "/x", UsedPercent: 99}})}},
		{Name: "c", Facts: fact.Set{Filesystems: fact.Observed[[]fact.Filesystem]{State: fact.Unknown, Reason: "r"}}},
		{Name: "d"},
	}}
	got := JudgeFleet([]Check{mustNew(t, light), mustNew(t, heavy)}, EOL{}, fleet, nil, now)
	var order []string
	for _, f := range got.Findings {
		order = append(order, strings.TrimSpace(f.Status.String()+" "+f.Check+" "+f.Host+" "+f.Key))
	}
	want := []string{
		"critical heavy a /x", "critical heavy b /", "critical light a /x", "critical light b /",
		"warning heavy a /", "warning light a /", "unknown heavy c", "unknown light c",
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Tally{Found: 4, Unknown: 2, NotChecked: 2}, got.Tally); diff != "" {
		t.Error(diff)
	}
}

func TestFindingsKeepTheirID(t *testing.T) {
	t.Parallel()
	// Frozen: reports and silences of people refer to it.
	if got := id("filesystem-full", "web1", "/var"); got != "aeeff708482b72df" {
		t.Errorf("id %s", got)
	}
	if id("a", "b", "") == id("a", "", "b") {
		t.Error("two places share an id")
	}
}

// A field of the item hides an input of the same name.
func TestItemFieldsHideInputs(t *testing.T) {
	t.Parallel()
	spec := full()
	spec.Facts = []string{"filesystems", "network"}
	spec.Critical, spec.Warning = "network", ""
	s := mounted(fact.Filesystem{Mount: "/nfs", Network: true}, fact.Filesystem{Mount: "/"})
	s.Host.Facts.Network = seen(fact.Network{})
	if got := Judge(mustNew(t, spec), s).Findings; len(got) != 1 || got[0].Key != "/nfs" {
		t.Errorf("findings %+v", got)
	}
}

func TestConditionsSeeEveryKindOfValue(t *testing.T) {
	t.Parallel()
	s := subjectWith(fact.Set{
		Sockets: seen(fact.Sockets{Listeners: []fact.Listener{{Proto: "tcp", Addr: netip.MustParseAddr("10.0.0.1"), Port: 80}}, Named: true}),
		Boot:    seen(fact.Boot{At: now.Add(-36 * time.Hour), Uptime: 36 * time.Hour}),
		Load:    seen(fact.Load{One: 2.5}),
		CPU:     seen(fact.CPU{Count: 4}),
		DNS:     seen(fact.DNS{Servers: []string{"10.0.0.53", "1.1.1.1"}}),
		Routes:  seen([]fact.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.254")}}),
	})
	for _, condition := range []string{
		`any(sockets.listeners, .addr == "10.0.0.1" and .port == 80)`,
		`sockets.named and not any(sockets.listeners, .all)`,
		`boot.uptime > duration("24h") and days_since(boot.at) > 1.4 and days_until(boot.at) < 0`,
		`load.one < cpu.count and ratio(load.one, cpu.count) == 0.625`,
		`"1.1.1.1" in dns.servers and len(dns.servers) == 2`,
		`count(routes, .to == "0.0.0.0/0" and .via startsWith "10.") == 1`,
		`host == "web1" and GiB(1) == MiB(1024) and KiB(1) == 1024`,
		`routes[0].to matches "^0"`,
		`cpu.model == "" ? true : false`,
	} {
		c := mustNew(t, Spec{
			Name: "values", Title: "t", Business: "b", Summary: "s", Warning: condition,
			Facts:    []string{"sockets", "boot", "load", "cpu", "dns", "routes"},
			Evidence: []ProofSpec{{Run: "true"}},
		})
		if got := Judge(c, s); got.Tally.Found != 1 {
			t.Errorf("%s: %+v", condition, got)
		}
	}
}

// Whatever a check says, it never says fine about a fact that is not known.
func TestUnknownFactsAreNeverFine(t *testing.T) {
	t.Parallel()
	for name, in := range inputs() {
		if len(in.needs) == 0 {
			continue
		}
		c := mustNew(t, Spec{
			Name: "never", Title: "t", Business: "b", Summary: "s", Facts: []string{name},
			Warning: "host == 'somebody else'", Evidence: []ProofSpec{{Run: "true"}},
		})
		for _, state := range []fact.State{fact.Unknown, "", "of another version"} {
			if got := Judge(c, subjectWith(allIn(state))); got.Tally.Fine > 0 {
				t.Errorf("%s with facts %q: %+v", name, state, got.Tally)
			}
		}
	}
}

// allIn is a set whose facts are all in one state.
func allIn(state fact.State) fact.Set {
	var set fact.Set
	v := reflect.ValueOf(&set).Elem()
	for i := range v.NumField() {
		v.Field(i).FieldByName("State").SetString(string(state))
	}
	return set
}

// Every name that the reference lists can be used, and every fact is there.
func TestInputsAreTheFacts(t *testing.T) {
	t.Parallel()
	var plain []string
	for _, in := range Inputs() {
		if !in.Derived {
			plain = append(plain, in.Name)
			continue
		}
		if in.Title == "" || len(in.Fields) == 0 {
			t.Errorf("derived fact %s is not described: %+v", in.Name, in)
		}
	}
	for _, f := range fact.All() {
		if !slices.Contains(plain, f.Name) {
			t.Errorf("fact %s is no input", f.Name)
		}
	}
}

func BenchmarkJudgeFilesystems(b *testing.B) {
	c := mustNew(b, full())
	s := mounted(fact.Filesystem{Mount: "/", UsedPercent: 12}, fact.Filesystem{Mount: "/var", UsedPercent: 97})
	for b.Loop() {
		Judge(c, s)
	}
}
