package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Style is the style sheet of the fragments.
const Style = style

// Bounds of what a page shows that is sent again with every news.
const (
	maxBoardFindings = 60
	maxBoardEntries  = 100
	maxBoardRuns     = 20
)

// Glance is what nobody should have to ask, as HTML: what it is, how long it
// lasts, what was lost, what is lost now, when there is news. It changes by the
// second.
func Glance(d Data) string {
	i := d.Incident
	age := "since " + timeline.Span(d.At.Sub(i.Opened.At))
	if i.State == incident.Closed {
		age = "closed after " + timeline.Span(i.Closed.At.Sub(i.Opened.At))
	}
	lost, now := Lost(i.Lost(d.At)), ""
	if rate, known := i.Rate(d.At); known {
		now = rate.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<h1>%s</h1>\n<p>%s</p>\n", text(i.Title), text(age))
	if lost != "" {
		fmt.Fprintf(&b, "<p class=\"lost\">%s lost</p>\n<p>now %s</p>\n", text(lost), text(orNobody(now)))
	}
	if !i.Technical.Stopped.Stated.At.IsZero() {
		b.WriteString("<p class=\"stop\">STOP: nobody changes anything</p>\n")
	}
	if due, known := i.NextUpdate(); known {
		fmt.Fprintf(&b, "<p>%s</p>\n", text(dueText(due.Sub(d.At))))
	}
	return b.String()
}

func dueText(left time.Duration) string {
	if left < 0 {
		return "update overdue since " + timeline.Span(-left)
	}
	return "next update in " + timeline.Span(left)
}

// Executive is the view of those who pay, as HTML. Of itself it names no person
// and no host.
func Executive(d Data) string {
	p := executive(d)
	p.title = "Where we stand"
	p.blocks = p.blocks[:len(p.blocks)-1] // who wrote it when: the page is of now
	p.blocks[0] = uncounted(p.blocks[0].(pairs))
	steps := part{title: "Steps"}
	var items []string
	for _, s := range d.Incident.Steps {
		settled, all := s.Count()
		items = append(items, fmt.Sprintf("%s: %d of %d", s.Title, settled, all))
	}
	steps.list(items)
	return fragment(p, steps)
}

// uncounted leaves out what the glance counts on by the second: the page below
// must not say less.
func uncounted(p pairs) pairs {
	return pairs{slices.DeleteFunc(p.rows, func(r [2]string) bool {
		return r[0] == rowState || r[0] == rowCost || r[0] == rowRate
	})}
}

// Technical is the view of those who repair, as HTML: everything, with evidence.
func Technical(d Data) string {
	shown := d
	shown.Findings.Findings = nil
	for _, f := range d.Findings.Findings {
		if f.Status != check.Unknown && len(shown.Findings.Findings) < maxBoardFindings {
			shown.Findings.Findings = append(shown.Findings.Findings, f)
		}
	}
	found := discoveries(shown)
	if more := d.Findings.Tally.Found - len(shown.Findings.Findings); len(shown.Findings.Findings) == maxBoardFindings && more > 0 {
		found.para("And more: nightcall findings.")
	}
	shown.Entries = newest(d.Entries)
	last := course(shown)
	last.title = "Last entries"
	said := technical(d)
	said.heading("Actions")
	said.actions(d)
	return fragment(said, questions(d), last, business(d), found, architecture(d), runs(d), coverage(d))
}

// runs are what was asked of hosts and done to them last, the latest first.
func runs(d Data) part {
	p := part{title: "Scans and commands"}
	if s := d.Incident.LastScan; !s.Started.At.IsZero() {
		p.para(scanText(s, d))
	}
	ran := commands(d.Entries)
	slices.Reverse(ran)
	var rows [][]string
	for _, c := range ran[:min(len(ran), maxBoardRuns)] {
		rows = append(rows, []string{moment(c.started, d.At), c.host, c.title(), c.line, c.end(), c.by})
	}
	p.rowsOr("No command was run through this program.", []string{whenColumn, "Host", "", "Command", "Result", "By"}, rows)
	return p
}

func scanText(s incident.Scan, d Data) string {
	text := fmt.Sprintf("The last scan began at %s, of %s", moment(s.Started.At, d.At), countOf(s.Targets, "host", "hosts"))
	if s.Ended.IsZero() {
		return text + "; its end was not written yet."
	}
	return fmt.Sprintf("%s, and ended after %s%s.", text, timeline.Span(s.Ended.Sub(s.Started.At)), because(s.Stopped))
}

// PictureName is where the picture of a board's page is, beside the page. It is
// not in the page, which is sent again with every news.
const PictureName = "picture.svg"

// pictureLink changes with the picture.
func pictureLink(p Picture) string {
	sum := sha256.Sum256(p.SVG)
	return PictureName + "?" + hex.EncodeToString(sum[:8])
}

// newest are the last entries, the latest first.
func newest(entries []timeline.Entry) []timeline.Entry {
	var last []timeline.Entry
	for n := len(entries) - 1; n >= 0 && len(last) < maxBoardEntries; n-- {
		last = append(last, entries[n])
	}
	return last
}

// questions is the checklist.
func questions(d Data) part {
	p := part{title: "Steps"}
	var rows [][]string
	for _, s := range d.Incident.Steps {
		for _, item := range s.Items {
			rows = append(rows, []string{s.Title, string(item.State), item.Question, item.Settled.By, moment(item.Settled.At, d.At), item.Reason})
		}
	}
	p.rowsOr("None.", []string{"Step", "State", "Question", "By", whenColumn, "Reason"}, rows)
	return p
}

// fragment is parts as HTML, for a place within a page, below links to each.
func fragment(parts ...part) string {
	var b strings.Builder
	h := &htmlWriter{w: bufio.NewWriter(&b), linked: true}
	h.printf("<nav>\n")
	for n, p := range parts {
		h.printf("<a href=\"#part%d\">%s</a>\n", n+1, text(p.title))
	}
	h.printf("</nav>\n")
	for n, p := range parts {
		h.printf("<section id=\"part%d\">\n", n+1)
		h.part(p)
	}
	_ = h.w.Flush() // into memory
	return b.String()
}
