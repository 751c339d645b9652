package tui

import (
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
)

// A prompt asks for one line.
type prompt struct {
	input

	label string
	args  []string // the command line that the text completes
	flag  string   // the flag that takes the text, or none: it is an argument
	empty bool     // an empty text is an answer
	whole bool     // the text is a command line of its own, with the terminal for itself
	about bool     // the text narrows the map, and runs nothing
	then  *prompt  // asks for more of the same command line
	words []string // its arguments so far; they come last

	back int    // which earlier command line is shown: 1 is the last; 0 for none
	own  string // what was typed before that
}

// ask asks for the last argument of a command.
func ask(label string, args ...string) *prompt { return &prompt{label: label, args: args} }

// askFlag asks for the value of a flag.
func askFlag(label string, args []string, flag string) *prompt {
	return &prompt{label: label, args: args, flag: flag}
}

// askCommand asks for a command line of ours.
func askCommand(text string) *prompt {
	return &prompt{label: "nightcall", input: begun(text), whole: true}
}

// askFilter asks which hosts of the map are shown.
func askFilter(text string) *prompt {
	return &prompt{label: "only hosts with (empty for all)", input: begun(text), empty: true, about: true}
}

// optional makes an empty answer do, and the text the value of a flag.
func (p *prompt) optional(flag string) *prompt {
	p.flag, p.empty = flag, true
	return p
}

// with returns the prompt with another input. Prompts are values to the model: the
// old one stays as it was.
func (p prompt) with(in input) *prompt {
	p.input = in
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
	case "up", "ctrl+p":
		m.prompt = p.recalled(m.ran, 1)
	case "down", "ctrl+n":
		m.prompt = p.recalled(m.ran, -1)
	default:
		if edit, known := edits[name]; known {
			m.prompt = p.with(edit(p.input))
		} else {
			m.prompt = p.with(p.input.with(key.Text))
		}
	}
	return m, nil
}

// recalled is the prompt with an earlier command line, or with its own again.
func (p prompt) recalled(ran []string, further int) *prompt {
	if !p.whole {
		return &p
	}
	if p.back == 0 {
		p.own = p.text
	}
	p.back = max(0, min(p.back+further, len(ran)))
	p.input = begun(p.own)
	if p.back > 0 {
		p.input = begun(ran[len(ran)-p.back])
	}
	return &p
}

// submit runs what was asked for.
func (m model) submit() (tea.Model, tea.Cmd) {
	p := *m.prompt
	text := strings.TrimSpace(p.text)
	m.prompt = nil
	switch {
	case text == "" && !p.empty:
		return m, nil
	case p.about:
		return m.only(text)
	case p.whole:
		m.ran = append(slices.Clip(m.ran), text)
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
	then.input = begun(answer)
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
