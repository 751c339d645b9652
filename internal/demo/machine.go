package demo

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// A Machine is what a simulated host answers.
type Machine struct {
	Name     string
	Address  string        // its address in the simulated network
	Greeting string        // SSH version line
	HostKey  string        // type of its host key
	Old      bool          // speaks only the algorithms of its time
	Hangs    Stage         // where visits to it come to a halt; nowhere when empty
	Skew     time.Duration // its clock against this machine's

	Listening map[string]bool // the addresses of the simulated network that answer, with their ports
	Dropped   []string        // those of them from which this host gets no answer

	Files   map[string]string      // what its files hold
	Again   map[string]string      // those that changed at the second reading
	Scripts map[string]string      // what a fact's probe prints there, by fact
	Denied  []string               // files that are there and cannot be read
	Typed   map[string]shell.Reply // answers to commands that a person may type
}

// reply answers one section of a visit.
func (m Machine) reply(s shell.Section) shell.Reply {
	switch {
	case s.Name == "command":
		return m.command(strings.TrimSpace(s.Body))
	case s.Name == "clock":
		now := time.Now().Add(m.Skew)
		return shell.Reply{Stdout: fmt.Sprintf("%d %09d +0400\n", now.Unix(), now.Nanosecond())}
	case s.Name == "again":
		return m.grep(s.Body, m.Again)
	case s.Name == "files":
		return shell.Reply{Stdout: m.told(s.Body) + m.grep(s.Body, nil).Stdout}
	}
	if out, ok := m.Scripts[s.Name]; ok {
		return shell.Reply{Stdout: out}
	}
	return shell.Reply{Exit: 127}
}

// toldLine is how a visit asks for what a fact's brief script tells, before it
// reads files.
var toldLine = regexp.MustCompile(`(?m)^say '(#fact (\w+)|#files)'$`)

func (m Machine) told(body string) string {
	out := ""
	for _, line := range toldLine.FindAllStringSubmatch(body, -1) {
		out += line[1] + "\n" + m.Scripts[line[2]]
	}
	return out
}

// grep answers a visit's reading of files from the machine's own; those in newer
// are as they are now.
func (m Machine) grep(body string, newer map[string]string) shell.Reply {
	_, list, _ := strings.Cut(body, "\nset -- ")
	list, _, _ = strings.Cut(list, "\n")
	var r shell.Reply
	for _, pattern := range strings.Fields(list) {
		for _, name := range m.glob(pattern) {
			if slices.Contains(m.Denied, name) {
				r.Stdout += "#denied " + name + "\n"
				continue
			}
			content := m.Files[name]
			if now, ok := newer[name]; ok {
				content = now
			}
			for line := range strings.Lines(content) {
				r.Stdout += name + ":" + strings.TrimSuffix(line, "\n") + "\n"
			}
		}
	}
	return r
}

// glob finds the machine's files that match, as its shell would.
func (m Machine) glob(pattern string) []string {
	if !strings.ContainsAny(pattern, "*?[") {
		if _, ok := m.Files[pattern]; ok {
			return []string{pattern}
		}
		return nil
	}
	var names []string
	for name := range m.Files {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// command answers what a person typed: files by cat, a few commands that were
// recorded, and a plain word for everything else.
func (m Machine) command(line string) shell.Reply {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "sh -c '"), "'")
	if r, ok := m.Typed[line]; ok {
		return r
	}
	if file, ok := strings.CutPrefix(line, "cat "); ok {
		if content, ok := m.Files[strings.TrimSpace(file)]; ok {
			return shell.Reply{Stdout: content}
		}
		return shell.Reply{Stderr: fmt.Sprintf("cat: %s: No such file or directory\n", file), Exit: 1}
	}
	return shell.Reply{
		Stderr: fmt.Sprintf("%s is simulated and has no recorded answer to %q\n", m.Name, line),
		Exit:   127,
	}
}
