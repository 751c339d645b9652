package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// The map is narrowed to some hosts on both of its pages, and shown whole again.
func TestMapIsNarrowed(t *testing.T) {
	t.Parallel()
	m := press(open(t, night(t), 120, 40), "7")
	shows := func(want bool, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if strings.Contains(m.frame(), text) != want {
				t.Errorf("%q is shown: %v\n%s", text, !want, m.frame())
			}
		}
	}
	shows(true, "web1", `web2\x1b[2J`, "MySQL", "1 warning; they stand below", "Several hosts depend on one")
	m = press(m, "/", "WEB1", "enter")
	shows(true, `Only hosts with "WEB1"`, "web1", "Several hosts depend on one")
	shows(false, "web2\\x1b[2J  10.0.0.2")
	m = press(m, "8")
	shows(true, `Only hosts with "WEB1"`, "2 connections that hosts need: 1 fail, 0 not tested, 1 reached", "web1 to 10.0.9.9:6379: timeout, 04:32:00")
	shows(false, "web2")
	m = press(m, "/", "backspace", "backspace", "backspace", "backspace", "nobody", "enter")
	shows(true, "No host is known to need another")
	m = press(m, "esc")
	shows(true, "web2", "no answer")
	shows(false, "Only hosts")
}

// An older drawing than the last that was asked for is not shown: it is of another
// width, or of other hosts.
func TestLastDrawingCounts(t *testing.T) {
	t.Parallel()
	m := open(t, night(t), 80, 24)
	m, first := m.redraw()
	m.about = "nobody"
	m, second := m.redraw()
	m = step(step(m, second()), first())
	if frame := press(m, "7").frame(); !strings.Contains(frame, "No such host") {
		t.Error(frame)
	}
}

// What a scan or a test changed is drawn without anybody asking for it.
func TestMapIsDrawnAnew(t *testing.T) {
	t.Parallel()
	d := night(t)
	m := press(open(t, d, 80, 24), "8")
	if frame := m.frame(); strings.Contains(frame, "refused") {
		t.Fatal(frame)
	}
	d.links.Apply([]link.Test{{From: "web1", To: "db1", Port: 3306, Outcome: "refused", At: t0.Add(time.Hour)}})
	m = step(m, m.readFleet()())
	if frame := m.frame(); !strings.Contains(frame, "web1 to db1:3306: refused, 05:30:00") {
		t.Error(frame)
	}
}

// The matrix is never wider than the terminal as long as one column fits; whatever is
// long is told apart by its end, and nothing is left out.
func TestMatrix(t *testing.T) {
	t.Parallel()
	var all []link.Reach
	for client := range 12 {
		for service := range 9 {
			r := link.Reach{Door: link.Door{From: fmt.Sprintf("application-server-of-the-shop-%02d", client), To: fmt.Sprintf("10.0.0.%d", service), Port: 3306}, Outcome: "open"}
			if client == 7 && service == 5 {
				r.Outcome = "timeout"
			}
			if client == service {
				r.Outcome = ""
			}
			all = append(all, r)
		}
	}
	for _, width := range []int{60, 80, 200} {
		lines := matrix(all, width)
		text := strings.Join(lines, "\n")
		if strings.Count(text, "open") != 12*9-10 || strings.Count(text, "?") != 9 || strings.Count(text, "timeout") != 1 {
			t.Errorf("%d columns:\n%s", width, text)
		}
		for _, line := range lines {
			if runewidth.StringWidth(line) > width {
				t.Errorf("%d columns: %q", width, line)
			}
		}
		if !strings.HasPrefix(strings.TrimSpace(lines[1]), "10.0.0.5:3306") || !strings.HasPrefix(lines[2], "…ication-server-of-the-shop-07") {
			t.Errorf("what fails comes first:\n%s", text)
		}
	}
}

// Help is read whole on any terminal.
func TestHelpScrolls(t *testing.T) {
	t.Parallel()
	m := press(open(t, night(t), 40, 12), "?")
	seen := m.frame()
	for range 40 {
		m = press(m, "down")
		seen += m.frame()
	}
	for _, line := range m.wrap(helpLines) {
		if !strings.Contains(seen, line) {
			t.Errorf("%q is never seen", line)
		}
	}
	if m = press(m, "x"); m.help {
		t.Error("it stays")
	}
}
