package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// press takes a key while nothing is asked.
func (m model) press(key string) (tea.Model, tea.Cmd) {
	m.status = ""
	if m.help {
		m.readHelp(key)
		return m, nil
	}
	if len(key) == 1 && key[0] >= '1' && key[0] < '1'+byte(pages) {
		return m.turn(page(key[0] - '1'))
	}
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "?":
		m.help, m.helpAt = true, 0
	case "n":
		m.prompt = ask("note", "note")
	case ":":
		m.prompt = askCommand("")
	case "!":
		return m.line()
	case "tab", "right", "l":
		return m.turn((m.page + 1) % pages)
	case "shift+tab", "left", "h":
		return m.turn((m.page + pages - 1) % pages)
	default:
		return m.pressPage(key)
	}
	return m, nil
}

// pressPage takes a key of this page's own.
func (m model) pressPage(key string) (tea.Model, tea.Cmd) {
	if begin := begins[m.page]; begin.line != "" && key == "enter" {
		m.prompt = askCommand(begin.line)
		return m, nil
	}
	switch m.page {
	case pageSteps:
		return m.pressItem(key)
	case pageFindings:
		return m.pressFinding(key)
	case pageHosts:
		return m.pressHost(key)
	case pageLinks, pageReach:
		return m.pressMap(key)
	}
	m.move(key)
	return m, nil
}

// begins are the command lines that enter begins, and what they do.
var begins = map[page]struct{ line, does string }{
	pageMoney:     {"business mitigation ", "mitigation"},
	pageTechnical: {"technical hypothesis ", "hypothesis"},
	pageLinks:     {"diagram -o arch.svg", "draw"},
	pageReach:     {"reach ", "test"},
}

// readHelp scrolls the help; every other key leaves it.
func (m *model) readHelp(key string) {
	by, known := moves[key]
	m.help = known
	most := len(m.wrap(helpLines)) - m.bodyHeight()
	m.helpAt = max(0, min(most, m.helpAt+by.lines+by.bodies*m.bodyHeight()))
}

// turn shows another page.
func (m model) turn(to page) (tea.Model, tea.Cmd) {
	m.page = to
	return m, nil
}

// line stops the line, or lets it go on: everybody may, and nobody loses a
// second over it.
func (m model) line() (tea.Model, tea.Cmd) {
	if m.stopped() {
		return m, m.do("stop", "--lift")
	}
	return m, m.do("stop")
}

func (m model) stopped() bool { return !m.at.Technical.Stopped.Stated.At.IsZero() }

// moves are how far each key goes, in lines; pages are counted in bodies.
var moves = map[string]struct{ lines, bodies int }{
	"up": {-1, 0}, "k": {-1, 0}, "down": {1, 0}, "j": {1, 0},
	"pgup": {0, -1}, "pgdown": {0, 1}, "space": {0, 1}, "home": {0, -1 << 20}, "g": {0, -1 << 20}, "end": {0, 1 << 20}, "G": {0, 1 << 20},
}

// move scrolls the page. The timeline hangs at its end, where news comes.
func (m *model) move(key string) {
	by, known := moves[key]
	if !known {
		return
	}
	lines := by.lines + by.bodies*m.bodyHeight()
	if m.page == pageTimeline {
		lines = -lines
	}
	most := max(0, m.length()-m.bodyHeight())
	m.scroll[m.page] = min(most, max(0, m.scroll[m.page]+lines))
}

// point moves the cursor of a page with so many items, each of so many lines.
func (m *model) point(key string, items, lines int) {
	by := moves[key]
	to := min(m.cursor[m.page], items-1) + by.lines + by.bodies*max(1, m.bodyHeight()/lines)
	m.cursor[m.page] = max(0, min(to, items-1))
}

