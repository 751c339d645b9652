package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// The lines above and below the body. The advice has a line of its own where it does
// not fit beside the news and there are lines to spare.
const (
	headLines  = 5
	footLines  = 2
	spareLines = 20
)

func (m model) bodyHeight() int {
	n := m.height - headLines - footLines
	if _, apart := m.advice(); apart != "" {
		n--
	}
	return max(1, n)
}

// View draws the frame.
func (m model) View() tea.View {
	v := tea.NewView(m.frame())
	v.AltScreen = true
	return v
}

// frame is exactly as many lines as the terminal has, none wider than it.
func (m model) frame() string {
	lines := m.head()
	body := m.body()
	if m.help {
		body = helpLines
	}
	for n := range m.bodyHeight() {
		if n < len(body) {
			lines = append(lines, body[n])
		} else {
			lines = append(lines, "")
		}
	}
	lines = append(lines, m.foot()...)
	for n, line := range lines {
		lines[n] = m.fit(line)
	}
	return strings.Join(lines[:min(len(lines), max(1, m.height))], "\n")
}

// fit makes a line one that no terminal obeys and that is not wider than this
// one.
func (m model) fit(line string) string {
	line = plain.Line(line)
	if runewidth.StringWidth(line) <= m.width {
		return line
	}
	return runewidth.Truncate(line, m.width, "…")
}

// head tells what nobody should have to ask.
func (m model) head() []string {
	title := m.room.Title()
	if !m.read {
		return []string{title, "reading the timeline…", "", m.tabs(), m.rule()}
	}
	news, apart := m.advice()
	lines := []string{m.between(title, m.age()), m.cost(), news}
	if apart != "" {
		lines = append(lines, apart)
	}
	return append(lines, m.tabs(), m.rule())
}

// between puts one text at the left end and one at the right; the left one gives
// way.
func (m model) between(left, right string) string {
	room := m.width - runewidth.StringWidth(right) - 2
	if room < 1 {
		return right
	}
	left = runewidth.Truncate(plain.Line(left), room, "…")
	return runewidth.FillRight(left, room) + "  " + right
}

func (m model) age() string {
	if m.at.State == incident.Closed {
		return "closed after " + timeline.Span(m.at.Closed.At.Sub(m.at.Opened.At))
	}
	return "since " + timeline.Span(m.now.Sub(m.at.Opened.At))
}

// cost is what was lost so far, and what is lost now. Ranges give way to a narrow
// terminal.
func (m model) cost() string {
	lost := m.at.Lost(m.now)
	if len(lost) == 0 {
		return "LOST: nobody said yet what is lost (step 1)"
	}
	rate, known := m.at.Rate(m.now)
	text := costText(lost, rate, known)
	if runewidth.StringWidth(text) <= m.width {
		return text
	}
	for n := range lost {
		lost[n] = likely(lost[n])
	}
	rate.Amount = likely(rate.Amount)
	return costText(lost, rate, known)
}

// likely is an amount without its range.
func likely(a money.Amount) money.Amount {
	a.Low, a.High = a.Likely, a.Likely
	return a
}

func costText(lost []money.Amount, rate money.Rate, known bool) string {
	var parts []string
	for _, a := range lost {
		parts = append(parts, a.String())
	}
	text := "LOST " + strings.Join(parts, " and ")
	if known {
		text += "   NOW " + rate.String()
	}
	return text
}

// news is what cannot wait: the line is stopped, an update is due.
func (m model) news() string {
	if m.stopped() {
		stop := m.at.Technical.Stopped
		return "STOP by " + stop.Stated.By + ": nothing is changed and nothing begins. " + stop.Text + " (! lets it go on)"
	}
	due, known := m.at.NextUpdate()
	if !known {
		return ""
	}
	if left := due.Sub(m.now); left >= 0 {
		return "next update in " + timeline.Span(left)
	}
	return "UPDATE OVERDUE since " + timeline.Span(m.now.Sub(due))
}

// advice is the news, with whether a mitigation would be quicker than the diagnosis:
// beside them, or as a line apart where it does not fit there. Its ranges and names
// give way to a narrow terminal.
func (m model) advice() (news, apart string) {
	news = m.news()
	advice, given := m.at.Advice(m.now)
	if !given || m.stopped() {
		return news, ""
	}
	for _, text := range []string{advice.Text(), advice.Brief()} {
		beside := strings.TrimSpace(news + "   " + text)
		switch {
		case runewidth.StringWidth(beside) <= m.width:
			return beside, ""
		case m.height >= spareLines && runewidth.StringWidth(text) <= m.width:
			return news, text
		}
	}
	if m.height >= spareLines {
		return news, advice.Brief()
	}
	return strings.TrimSpace(news + "   " + advice.Brief()), ""
}

