package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// body is the lines of the page that can be seen.
func (m model) body() []string {
	switch m.page {
	case pageSteps:
		return m.stepLines()
	case pageTimeline:
		return m.timelineLines()
	case pageFindings:
		return m.findingPage()
	case pageHosts:
		return m.hostPage()
	}
	lines := m.lines()
	from := min(m.scroll[m.page], max(0, len(lines)-m.bodyHeight()))
	return lines[from:]
}

// length is how many lines the page has.
func (m model) length() int {
	if m.page == pageTimeline {
		return len(m.entries)
	}
	return len(m.lines())
}

// lines are all lines of a page that is short. What people wrote is read whole: it goes
// on in the next line.
func (m model) lines() []string {
	switch m.page {
	case pageMoney:
		return m.wrap(m.moneyLines())
	case pageTechnical:
		return m.wrap(m.technicalLines())
	case pageLinks:
		return m.drawn.links
	case pageReach:
		return m.drawn.reach
	}
	return nil
}

// hanging is how far the rest of a line stands to the right of its beginning.
const hanging = 6

// wrap breaks lines that are wider than the terminal, between words where it can.
func (m model) wrap(lines []string) []string {
	var all []string
	for _, line := range lines {
		line = plain.Line(line)
		indent := max(hanging, len(line)-len(strings.TrimLeft(line, " "))+2)
		for runewidth.StringWidth(line) > m.width && m.width > 2*indent {
			first := runewidth.Truncate(line, m.width, "")
			if blank := strings.LastIndexByte(first, ' '); blank > m.width/2 {
				first = first[:blank]
			}
			all = append(all, first)
			line = strings.Repeat(" ", indent) + strings.TrimLeft(line[len(first):], " ")
		}
		all = append(all, line)
	}
	return all
}

// timelineLines are the last entries, or those further up where somebody
// scrolled.
func (m model) timelineLines() []string {
	end := max(0, len(m.entries)-m.scroll[pageTimeline])
	var lines []string
	for _, e := range m.entries[max(0, end-m.bodyHeight()):end] {
		who := e.Actor
		if e.Host != "" {
			who += " " + e.Host
		}
		lines = append(lines, fmt.Sprintf("%s  %s  %s", m.clock(e.At), who, describe(e)))
	}
	return lines
}

// clock is a time of the night; another day's has its date.
func (m model) clock(t time.Time) string {
	t = t.In(m.now.Location())
	if t.Format(time.DateOnly) == m.now.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("01-02 15:04")
}

var marks = map[incident.ItemState]string{incident.ItemOpen: "[ ]", incident.ItemDone: "[x]", incident.ItemSkipped: "[-]"}

// stepLines are the steps with their questions, so scrolled that the cursor is
// seen.
func (m model) stepLines() []string {
	var lines []string
	at, n := 0, 0
	for number, s := range m.at.Steps {
		lines = append(lines, m.stepTitle(number, s))
		for _, item := range s.Items {
			pointer := "  "
			if n == m.cursor[pageSteps] {
				pointer, at = "> ", len(lines)
			}
			lines = append(lines, m.itemLine(pointer, item))
			n++
		}
	}
	return m.around(lines, at+2)
}

// around is so much of the lines that those before the end are seen.
func (m model) around(lines []string, end int) []string {
	return lines[max(0, min(end, len(lines))-m.bodyHeight()):]
}

func (m model) stepTitle(number int, s incident.Step) string {
	settled, all := s.Count()
	title := fmt.Sprintf("%d. %s (%d/%d)", number+1, s.Title, settled, all)
	var first []string
	for _, missing := range m.at.Missing(s.Items[0].ID) {
		first = append(first, missing.ID)
	}
	if len(first) > 0 {
		title += "  first: " + strings.Join(first, ", ")
	}
	return title
}

func (m model) itemLine(pointer string, item incident.Item) string {
	left := pointer + marks[item.State] + " " + item.Question
	if item.State == incident.ItemOpen {
		return left
	}
	right := item.Settled.By + " " + m.clock(item.Settled.At)
	if item.Reason != "" {
		left += " " + item.Reason
	}
	return m.between(left, plain.Line(right))
}

// findingLines is how many lines a finding has.
const findingLines = 2

// finding is the one under the cursor, and false when there is none.
func (m model) finding() (check.MutedFinding, bool) {
	all := m.findings()
	if len(all) == 0 {
		return check.MutedFinding{}, false
	}
	return all[min(m.cursor[pageFindings], len(all)-1)], true
}

// findingPage is the findings, worst first, then those that are muted, so scrolled
// that the one under the cursor is seen.
func (m model) findingPage() []string {
	all := m.findings()
	chosen := min(m.cursor[pageFindings], len(all)-1)
	fit := max(1, (m.bodyHeight()-1)/findingLines) // above the line that tells how much nobody saw
	from := max(0, chosen+1-fit)
	var lines []string
	for n := from; n < len(all) && len(lines) < m.bodyHeight(); n++ {
		pointer := "  "
		if n == chosen {
			pointer = "> "
		}
		first, second := m.findingText(all[n])
		lines = append(lines, pointer+first, "           "+second)
	}
	return append(lines, m.tally())
}

