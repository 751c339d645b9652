package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// columnGap stands between two columns of a table on a terminal.
const columnGap = "  "

// A table is rows under a header: aligned columns on a terminal, values between
// tabs when piped. A cell is always one line without control characters; JSON
// has the exact text.
type table struct {
	io      stdio.Streams
	rows    [][]string
	columns int
}

func newTable(io stdio.Streams, headers ...string) *table {
	t := &table{io: io, columns: len(headers)}
	t.row(headers...)
	return t
}

// row adds a row. Cells that are missing are empty; a table never has more of
// them than headers.
func (t *table) row(cells ...string) {
	row := make([]string, t.columns)
	for i, cell := range cells[:min(len(cells), t.columns)] {
		row[i] = printable(cell)
	}
	t.rows = append(t.rows, row)
}

// flush prints the table to standard output.
func (t *table) flush() error {
	text := t.separated()
	if t.io.OutTTY {
		text = t.aligned()
	}
	_, err := t.io.Out.Write([]byte(text))
	return err
}

func (t *table) separated() string {
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(strings.Join(row, "\t"))
		b.WriteByte('\n')
	}
	return b.String()
}

func (t *table) aligned() string {
	widths := make([]int, t.columns)
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(runewidth.FillRight(cell, widths[i]))
			line.WriteString(columnGap)
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// printJSON prints v to standard output, indented. Strings are exact, and
// escaped where a terminal would obey them.
func printJSON(io stdio.Streams, v any) error { return writeJSON(io, v, "  ") }

// printJSONLine prints v as one line.
func printJSONLine(io stdio.Streams, v any) error { return writeJSON(io, v, "") }

func writeJSON(io stdio.Streams, v any, indent string) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	_, err := io.Out.Write([]byte(plain.JSON(b.String())))
	return err
}

// printable returns text as one line that no terminal obeys.
func printable(text string) string { return plain.Line(text) }
