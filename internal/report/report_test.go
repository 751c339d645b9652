package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// languages are the writers of the report.
var languages = map[string]func(io.Writer, Data) error{"html": HTML, "md": Markdown, "json": JSON}

func write(t testing.TB, language string, d Data) string {
	t.Helper()
	var b bytes.Buffer
	if err := languages[language](&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// night is an incident in which everything happened, with text in every place
// where somebody may write.
func night(t *testing.T, text string) Data {
	t.Helper()
	s := &story{t: t}
	minute := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	s.add(0, timeline.IncidentOpened, "", timeline.Opened{Title: "checkout is down" + text})
	s.add(minute(1), timeline.LossStated, "", timeline.Loss{Rate: rate(t, "24k/day"), From: t0.Add(-time.Hour), SaidBy: "Ana" + text, Text: "orders" + text})
	proposed := s.add(minute(2), timeline.MitigationProposed, "", timeline.Proposal{
		Text: "the old shop" + text, Rate: rate(t, "2400/day"), Takes: minute(15), Risk: "slow" + text, Reversal: "DNS" + text, Owner: "Bob" + text,
	})
	after := rate(t, "2400/day")
	s.add(minute(60), timeline.MitigationApplied, "", timeline.Turn{Mitigation: proposed, Text: "the old shop" + text, Rate: &after, From: t0.Add(minute(60)), Reason: "r" + text})
	s.add(minute(3), timeline.DiagnosisEstimated, "", timeline.Estimate{Takes: 3 * time.Hour, Text: "the restore" + text, SaidBy: "Bob" + text})
	s.add(minute(4), timeline.ProblemStated, "", timeline.Said{Text: "a third fails" + text})
	s.add(minute(5), timeline.SchemaDrafted, "", timeline.Said{Text: "lb -> web\nweb -> db\n```\n" + text})
	s.add(minute(6), timeline.FactStated, "web2", timeline.Said{Text: "no way to db1" + text, Source: "nc" + text})
	h := s.add(minute(7), timeline.HypothesisRaised, "web2", timeline.Hypothesis{Text: "the firewall" + text, Test: "nc" + text, Owner: "Bob" + text})
	s.add(minute(8), timeline.HypothesisSettled, "", timeline.Settlement{Hypothesis: h, Text: "x" + text, Outcome: timeline.Confirmed, Evidence: "timeout" + text})
	s.add(minute(9), timeline.DecisionMade, "web2", timeline.Decision{Text: "take it out" + text, Reason: "odd" + text, By: "Ana" + text, Takes: time.Hour})
	done := s.add(minute(10), timeline.ActionAdded, "web2", timeline.Action{Text: "out of the pool" + text, Owner: "Bob" + text})
	s.add(minute(11), timeline.ActionDone, "", timeline.Done{Action: done, Outcome: "fine" + text})
	s.add(minute(12), timeline.ActionAdded, "", timeline.Action{Text: "health checks" + text, Later: true})
	s.add(minute(13), timeline.RoleAssigned, "", timeline.Role{Role: "lead", Name: "Kim" + text})
	s.add(minute(14), timeline.MonitoringAnswered, "", timeline.Monitoring{Text: "bought" + text, SaidBy: "Bob" + text})
	s.add(minute(15), timeline.NoteAdded, "db1", timeline.Note{Text: "a note" + text})
	s.add(minute(16), timeline.CommandStarted, "web2", timeline.CommandStart{Run: "r1", Argv: []string{"nc", "db1", "3306" + text}, Root: true})
	s.add(minute(17), timeline.CommandFinished, "web2", timeline.CommandEnd{Run: "r1", Exit: 1, Took: time.Second, Stdout: "out\n" + text, Stderr: "err" + text})
	s.add(minute(18), timeline.CommandStarted, "web2", timeline.CommandStart{Run: "r2", Argv: []string{"reboot"}, Change: true})
	s.add(minute(18), timeline.MitigationProposed, "", timeline.Proposal{Text: "no campaign" + text, Rate: rate(t, "1200/day"), Takes: minute(5), Risk: "anger" + text})
	s.add(minute(19), "from.the.future", "", map[string]string{"x": text})
	d := s.data(2 * time.Hour)
	for n := range d.Entries {
		d.Entries[n].ID = fmt.Sprintf("01JNSAMPLE%016d", n)
	}
	web1 := inventory.Host{Name: "web1", Class: host.ClassOK, Seen: t0}
	web1.Facts.Processes = fact.Observed[[]fact.Process]{State: fact.OK, Value: []fact.Process{{Name: "monit"}}}
	d.Fleet.Hosts = []inventory.Host{web1, {Name: "web2" + text, Class: host.ClassTimeout, Reason: "banner" + text}}
	d.Findings = check.Result{
		Findings: []check.Finding{{
			ID: "f1", Check: "filesystem-full", Title: "A filesystem is nearly full", Host: "web1", Key: "/var" + text, Status: check.Critical,
			Confidence: check.Certain, Summary: "100% full" + text, Business: "Writes fail on web1." + text, Reason: "partly" + text,
			Evidence: []check.Evidence{{Command: "df", Output: "/var 100%" + text, At: t0}},
		}},
		Judgements: []check.Judgement{
			{Check: "heartbleed", Host: "web2", Answer: check.NotChecked, Reason: "nobody asked" + text},
			{Check: "clock-skew", Host: "web2", Answer: check.NotKnown, Reason: "no answer" + text},
			{Check: "heartbleed", Host: "web3", Answer: check.NotChecked, Reason: "nobody asked" + text},
		},
		Tally: check.Tally{Found: 1, NotChecked: 2, Unknown: 1},
	}
	return d
}

func TestReportIsWhole(t *testing.T) {
	t.Parallel()
	d := night(t, "")
	for language := range languages {
		golden := "testdata/report." + language
		got := write(t, language, d)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; run go test -update and read what changed\n%s", golden, got)
		}
	}
}

// An incident of which nobody said anything has a report too.
func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	s := &story{t: t}
	s.add(0, timeline.IncidentOpened, "", timeline.Opened{Title: "x"})
	for language := range languages {
		if got := write(t, language, s.data(time.Minute)); !strings.Contains(got, "incident opened: x") {
			t.Errorf("%s:\n%s", language, got)
		}
	}
}