// tabs are the pages: with less space between them, or with the name of this one only,
// where they do not fit.
func (m model) tabs() string {
	var all, short []string
	for n, name := range pageNames {
		tab, number := fmt.Sprintf("%d %s", n+1, name), fmt.Sprint(n+1)
		if page(n) == m.page {
			tab = "[" + tab + "]"
			number = tab
		}
		all, short = append(all, tab), append(short, number)
	}
	for _, gap := range []string{"  ", " "} {
		if text := strings.Join(all, gap); runewidth.StringWidth(text) <= m.width {
			return text
		}
	}
	return strings.Join(short, " ")
}

func (m model) rule() string { return strings.Repeat("-", m.width) }

// foot is what is asked or was said, and which keys there are.
func (m model) foot() []string {
	if m.prompt == nil {
		return []string{m.status, m.keys()}
	}
	line := m.prompt.label + "> " + plain.Line(m.prompt.text) + "_"
	if over := runewidth.StringWidth(line) - m.width; over > 0 {
		line = "…" + runewidth.TruncateLeft(line, over+1, "") // where people type is always seen
	}
	return []string{line, "enter does it  esc leaves it"}
}

// keys are those that there are; where there is no room for all, those of the page
// and the one that tells the others.
func (m model) keys() string {
	own := m.pageKeys()
	if all := "n note  : command  ! stop  1-6 page  ? keys  q quit" + own; runewidth.StringWidth(all) <= m.width {
		return all
	}
	return strings.TrimLeft(own+"  ? keys  q quit", " ")
}

// pageKeys are the keys that this page has beside the others.
func (m model) pageKeys() string {
	switch m.page {
	case pageSteps:
		return "   enter answer  space tick"
	case pageFindings:
		switch f, found := m.finding(); {
		case !found:
			return ""
		case f.Mute.Finding != "":
			return "   enter whole  u unmute"
		}
		return "   enter whole  m mute"
	}
	return ""
}

var helpLines = []string{
	"n        note: type it, enter writes it into the timeline",
	"!        stop all that runs on hosts; again lets it go on",
	":        any command: scan web1, diagram, reach, links …",
	"1 to 6   the pages; tab for the next one",
	"up down  move; pgup pgdown home end too; also k j g G",
	"Steps    enter  answer the question",
	"         space  tick it, or open it again",
	"         s      skip it, with a reason",
	"         r      open it again",
	"Findings enter  show it whole, with its evidence",
	"         m      mute it, with a reason and an end",
	"         u      show a muted one again",
	"q        leave; everything is written down already",
	"",
	"Each is also a command: nightcall note, stop, step, findings",
}

// body is the lines of the page that can be seen.
func (m model) body() []string {
	switch m.page {
	case pageSteps:
		return m.stepLines()
	case pageTimeline:
		return m.timelineLines()
	case pageFindings:
		return m.findingPage()
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
	case pageHosts:
		return m.hostLines()
	case pageMoney:
		return m.wrap(m.moneyLines())
	case pageTechnical:
		return m.wrap(m.technicalLines())
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
		for runewidth.StringWidth(line) > m.width && m.width > 2*hanging {
			first := runewidth.Truncate(line, m.width, "")
			if blank := strings.LastIndexByte(first, ' '); blank > m.width/2 {
				first = first[:blank]
			}
			all = append(all, first)
			line = strings.Repeat(" ", hanging) + strings.TrimLeft(line[len(first):], " ")
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
	t := m.result.Tally
	text := fmt.Sprintf("%d fine, %d unknown, %d not checked", t.Fine, t.Unknown, t.NotChecked)
	if t.Muted > 0 {
		text += fmt.Sprintf(", %d muted", t.Muted)
	}
	return text
}

func (m model) hostLines() []string {
	lines := []string{}
	for _, h := range m.fleet.Hosts {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-11s %-20s %s %s  %s",
			h.Class, h.Name, h.Facts.OS.Value.Name, h.Facts.OS.Value.Version, h.Reason), " "))
	}
	if len(lines) == 0 {
		return append(lines, "No host was looked at yet.  :scan web1 admin@10.0.0.7:2222 10.0.1.0/28")
	}
	return append(lines, "", "  :scan --retry-failed   :diagram   :reach   :host show NAME")
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
