package tui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// A prompt asks for one line.
type prompt struct {
	label string
	text  string
	args  []string // the command line that the text completes
	flag  string   // the flag that takes the text, or none: it is an argument
	empty bool     // an empty text is an answer
	whole bool     // the text is a command line of its own, with the terminal for itself
	then  *prompt  // asks for more of the same command line
	words []string // its arguments so far; they come last
}

// ask asks for the last argument of a command.
func ask(label string, args ...string) *prompt { return &prompt{label: label, args: args} }

// askFlag asks for the value of a flag.
func askFlag(label string, args []string, flag string) *prompt {
	return &prompt{label: label, args: args, flag: flag}
}

// askCommand asks for a command line of ours.
func askCommand(text string) *prompt { return &prompt{label: "nightcall", text: text, whole: true} }

// optional makes an empty answer do, and the text the value of a flag.
func (p *prompt) optional(flag string) *prompt {
	p.flag, p.empty = flag, true
	return p
}

// with returns the prompt with more text behind, on one line. Prompts are values
// to the model: the old one stays as it was.
func (p prompt) with(text string) *prompt {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	p.text += text
	return &p
}

func (p prompt) without(n int) *prompt {
	p.text = p.text[:n]
	return &p
}

// typed takes a key while something is asked.
func (m model) typed(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	p := m.prompt
	switch name := key.String(); name {
	case "esc", "ctrl+c":
		m.prompt = nil
	case "enter":
		return m.submit()
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(p.text)
		m.prompt = p.without(len(p.text) - size)
	case "ctrl+u":
		m.prompt = p.without(0)
	case "ctrl+w":
		m.prompt = p.without(strings.LastIndexByte(strings.TrimRight(p.text, " "), ' ') + 1)
	default:
		m.prompt = p.with(key.Text)
	}
	return m, nil
}

// submit runs what was asked for.
func (m model) submit() (tea.Model, tea.Cmd) {
	p := *m.prompt
	text := strings.TrimSpace(p.text)
	m.prompt = nil
	switch {
	case text == "" && !p.empty:
		return m, nil
	case p.whole:
		return m, m.takeover(split(strings.TrimPrefix(text, "nightcall "))...)
	}
	p.take(text)
	if p.then == nil {
		return m, m.do(p.line()...)
	}
	then := *p.then
	then.args, then.words = p.args, p.words
	m.prompt = &then
	return m, nil
}

// take puts the text into the command line.
func (p *prompt) take(text string) {
	switch {
	case text == "":
	case p.flag != "":
		p.args = append(slices.Clone(p.args), p.flag+"="+text)
	default:
		p.words = append(slices.Clone(p.words), text)
	}
}

// line is the command line. What a person typed is never taken for a flag.
func (p *prompt) line() []string {
	if len(p.words) == 0 {
		return p.args
	}
	return slices.Concat(p.args, []string{"--"}, p.words)
}

// and asks for more of the same command line, with an answer to begin with.
func (p *prompt) and(then *prompt, answer string) *prompt {
	last := p
	for last.then != nil {
		last = last.then
	}
	then.text = answer
	last.then = then
	return p
}

// takeover runs a command line that has the terminal for itself.
func (m model) takeover(args ...string) tea.Cmd {
	return tea.Exec(m.room.Command(args), func(err error) tea.Msg { return said{err: err} })
}

// split cuts a command line into words; quotation marks of either kind keep one
// together.
func split(line string) []string {
	var words []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case unicode.IsSpace(r):
			if open || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
		}
	}
	if open || word.Len() > 0 {
		words = append(words, word.String())
	}
	return words
}