// pressFinding takes a key on the findings.
func (m model) pressFinding(key string) (tea.Model, tea.Cmd) {
	f, found := m.finding()
	if !found {
		return m, nil
	}
	switch key {
	case "enter":
		return m, m.takeover("findings", "show", f.ID)
	case "m":
		m.prompt = askMute(f.Finding)
	case "u":
		return m, m.do("findings", "unmute", f.ID)
	default:
		m.point(key, len(m.findings()), findingLines)
	}
	return m, nil
}

// pressHost takes a key on the hosts.
func (m model) pressHost(key string) (tea.Model, tea.Cmd) {
	chosen := m.chosenHost()
	switch {
	case key == "s":
		m.prompt = askCommand("scan ")
	case chosen < 0:
	case key == "enter":
		return m, m.takeover("host", "show", m.sight.Fleet.Hosts[chosen].Name)
	case key == "t":
		m.prompt = askCommand("scan --retry-failed")
	default:
		m.point(key, len(m.sight.Fleet.Hosts), 1)
	}
	return m, nil
}

// askMute asks why nobody needs to read a finding, then until when.
func askMute(f check.Finding) *prompt {
	return askFlag("mute "+place(f)+", because", []string{"findings", "mute", f.ID}, "--reason").
		and(askFlag("until, such as 8h, 3d or 2026-03-06", nil, "--until"), "8h")
}

// pressItem takes a key on the checklist.
func (m model) pressItem(key string) (tea.Model, tea.Cmd) {
	items := m.items()
	if len(items) == 0 {
		return m, nil
	}
	item := items[m.cursor[pageSteps]]
	switch key {
	case "space", "x":
		if item.State == incident.ItemDone {
			return m, m.do("step", "reopen", item.ID)
		}
		return m, m.do("step", "tick", item.ID)
	case "r":
		return m, m.do("step", "reopen", item.ID)
	case "s":
		m.prompt = askFlag("skip "+item.ID+", because", []string{"step", "skip", item.ID}, "--reason")
	case "enter":
		m.prompt = answer(item)
	default:
		m.point(key, len(items), 1)
	}
	return m, nil
}

// answer asks for what answers the question.
func answer(item incident.Item) *prompt {
	switch item.ID {
	case "business.loss":
		return ask("loss, such as USD 1M/day", "business", "loss")
	case "business.less":
		return ask("what would make you lose less", "business", "mitigation").
			and(askFlag("how much of the loss it saves", nil, "--saves"), "80%").
			and(askFlag("how long until it is in place", nil, "--takes"), "15m")
	case "business.diagnosis":
		return ask("how long, such as 3h", "business", "diagnosis")
	case "business.decider":
		return ask("who decides for the business", "technical", "role", "business")
	case "technical.problem":
		return ask("what is wrong, for whom, since when", "technical", "problem")
	case "technical.schema":
		return ask("schema, such as lb -> web1, web2 -> db1", "technical", "schema")
	case "technical.changed":
		return ask("what changed before it began", "technical", "fact")
	case "inventory.scan":
		return askCommand("scan ")
	case "solution.cause":
		return ask("which hypothesis, by its four letters (page 6)", "technical", "outcome").and(ask("confirmed, refuted or unclear"), "confirmed")
	case "solution.decided":
		return ask("what is done, and how is it taken back", "technical", "decision")
	case "solution.left":
		return ask("what stays in place or is left to do", "technical", "action", "--later")
	case "technical.lead":
		return ask("who leads", "technical", "role", "lead")
	case "monitoring.working":
		return ask("is monitoring working, yes or no", "technical", "monitoring")
	}
	if strings.HasPrefix(item.How, "step tick") {
		return ask("ticked, because (may be empty)", "step", "tick", item.ID).optional("--reason")
	}
	return askCommand(beforeComma(item.How))
}

// beforeComma is the first of the commands that answer a question.
func beforeComma(how string) string {
	first, _, _ := strings.Cut(how, ", then")
	return first
}

// describe is the entry in words.
func describe(e timeline.Entry) string { return timeline.Describe(e) }
