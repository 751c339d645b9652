package report

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"
)

// Markdown writes the report as GitHub and Pandoc read it.
func Markdown(w io.Writer, d Data) error {
	m := &markdownWriter{bufio.NewWriter(w)}
	doc := newDocument(d)
	m.printf("# %s\n\n", markdown(doc.title))
	for _, p := range doc.parts {
		m.printf("## %s\n\n", markdown(p.title))
		for _, b := range p.blocks {
			m.block(b)
		}
	}
	return m.w.Flush()
}

// A markdownWriter writes blocks. An error of its writer shows when it is flushed.
type markdownWriter struct{ w *bufio.Writer }

func (m *markdownWriter) printf(format string, args ...any) { fmt.Fprintf(m.w, format, args...) }

// special are the characters that mean something within a line of Markdown.
var special = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`, "|", `\|`, "~", `\~`, "$", `\$`,
)

// markdown is a text for a place within a line. What HTML would obey is written
// as HTML writes it.
func markdown(s string) string { return special.Replace(html.EscapeString(line(s))) }

// opening is a text for a place where a line begins, and where a few more
// characters would mean something.
func opening(s string) string {
	s = markdown(s)
	rest := strings.TrimLeft(s, "0123456789")
	at, marks := len(s)-len(rest), "-+="
	if at > 0 {
		marks = ".)"
	}
	if rest == "" || !strings.ContainsAny(rest[:1], marks) {
		return s
	}
	return s[:at] + `\` + rest
}

func (m *markdownWriter) block(b block) {
	switch b := b.(type) {
	case heading:
		m.printf("### %s\n\n", markdown(b.text))
	case para:
		m.printf("%s\n\n", opening(b.text))
	case code:
		text := lines(b.text)
		fence := fenceAround(text)
		m.printf("%s\n%s%s\n\n", fence, text, fence)
	case list:
		for _, item := range b.items {
			m.printf("- %s\n", opening(item))
		}
		m.printf("\n")
	case pairs:
		for _, r := range b.rows {
			m.printf("- **%s**: %s\n", markdown(r[0]), markdown(r[1]))
		}
		m.printf("\n")
	case table:
		m.table(b)
	case picture:
		m.block(code{b.Text})
	case chart:
		m.printf("%s, from %s to %s: %s\n\n", opening(b.title), markdown(b.from), markdown(b.to), markdown(b.top))
	}
}

// fenceAround is a fence that the text cannot close.
func fenceAround(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

func (m *markdownWriter) table(t table) {
	for _, cell := range t.head {
		m.w.WriteString("| " + markdown(cell) + " ")
	}
	m.w.WriteString("|\n" + strings.Repeat("|---", len(t.head)) + "|\n")
	for row := range t.rows {
		for _, cell := range row {
			m.w.WriteString("| ")
			m.w.WriteString(markdown(cell))
			m.w.WriteByte(' ')
		}
		m.w.WriteString("|\n")
	}
	m.w.WriteByte('\n')
}
