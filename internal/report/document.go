package report

import (
	"iter"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A document is what a report says, whatever language it is written in.
type document struct {
	title string
	parts []part
}

// A part is a page or a chapter. The first is for those who pay.
type part struct {
	title  string
	blocks []block
}

// A block is a piece of a part. Its texts are as they came: writers mask and
// escape them.
type block interface{ isBlock() }

type (
	heading struct{ text string }
	para    struct{ text string }
	code    struct{ text string } // as it is, line by line
	list    struct{ items []string }

	// pairs are names and what they are.
	pairs struct{ rows [][2]string }

	// A table has rows of as many cells as its head. Long ones are not held in
	// memory.
	table struct {
		head []string
		rows iter.Seq[[]string]
	}

	// A picture is who talks to whom.
	picture struct{ Picture }

	// A chart is a curve of steps over time.
	chart struct {
		title  string
		points []point
		from   string // where the time axis begins
		to     string // and ends
		top    string // what the other one ends with
	}
)

// whenColumn heads columns of times.
const whenColumn = "At"

// unbroken are the columns whose texts are short and read badly in pieces.
var unbroken = map[string]bool{
	whenColumn: true, "Last reached": true, "Until": true, "Done": true, "Takes": true,
	"State": true, "Saves": true, "Severity": true, "Check": true, "Answer": true,
}

// A point is a place on a curve, both from 0 to 1.
type point struct{ x, y float64 }

func (heading) isBlock() {}
func (para) isBlock()    {}
func (code) isBlock()    {}
func (list) isBlock()    {}
func (pairs) isBlock()   {}
func (table) isBlock()   {}
func (picture) isBlock() {}
func (chart) isBlock()   {}

func (p *part) heading(text string) { p.blocks = append(p.blocks, heading{text}) }
func (p *part) para(text string)    { p.blocks = append(p.blocks, para{text}) }
func (p *part) code(text string)    { p.blocks = append(p.blocks, code{text}) }

func (p *part) list(items []string) {
	if len(items) > 0 {
		p.blocks = append(p.blocks, list{items})
	}
}

func (p *part) pairs(rows ...[2]string) {
	rows = slices.DeleteFunc(rows, func(r [2]string) bool { return r[1] == "" })
	p.blocks = append(p.blocks, pairs{rows})
}

// telling are the columns that say something where nothing is in them.
var telling = map[string]bool{"Owner": true, "Risk": true, "Done": true, "Outcome": true}

// table adds the columns that say something.
func (p *part) table(head []string, rows [][]string) {
	var said []int
	for n, name := range head {
		if telling[name] || slices.ContainsFunc(rows, func(row []string) bool { return row[n] != "" }) {
			said = append(said, n)
		}
	}
	for n, row := range rows {
		rows[n] = picked(row, said)
	}
	p.blocks = append(p.blocks, table{picked(head, said), slices.Values(rows)})
}

func picked(cells []string, columns []int) []string {
	out := make([]string, 0, len(columns))
	for _, n := range columns {
		out = append(out, cells[n])
	}
	return out
}

// rowsOr adds a table, or says in a paragraph that there is nothing to list.
func (p *part) rowsOr(nothing string, head []string, rows [][]string) {
	if len(rows) == 0 {
		p.para(nothing)
		return
	}
	p.table(head, rows)
}

// line is a text on one line, without secrets, that no reader obeys.
func line(text string) string {
	return plain.Line(redact.Text(strings.Join(strings.Fields(text), " ")))
}

// lines is a text of several lines, likewise.
func lines(text string) string {
	var b strings.Builder
	for l := range strings.Lines(redact.Text(text)) {
		b.WriteString(plain.Line(strings.TrimRight(l, "\r\n")))
		b.WriteByte('\n')
	}
	return b.String()
}
