package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// printFindingsPage prints findings for a person at a terminal: worst first,
// each whole, those that say the same of several hosts once; what is unknown for one reason on many hosts in one place; and at
// the end how much was judged at all.
func printFindingsPage(a *app, fleet inventory.Fleet, result check.Result) error {
	p := findingsPage{now: a.now(), colour: a.io.Colour, width: a.io.Width}
	var unknown []check.Finding
	said := map[string]bool{}
	for _, f := range result.Findings {
		if f.Status == check.Unknown {
			unknown = append(unknown, f)
			continue
		}
		if key := sameness(f); !said[key] {
			said[key] = true
			p.finding(f, hostsWith(key, result.Findings)[1:])
		}
	}
	p.unknowns(unknown)
	p.quiet(result.Judgements)
	p.end(fleet, result)
	_, err := fmt.Fprint(a.io.Out, p.text.String())
	return err
}

type findingsPage struct {
	text   strings.Builder
	now    time.Time
	colour bool
	width  int // of the terminal; 0 does not fold lines
}

// line prints one line, folded between words where the terminal ends, each part
// as far in as the first.
func (p *findingsPage) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	column := 0
	for n, word := range strings.Split(text[len(indent):], " ") {
		width := runewidth.StringWidth(word)
		switch {
		case n == 0:
			p.text.WriteString(indent)
			column = len(indent)
		case p.width > 0 && column+1+width > p.width:
			p.text.WriteString("\n" + indent)
			column = len(indent)
		default:
			p.text.WriteString(" ")
			column++
		}
		p.text.WriteString(word)
		column += width
	}
	p.text.WriteString("\n")
}

// sameness is equal for findings that differ only in their host.
func sameness(f check.Finding) string {
	return strings.Join([]string{f.Check, f.Status.String(), f.Key, f.Summary, f.Reason}, "\x00")
}

// hostsWith lists the hosts of the findings with this sameness.
func hostsWith(key string, findings []check.Finding) []string {
	var hosts []string
	for _, f := range findings {
		if f.Status != check.Unknown && sameness(f) == key {
			hosts = append(hosts, f.Host)
		}
	}
	return hosts
}

// finding prints one finding with everything about it, and the hosts of which
// the same is true.
func (p *findingsPage) finding(f check.Finding, also []string) {
	p.line("%s  %s  %s", p.word(f.Status), p.bold(place(f)), f.Title)
	p.line("  %s", f.Summary)
	p.line("  %s", f.Business)
	if len(also) > 0 {
		p.line("  The same on %s.", p.bold(strings.Join(also, ", ")))
	}
	if f.Confidence != check.Certain {
		p.line("  Confidence: %s.", f.Confidence)
	}
	if f.Reason != "" {
		p.line("  Note: %s.", f.Reason)
	}
	for _, e := range f.Evidence {
		p.line("  $ %s", e.Command)
		if e.Output != "" {
			p.line("    %s", e.Output)
		}
	}
	if f.Correction != nil {
		p.line("  A correction is ready, and not applied: nightcall findings show %s", f.ID)
	}
	if len(f.Evidence) > 0 {
		p.line("  %s, check %s, finding %s", p.age(f.Evidence[0].At), f.Check, f.ID)
	}
	p.line("")
}

// place is the host, and the thing on it.
func place(f check.Finding) string {
	if f.Key == "" {
		return f.Host
	}
	return f.Host + " " + f.Key
}

// unknowns prints one block for each check and reason, with its hosts.
func (p *findingsPage) unknowns(findings []check.Finding) {
	type cause struct{ check, title, reason string }
	var order []cause
	hosts := make(map[cause][]string)
	for _, f := range findings {
		c := cause{f.Check, f.Title, f.Reason}
		if hosts[c] == nil {
			order = append(order, c)
		}
		hosts[c] = append(hosts[c], place(f))
	}
	for _, c := range order {
		p.line("%s  %s  %s", p.word(check.Unknown), p.bold(c.check), c.title)
		p.line("  could not be judged: %s", c.reason)
		p.line("  on %s", strings.Join(hosts[c], ", "))
		p.line("")
	}
}

// quiet lists what has no finding, when that was asked for.
func (p *findingsPage) quiet(judgements []check.Judgement) {
	rest := quiet(judgements)
	for _, j := range rest {
		line := fmt.Sprintf("%-11s  %s  %s", strings.ReplaceAll(string(j.Answer), "_", " "), j.Host, j.Check)
		if j.Reason != "" {
			line += "  (" + j.Reason + ")"
		}
		p.line("%s", line)
	}
	if len(rest) > 0 {
		p.line("")
	}
}

// end counts.
func (p *findingsPage) end(fleet inventory.Fleet, result check.Result) {
	counts := make(map[check.Status]int)
	for _, f := range result.Findings {
		counts[f.Status]++
	}
	p.line("%d critical, %d warning, %d unknown on %s.",
		counts[check.Critical], counts[check.Warning], counts[check.Unknown], plural(len(fleet.Hosts), "host"))
	text := tallyText(result.Tally)
	p.line("%s.", text)
}

// age says when something was read.
func (p *findingsPage) age(at time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	return fmt.Sprintf("read %s ago, at %s", durationText(p.now.Sub(at)), at.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// word is the status in capitals, coloured where the terminal shows colour.
func (p *findingsPage) word(s check.Status) string {
	colours := map[check.Status]string{check.Critical: "31", check.Warning: "33", check.Unknown: "36"}
	return p.paint(colours[s], strings.ToUpper(s.String()))
}

func (p *findingsPage) bold(text string) string { return p.paint("1", text) }

func (p *findingsPage) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
