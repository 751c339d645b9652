package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/mattn/go-runewidth"

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
	if m.prompt != nil && m.height > headLines+footLines {
		_, x, y := m.asking()
		v.Cursor = tea.NewCursor(x, m.height-footLines+y)
	}
	return v
}

// frame is exactly as many lines as the terminal has, none wider than it.
func (m model) frame() string {
	lines := m.head()
	body := m.body()
	if m.help {
		body = m.wrap(helpLines)
		body = body[min(m.helpAt, max(0, len(body)-m.bodyHeight())):]
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
		return "STOP by " + stop.Stated.By + " (! lets it go on): nothing is changed and nothing begins. " + stop.Text
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
	switch {
	case m.help:
		return []string{"", "up down read on  any other key goes back"}
	case m.prompt == nil:
		return []string{m.status, m.keys()}
	}
	lines, _, _ := m.asking()
	return lines
}

// asking is the foot while something is asked, with the column and the line of it
// where people type. A long question has a line of its own.
func (m model) asking() (lines []string, x, y int) {
	label, keys := plain.Line(m.prompt.label)+"> ", "enter does it  esc leaves it"
	if runewidth.StringWidth(label) <= m.width/2 {
		x = runewidth.StringWidth(label)
		line, column := m.prompt.shown(m.width - x)
		return []string{label + line, keys}, min(x+column, m.width-1), 0
	}
	line, column := m.prompt.shown(m.width - 2)
	return []string{plain.Line(m.prompt.label) + ":", "> " + line}, min(2+column, m.width-1), 1
}

// keys are those that there are; where there is no room for all, those of the page
// and the one that tells the others.
func (m model) keys() string {
	own := m.pageKeys()
	if all := "n note  : command  ! stop  1-8 page  ? keys  q quit" + own; runewidth.StringWidth(all) <= m.width {
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
	case pageHosts:
		if m.chosenHost() < 0 {
			return "   s scan"
		}
		return "   enter show  s scan"
	case pageLinks, pageReach:
		return "   / filter  enter " + begins[m.page].does
	}
	if begin := begins[m.page]; begin.does != "" {
		return "   enter " + begin.does
	}
	return ""
}

var helpLines = []string{
	"n        note: type it, enter writes it into the timeline",
	"!        stop all that runs on hosts; again lets it go on",
	":        any command: look web1, ssh web1 …; up brings earlier ones",
	"1 to 8   the pages; tab for the next one",
	"up down  move; pgup pgdown home end too; also k j g G",
	"Steps    enter  answer the question",
	"         space  tick it, or open it again",
	"         s      skip it, with a reason; r opens it again",
	"Findings enter  show it whole, with its evidence",
	"         m      mute it, with a reason and an end",
	"         u      show a muted one again",
	"Hosts    enter  show it; s scans more, t those that failed",
	"Links    /      only hosts with this in their names; Reach too",
	"others   enter  begin the command of the page",
	"q        leave; everything is written down already",
	"Each is also a command: nightcall note, stop, step, findings",
}