// findingText is a finding in two lines. A muted one tells who muted it and why in
// place of what was seen.
func (m model) findingText(f check.MutedFinding) (first, second string) {
	status := strings.ToUpper(f.Status.String())
	second = f.Summary
	if f.Mute.Finding != "" {
		status = "muted"
		second = "until " + m.clock(f.Mute.Until) + " by " + f.Mute.By + ": " + f.Mute.Reason
	}
	return fmt.Sprintf("%-8s %s: %s", status, place(f.Finding), f.Title), second
}

// place is what a finding is about.
func place(f check.Finding) string { return strings.TrimSpace(f.Host + " " + f.Key) }

func (m model) tally() string {
	t := m.sight.Result.Tally
	text := fmt.Sprintf("%d fine, %d unknown, %d not checked", t.Fine, t.Unknown, t.NotChecked)
	if t.Muted > 0 {
		text += fmt.Sprintf(", %d muted", t.Muted)
	}
	return text
}

// hostPage is the hosts, so scrolled that the one under the cursor is seen.
func (m model) hostPage() []string {
	var lines []string
	chosen := m.chosenHost()
	for n, h := range m.sight.Fleet.Hosts {
		pointer := "  "
		if n == chosen {
			pointer = "> "
		}
		system := strings.TrimSpace(h.Facts.OS.Value.Name + " " + h.Facts.OS.Value.Version)
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s%-11s %-20s %s  %s", pointer, h.Class, h.Name, system, h.Reason), " "))
	}
	if len(lines) == 0 {
		return []string{"No host was looked at yet.  :scan web1 admin@10.0.0.7:2222 10.0.1.0/28"}
	}
	return m.around(lines, chosen+1)
}

// chosenHost is the number of the host under the cursor; below zero when there is none.
func (m model) chosenHost() int {
	return min(m.cursor[pageHosts], len(m.sight.Fleet.Hosts)-1)
}

func (m model) moneyLines() []string {
	lines := []string{"What is lost, as it was stated:"}
	for _, s := range m.at.Business.Curve {
		line := "  from " + m.clock(s.From) + "  " + s.Rate.String()
		if s.SaidBy != "" {
			line += ", said by " + s.SaidBy
		}
		if s.Superseded {
			line += " (corrected by the next)"
		}
		lines = append(lines, line)
	}
	lines = append(lines, "", "What would make it less, best first:")
	horizon := 24 * time.Hour
	if left, known := m.at.Business.Remaining(m.now); known && left > 0 {
		horizon = left
	}
	for _, o := range m.at.Options(m.now, horizon) {
		lines = append(lines, "  "+incident.Ref(o.ID)+"  "+o.Text+": "+optionText(o, horizon))
	}
	for _, x := range m.at.Business.Mitigations {
		if x.State != incident.Proposed {
			lines = append(lines, fmt.Sprintf("  %s  %s: %s", incident.Ref(x.ID), x.Text, x.State))
		}
	}
	return append(lines, "", "  :business mitigation \"what to do\" --saves 80% --takes 15m", "  :business apply REF")
}

// optionText is what a mitigation would bring and ask for.
func optionText(o incident.Option, horizon time.Duration) string {
	text := "takes " + timeline.Span(o.Takes)
	if o.Known {
		text += ", saves " + incident.PartText(o.Part) + ", avoids " + o.Avoided.String() + " in " + timeline.Span(horizon)
	} else {
		text += ", " + o.Rate.String()
	}
	return text + after("; owner ", o.Owner) + after("; risk: ", o.Risk) + after("; reversal: ", o.Reversal)
}

// after is a text behind what introduces it, and nothing without one.
func after(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

func (m model) technicalLines() []string {
	t := m.at.Technical
	lines := []string{"Problem: " + orNot(incident.Last(t.Problems).Text), "Schema:"}
	for l := range strings.Lines(orNot(incident.Last(t.Schemas).Text)) {
		lines = append(lines, "  "+strings.TrimRight(l, "\r\n"))
	}
	for _, r := range t.Roles {
		lines = append(lines, "Role "+r.Role+": "+orNot(r.Name))
	}
	for _, f := range t.Facts {
		lines = append(lines, "Fact: "+f.Text+after("; shown by ", f.Source))
	}
	for _, h := range t.Hypotheses {
		outcome := string(h.Outcome)
		if outcome == "" {
			outcome = "open"
		}
		lines = append(lines, fmt.Sprintf("Hypothesis %s %s: %s", incident.Ref(h.ID), outcome, h.Text)+
			after("; test: ", h.Test)+after("; owner ", h.Owner)+after("; shown by ", h.Evidence))
	}
	for _, d := range t.Decisions {
		lines = append(lines, "Decision: "+d.Text+after("; because ", d.Reason))
	}
	for _, a := range t.Actions {
		what, state := "Action", "open"
		if a.Later {
			what = "Follow-up"
		}
		if !a.Done.At.IsZero() {
			state = "done"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", what, incident.Ref(a.ID), state, a.Text)+after("; owner ", a.Owner))
	}
	return append(lines, "", "  :technical fact TEXT   :technical hypothesis TEXT --test TEST", "  :technical decision TEXT   :technical action TEXT --owner WHO")
}

func orNot(text string) string {
	if text == "" {
		return "nobody said"
	}
	return text
}
