package check

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A Correction is what would put a finding right, ready for a person to read and
// to apply. Nothing applies it by itself.
type Correction struct {
	Title   string `json:"title"`   // what it does
	Diff    string `json:"diff"`    // unified, without lines around it: for patch -p0, or git apply --unidiff-zero -p0
	Then    string `json:"then"`    // what makes it take effect
	Caution string `json:"caution"` // what to think of first
}

// A corrector makes the correction of one finding; nil where it knows none.
type corrector func(s Subject, key string) *Correction

// correctors by the name that a check calls them.
var correctors = map[string]corrector{
	"check-servers": checkServers,
	"close-redis":   closeRedis,
}

// An edit is one line of a file, and what should stand there.
type edit struct {
	file          string
	line          int
	before, after string
}

// diff writes edits as one unified diff, file by file, in the order of their
// lines.
func diff(edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return a.line - b.line
	})
	var b strings.Builder
	file := ""
	for _, e := range edits {
		if e.file != file {
			file = e.file
			fmt.Fprintf(&b, "--- %s\n+++ %s\n", file, file)
		}
		fmt.Fprintf(&b, "@@ -%d +%d @@\n-%s\n+%s\n", e.line, e.line, e.before, e.after)
	}
	return b.String()
}

// checkServers makes HAProxy ask its servers whether they work.
func checkServers(s Subject, key string) *Correction {
	balancers := s.Host.Facts.Balancers.Value
	n := slices.IndexFunc(balancers, func(b fact.Balancer) bool { return b.Key() == key })
	if n < 0 {
		return nil
	}
	var edits []edit
	files := slices.Clone(balancers[n].Files)
	for _, t := range balancers[n].Targets {
		if !slices.Contains(balancers[n].Unchecked, t.Server) || strings.Contains(t.Text, masked) {
			continue
		}
		edits = append(edits, edit{t.File, t.Line, t.Text, withCheck(t.Text)})
		if !slices.Contains(files, t.File) { // facts of earlier versions do not name them
			files = append(files, t.File)
		}
	}
	if len(edits) == 0 {
		return nil
	}
	return &Correction{
		Title:   "have HAProxy check each server of " + key,
		Diff:    diff(edits),
		Then:    checkFiles(files) + " && systemctl reload haproxy",
		Caution: `a server that is down now gets no requests any more; with "option httpchk" the check asks the program, not only its port`,
	}
}

// checkFiles is the command that has HAProxy read these files and do nothing.
func checkFiles(files []string) string {
	argv := []string{"haproxy", "-c"}
	for _, f := range files {
		argv = append(argv, "-f", f)
	}
	return host.Quote(argv...)
}

// masked is what stands where something secret stood: the line is not whole.
const masked = "[secret]"

// withCheck is a line of a server that asks for a check; its comment stays where
// it is.
func withCheck(line string) string {
	words, comment := line, ""
	if n := commentAt(line); n >= 0 {
		words, comment = line[:n], line[n:]
	}
	if strings.Contains(words, " no-check") {
		return strings.Replace(words, " no-check", " check", 1) + comment
	}
	end := strings.TrimRight(words, " \t")
	return end + " check" + words[len(end):] + comment
}

// commentAt is where a comment begins, outside of quotes; -1 for none.
func commentAt(line string) int {
	quote, escaped := rune(0), false
	for n, r := range line {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '#':
			return n
		}
	}
	return -1
}

// closeRedis makes a Redis that listens on every address listen only where it is
// called: on the addresses that its clients were seen to use.
func closeRedis(s Subject, key string) *Correction {
	exposed, ok := strings.CutPrefix(key, "Redis tcp/")
	if !ok {
		return nil
	}
	used := s.Site.dialled(s.Host.Name, exposed)
	bind := append([]string{"127.0.0.1"}, used...)
	var edits []edit
	for _, t := range redisOn(s.Host.Facts.RedisSettings.Value, exposed) {
		indent := t.Text[:len(t.Text)-len(strings.TrimLeft(t.Text, " \t"))]
		switch after := indent + "bind " + strings.Join(bind, " "); {
		case t.Name == "bind" && everywhere(t.Text):
			edits = append(edits, edit{t.File, t.Line, t.Text, after})
		case t.Name == "protected-mode" && len(used) == 0 && strings.Contains(strings.ToLower(t.Text), "no"):
			edits = append(edits, edit{t.File, t.Line, t.Text, indent + "protected-mode yes"})
		}
	}
	if len(edits) == 0 {
		return nil
	}
	c := &Correction{
		Title:   "have Redis listen on the host itself only",
		Diff:    diff(edits),
		Then:    "systemctl restart redis-server",
		Caution: "nobody was seen to call it from elsewhere at the moments that were looked at; clients that rest now would be cut off",
	}
	if !strings.HasPrefix(edits[0].file, "/etc/") {
		c.Then = "restart the Redis that was started with " + edits[0].file
	}
	if len(used) > 0 {
		c.Title = "have Redis listen only where its clients call it"
		c.Caution = "whoever is in that network still gets in: a password (requirepass) and its clients' settings are the next step"
	}
	return c
}

// redisOn are the settings of the one file that is about this port; none where
// several could be.
func redisOn(settings []fact.Setting, port string) []fact.Setting {
	files := map[string][]fact.Setting{}
	ports := map[string]string{}
	for _, t := range settings {
		if strings.Contains(path.Base(t.File), "sentinel") {
			continue
		}
		files[t.File] = append(files[t.File], t)
		if f := strings.Fields(t.Text); t.Name == "port" && len(f) == 2 {
			ports[t.File] = f[1]
		}
	}
	var of []fact.Setting
	count := 0
	for file, list := range files {
		if p, told := ports[file]; told && p == port || !told && port == "6379" {
			of = list
			count++
		}
	}
	if count != 1 {
		return nil
	}
	return of
}

// everywhere reports whether a line binds to every address.
func everywhere(line string) bool {
	f := strings.Fields(line)
	return slices.ContainsFunc(f[min(1, len(f)):], func(word string) bool {
		word = strings.Trim(strings.TrimPrefix(word, "-"), `"`)
		addr, err := netip.ParseAddr(word)
		return word == "*" || word == "::*" || err == nil && addr.IsUnspecified()
	})
}

// dialled are the addresses at which other hosts were seen to call a service of
// this one, or are told to.
func (s *Site) dialled(host, port string) []string {
	var out []string
	if s == nil {
		return out
	}
	for _, l := range s.Map.Links {
		if l.To.Host != host || fmt.Sprint(l.Port) != port || l.From.Host == host {
			continue
		}
		if addr, err := netip.ParseAddr(addressOf(s.Map, l)); err == nil && !addr.IsLoopback() && !slices.Contains(out, addr.String()) {
			out = append(out, addr.String())
		}
	}
	slices.Sort(out)
	return out
}

// addressOf is the address behind a link.
func addressOf(m link.Map, l link.Link) string {
	if l.To.Address != "" {
		return l.To.Address
	}
	n, _ := m.Node(l.To.Host)
	return n.Address
}

// plain is the correction without what a terminal would obey; nil where that
// would not be the file's lines any more.
func (c *Correction) plain() *Correction {
	if c == nil || strings.ContainsFunc(c.Diff, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }) {
		return nil
	}
	c.Title, c.Then, c.Caution = plain.Clip(c.Title, maxOutput), plain.Clip(c.Then, maxOutput), plain.Clip(c.Caution, maxOutput)
	return c
}
