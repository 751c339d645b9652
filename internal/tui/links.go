package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A drawing is the two pages of the map, as lines of the terminal's width: who talks to
// whom, and who reaches whom. It is made beside the screen.
type drawing struct {
	number       int // of those that were asked for
	links, reach []string
}

// redraw makes both pages anew. Of several that are under way, the last counts.
func (m model) redraw() (model, tea.Cmd) {
	m.drawings++
	return m, func() tea.Msg {
		groups := m.sight.Map.Groups()
		part, reach := m.sight.Map, m.sight.Map.Reach(groups)
		if m.about != "" {
			part = part.About(m.wanted)
			reach = slices.DeleteFunc(reach, func(r link.Reach) bool { return !m.wanted(r.From) && !m.wanted(r.To) })
		}
		return drawing{m.drawings, m.wrap(m.linkLines(part)), m.wrap(m.reachLines(reach))}
	}
}

// wanted holds for the names of hosts that the map is narrowed to.
func (m model) wanted(name string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(m.about))
}

// pressMap takes a key on the pages of the map.
func (m model) pressMap(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "/":
		m.prompt = askFilter(m.about)
	case "esc":
		return m.only("")
	default:
		m.move(key)
	}
	return m, nil
}

// only narrows the map to the hosts with a text in their names.
func (m model) only(about string) (tea.Model, tea.Cmd) {
	m.about, m.scroll[pageLinks], m.scroll[pageReach] = about, 0, 0
	return m.redraw()
}

// narrowed tells that not all is shown.
func (m model) narrowed() []string {
	if m.about == "" {
		return nil
	}
	return []string{fmt.Sprintf("Only hosts with %q in their names; esc shows all.", m.about), ""}
}

// linkLines are who talks to whom, then what was found about it.
func (m model) linkLines(part link.Map) []string {
	lines := m.narrowed()
	if len(part.Hosts)+len(part.Links) == 0 {
		return append(lines, "No such host is known yet.  :scan web1 web2   :link add web1 db1:3306")
	}
	found := check.OnLinks(m.sight.Result.Findings, part)
	if len(found) > 0 {
		lines = append(lines, "Found about links: "+statuses(found)+"; they stand below the picture.", "")
	}
	for line := range strings.Lines(m.room.Draw(m.sight, part)) {
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	for _, f := range found {
		first, second := m.findingText(check.MutedFinding{Finding: f})
		lines = append(lines, "", first, "  "+second)
	}
	return append(lines, "", "  :diagram -o arch.svg   :link add web1 db1:3306   :links")
}

// statuses counts findings by how bad they are.
func statuses(found []check.Finding) string {
	count := map[check.Status]int{}
	for _, f := range found {
		count[f.Status]++
	}
	var parts []string
	for _, status := range []check.Status{check.Critical, check.Warning, check.Unknown} {
		if n := count[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	return strings.Join(parts, ", ")
}

// reachLines are the connections that hosts need: what fails, then all of them by
// client and service.
func (m model) reachLines(all []link.Reach) []string {
	lines := m.narrowed()
	if len(all) == 0 {
		return append(lines, "No host is known to need another yet.  :scan web1 web2   :reach --from web1 --to db1:3306")
	}
	fails, unknown := 0, 0
	for _, r := range all {
		if r.Fails() {
			fails++
		}
		if r.Outcome == "" {
			unknown++
		}
	}
	lines = append(lines, fmt.Sprintf("%d connections that hosts need: %d fail, %d not tested, %d reached.", len(all), fails, unknown, len(all)-fails-unknown))
	for _, r := range all {
		if r.Fails() {
			lines = append(lines, fmt.Sprintf("  %s to %s: %s, %s", r.From, service(r), r.Outcome, m.clock(r.At)))
		}
	}
	lines = append(lines, matrix(all, m.width)...)
	return append(lines, "", "seen: connected when it was looked at   ?: not tested   blank: not needed", "  :reach   :reach --again   :reach --last")
}

func service(r link.Reach) string { return fmt.Sprintf("%s:%d", r.To, r.Port) }

// Columns of the matrix: the names of clients, and what came out at each service.
const (
	maxName    = 30
	minOutcome = len("no answer")
)

// matrix has a row for each client and a column for each service, those that fail
// first; what does not fit beside the others stands below them.
func matrix(all []link.Reach, width int) []string {
	cells := map[[2]string]link.Reach{}
	fails := map[string]bool{}
	var clients, services []string
	for _, r := range all {
		cells[[2]string{r.From, service(r)}] = r
		clients, services = append(clients, r.From), append(services, service(r))
		if r.Fails() {
			fails[r.From], fails[service(r)] = true, true
		}
	}
	clients, services = ordered(clients, fails), ordered(services, fails)
	first := 0
	for _, client := range clients {
		first = max(first, runewidth.StringWidth(short(client)))
	}
	var lines []string
	for len(services) > 0 {
		head, n := strings.Repeat(" ", first), 0
		for n < len(services) {
			column := "  " + runewidth.FillRight(short(services[n]), minOutcome)
			if n > 0 && runewidth.StringWidth(head+column) > width {
				break
			}
			head += column
			n++
		}
		lines = append(lines, "", strings.TrimRight(head, " "))
		for _, client := range clients {
			if row := matrixRow(cells, client, services[:n]); row != "" {
				lines = append(lines, runewidth.FillRight(short(client), first)+row)
			}
		}
		services = services[n:]
	}
	return lines
}

// matrixRow is what came out at some services, and nothing when the client needs none
// of them.
func matrixRow(cells map[[2]string]link.Reach, client string, services []string) string {
	row := ""
	for _, s := range services {
		outcome := ""
		if r, needed := cells[[2]string{client, s}]; needed {
			outcome = cmp.Or(r.Outcome, "?")
		}
		row += "  " + runewidth.FillRight(outcome, max(minOutcome, runewidth.StringWidth(short(s))))
	}
	return strings.TrimRight(row, " ")
}

// short is a name in a column: the end of a long one, which tells it from its like.
func short(name string) string {
	name = plain.Line(name)
	if over := runewidth.StringWidth(name) - maxName; over > 0 {
		return "…" + runewidth.TruncateLeft(name, over+1, "")
	}
	return name
}

// ordered are names once each, those that fail first.
func ordered(names []string, fails map[string]bool) []string {
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case fails[a] == fails[b]:
			return strings.Compare(a, b)
		case fails[a]:
			return -1
		}
		return 1
	})
	return slices.Compact(names)
}
