package link

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// files compares the configuration files of siblings by their checksums, and
// which of them each program has. A file that holds a host's own name or address
// differs on all of them, and then nobody is odd. What is told already by another
// oddity of the host is not told twice.
func (m Map) files(g Group, facts map[string]*fact.Set, told []Oddity) []Oddity {
	named := map[string][]string{} // files by program
	for _, h := range g.Hosts {
		for _, c := range m.configurations(h, facts[h]) {
			if !slices.Contains(named[c.Process], c.File) {
				named[c.Process] = append(named[c.Process], c.File)
			}
		}
	}
	var out []Oddity
	add := func(subject string, about []string, text func(host string) string) {
		odd := g.lonely("file", subject, text)
		if odd == nil || slices.ContainsFunc(told, func(o Oddity) bool { return explains(o, odd.Host, about, facts[odd.Host]) }) {
			return
		}
		odd.Since = touched(facts[odd.Host], func(file string) bool { return slices.Contains(about, file) })
		out = append(out, *odd)
	}
	for _, process := range sortedKeys(named) {
		files := named[process]
		slices.Sort(files)
		if process != "" {
			add("names of "+process, files, func(h string) string { return filesText(m.configurations(h, facts[h]), process) })
		}
		for _, file := range files {
			add(file, []string{file}, func(h string) string { return sumText(m.configurations(h, facts[h]), process, file) })
		}
	}
	return out
}

// configurations are the files of a host that its siblings should have as they
// are: they are known whole, and no service there has a role, since a main is set
// up otherwise than its replicas.
func (m Map) configurations(host string, f *fact.Set) []fact.Configuration {
	if f == nil || f.Configurations.State != fact.OK || m.hasRole(host) {
		return nil
	}
	return f.Configurations.Value
}

// filesText are the names of a program's files, one a line.
func filesText(all []fact.Configuration, process string) string {
	var names []string
	for _, c := range all {
		if c.Process == process && !slices.Contains(names, c.File) {
			names = append(names, c.File)
		}
	}
	return strings.Join(names, "\n")
}

// sumText is a file's checksum; empty where there is none, or two by that name:
// the host's own, and that of a container.
func sumText(all []fact.Configuration, process, file string) string {
	text := ""
	for _, c := range all {
		if c.Process != process || c.File != file {
			continue
		}
		if text != "" {
			return ""
		}
		text = fmt.Sprintf("checksum %s, %d bytes", c.Checksum, c.Size)
	}
	return text
}

// explains reports whether an oddity tells already what is different in files.
func explains(o Oddity, host string, files []string, f *fact.Set) bool {
	if o.Host != host || o.What != "configuration" {
		return false
	}
	if o.Subject == ofHAProxy {
		return slices.ContainsFunc(files, func(file string) bool { return strings.Contains(file, "haproxy") })
	}
	return slices.ContainsFunc(f.Dependencies.Value, func(d fact.Dependency) bool { return slices.Contains(files, d.File) })
}