// hostile is what a host or a person may write to become more than text.
const hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt;b&gt; javascript:x " +
	"\x1b]0;owned\x07 \u202e\u2028 | a | [x](javascript:y) ![i](http://h/) `c` **b** # h ~~~\n```\n</pre></td></table><h1>\n- list\n"

var tags = regexp.MustCompile(`<[^>]*>`)

func TestHTMLHoldsOnlyOurTags(t *testing.T) {
	t.Parallel()
	plain := tags.FindAllString(write(t, "html", night(t, "")), -1)
	page := write(t, "html", night(t, hostile))
	for _, tag := range tags.FindAllString(page, -1) {
		name := strings.Fields(strings.Trim(tag, "<>/"))[0]
		ours := slices.ContainsFunc(plain, func(p string) bool { return strings.Fields(strings.Trim(p, "<>/"))[0] == name })
		if !ours || strings.Contains(tag, "onerror") || strings.Contains(tag, "javascript") {
			t.Errorf("a stranger's tag: %s", tag)
		}
	}
	for _, bad := range []string{"\x1b", "\u202e", "\u2028", "http:", "https:"} {
		if strings.Contains(strings.ReplaceAll(page, "](http://h/)", ""), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestMarkdownHoldsOnlyOurMarks(t *testing.T) {
	t.Parallel()
	fenced := ""
	for line := range strings.Lines(write(t, "md", night(t, hostile))) {
		line = strings.TrimSuffix(line, "\n")
		if fence := strings.TrimRight(line, "`"); fenced == "" && fence == "" && len(line) >= 3 {
			fenced = line
			continue
		}
		if fenced != "" {
			if line == fenced {
				fenced = ""
			}
			continue
		}
		for _, bad := range []string{"<script", "<img", "](", "![", "\x1b", "\u202e"} {
			if at := strings.Index(line, bad); at == 0 || at > 0 && line[at-1] != '\\' {
				t.Errorf("%q in %s", bad, line)
			}
		}
	}
	if fenced != "" {
		t.Errorf("a fence of %q was never closed", fenced)
	}
}

// secrets are what people paste and hosts print.
var secrets = []string{
	"password=canary-01", "PASSWORD: canary-02", "db_password=\"canary-03\"", "api_key = canary-04", "API_TOKEN=canary-05",
	"secret: canary-06", "--password=canary-07", "mysql://root:canary-08@db1/shop", "https://u:canary-09@h/", "Authorization: Bearer canary-10",
	"Authorization: Basic canary-11", "{\"password\":\"canary-12\"}", "AKIAIOSFODNN7CANARY1", "ghp_canary14canary14canary14canary14canary",
	"glpat-canary15canary15canary", "xoxb-canary16-canary16", "sk_live_canary17canary17canary", "hvs.canary18canary18canary18",
	"eyJhbGciOiJ.eyJjYW5hcnkx.canary19", "-----BEGIN RSA PRIVATE KEY-----\ncanary-20\n-----END RSA PRIVATE KEY-----",
	"IDENTIFIED BY 'canary-21'", "requirepass=canary-22", "MYSQL_PWD=canary-23", "aws_secret_access_key=canary-24", "cookie: session=canary-25",
	"client_secret=canary-26", "PGPASSWORD=canary-27", "redis://:canary-28@cache", "token=canary-29", "passwd=canary-30",
}

var canary = regexp.MustCompile(`(?i)canary`)

// Thirty secrets in every place where somebody may write: none is in a report.
func TestReportHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range secrets {
		d := night(t, "\n"+secret)
		for language := range languages {
			page := write(t, language, d)
			if at := canary.FindStringIndex(page); at != nil {
				t.Errorf("%s: %s is told: …%s…", language, secret, page[max(0, at[0]-80):at[1]+20])
			}
		}
	}
}

func TestJSONParses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", hostile, "password=\"x\\\"y\"", `\"`, "\\"} {
		var r jsonReport
		if err := json.Unmarshal([]byte(write(t, "json", night(t, text))), &r); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if len(r.Timeline) != 22 || len(r.Commands) != 2 {
			t.Errorf("%d entries, %d commands", len(r.Timeline), len(r.Commands))
		}
	}
}

// BenchmarkReport writes the report of a hundred thousand entries.
func BenchmarkReport(b *testing.B) {
	s := &story{t: &testing.T{}}
	s.add(0, timeline.IncidentOpened, "", timeline.Opened{Title: "x"})
	for n := range 100_000 {
		s.add(time.Duration(n)*time.Second, timeline.NoteAdded, "web1", timeline.Note{Text: fmt.Sprintf("note %d: Ana restarts web2 by hand, again, and looks at it", n)})
	}
	for language := range languages {
		b.Run(language, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := languages[language](io.Discard, s.data(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Those who repair see what is still to be done; a column that says nothing is not
// there, unless its emptiness does.
func TestTechnicalTellsActions(t *testing.T) {
	t.Parallel()
	d := Data{At: t0}
	d.Incident.Technical.Actions = []incident.Action{{Text: "ask the network team", Added: incident.Moment{At: t0}}, {Text: "health checks", Later: true}}
	page := Technical(d)
	if !strings.Contains(page, "ask the network team") || strings.Contains(page, "health checks") {
		t.Errorf("%s", page)
	}
	if !strings.Contains(page, "<th>Action</th><th>Owner</th><th>Done</th><th>Outcome</th>") {
		t.Errorf("%s", page)
	}
}
