package fact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Balancer is a section of HAProxy's configuration that spreads requests over
// servers.
type Balancer struct {
	Backend   string   `json:"backend"`
	Mode      string   `json:"mode"`      // http, tcp
	Method    string   `json:"method"`    // of the checks: connect, httpchk, tcp-check, mysql-check …
	Servers   []string `json:"servers"`   // those that are not disabled
	Unchecked []string `json:"unchecked"` // those of them that get requests whether they work or not
	Targets   []Target `json:"targets"`   // where those in Servers are, in their order
	File      string   `json:"file"`      // that has the section
	Files     []string `json:"files"`     // that HAProxy reads together with it, in its order
}

// A Target is one server of a balancer and the line that names it.
type Target struct {
	Server string `json:"server"`
	Host   string `json:"host"` // name or address, as written; empty for a socket, or what is filled in later
	Port   int    `json:"port"` // 0 where none is written
	File   string `json:"file"`
	Line   int    `json:"line"`
	Text   string `json:"text"` // the line, with its indentation, scrubbed
}

// Key names the item in its list.
func (b Balancer) Key() string { return b.Backend }

func balancersFact() Fact {
	return define("balancers", "what HAProxy's configuration says of its servers", Probe{
		From:  "dependencies",
		Files: []string{"/etc/haproxy/haproxy.cfg", "/etc/haproxy/conf.d/*.cfg", "/usr/local/etc/haproxy.conf", "/usr/local/etc/haproxy/haproxy.cfg"},
	}, func(s *Set) *Observed[[]Balancer] { return &s.Balancers }, parseBalancers)
}

// parseBalancers reads the configuration as HAProxy does: what a section of
// defaults says holds for the sections behind it. What a HAProxy that runs was
// started with counts; where nothing tells, or the usual files were meant, those.
// No file means that there is no balancer where they usually are.
func parseBalancers(r Raw) Observed[[]Balancer] {
	d := r.configurations()
	c := balancerReader{list: []Balancer{}, named: map[string]balancerDefaults{}}
	denied := slices.Clone(d.denied)
	if d.usual || len(d.balancing) == 0 {
		denied = append(denied, c.files(r.Files)...)
	}
	c.started(d.balancing)
	switch {
	case len(denied) > 0 && len(c.list) == 0:
		return unknown[[]Balancer]("%s may not be read", strings.Join(denied, ", "))
	case len(denied) > 0:
		return partly(c.list, "haproxy.cfg", strings.Join(denied, ", ")+" may not be read")
	}
	return found(c.list, "haproxy.cfg")
}

// files reads the usual files, and returns those that may not be read.
func (c *balancerReader) files(files map[string]File) (denied []string) {
	c.together = nil
	for _, path := range slices.SortedFunc(paths(files), mainFirst) {
		if files[path].Denied {
			denied = append(denied, path)
			continue
		}
		c.together = append(c.together, path)
	}
	for _, path := range c.together {
		c.file, c.number = path, 0
		for line := range strings.Lines(files[path].Content) {
			c.number++
			c.text = line
			c.line(configWords(line))
		}
		c.end()
	}
	return denied
}

// A balancerFile is what a process of HAProxy was started with: those of its
// lines that matter.
type balancerFile struct {
	process, name string
	lines         []numbered
}

// started reads the files that running processes were started with, in the order
// of their command lines. What one says does not hold for another.
func (c *balancerReader) started(files []balancerFile) {
	process := ""
	for _, f := range files {
		if f.process != process {
			process, c.last, c.named, c.together = f.process, balancerDefaults{}, map[string]balancerDefaults{}, nil
			for _, o := range files {
				if o.process == process && len(c.together) < maxConfigurations {
					c.together = append(c.together, o.name)
				}
			}
		}
		c.file = f.name
		for _, l := range f.lines {
			c.number, c.text = l.number, l.text
			c.line(configWords(l.text))
		}
		c.end()
	}
}

// mainFirst is the order in which HAProxy is told to read its usual files: what
// the defaults of the main one say holds for those in conf.d.
func mainFirst(a, b string) int {
	second := func(path string) int { return strings.Count(path, "/conf.d/") }
	return cmp.Or(cmp.Compare(second(a), second(b)), strings.Compare(a, b))
}

func paths(files map[string]File) func(func(string) bool) {
	return func(yield func(string) bool) {
		for path := range files {
			if !yield(path) {
				return
			}
		}
	}
}

// configWords takes a line of HAProxy's apart: blanks divide, quotes and
// backslashes join, and # begins a comment.
func configWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, escaped, begun := rune(0), false, false
	for _, r := range strings.TrimRight(line, "\r\n") {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == '#':
			return flushWord(words, &word, begun)
		case r == ' ' || r == '\t':
			words, begun = flushWord(words, &word, begun), false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return flushWord(words, &word, begun)
}

func flushWord(words []string, word *strings.Builder, begun bool) []string {
	if begun {
		words = append(words, clean(word.String()))
		word.Reset()
	}
	return words
}

// balancerDefaults are what a section inherits.
type balancerDefaults struct {
	mode, method string
	check        bool // default-server says so
}

type balancerReader struct {
	list     []Balancer
	named    map[string]balancerDefaults
	last     balancerDefaults // of the last section of defaults
	section  string           // defaults, backend, listen; empty for what does not matter
	name     string
	settings balancerDefaults
	servers  []serverLine
	file     string
	together []string // the files that are read with it
	number   int      // of the line that is read
	text     string   // the line itself
}

// A serverLine is one server as it is written.
type serverLine struct {
	words  []string
	number int
	text   string
}

func (c *balancerReader) line(f []string) {
	if len(f) == 0 {
		return
	}
	switch f[0] {
	case "global", "frontend", "userlist", "peers", "resolvers", "mailers", "program", "cache", "ring", "http-errors", "fcgi-app", "crt-store", "log-forward", "traces":
		c.end()
	case "defaults", "backend", "listen":
		c.end()
		c.begin(f)
	case "mode":
		if len(f) > 1 {
			c.settings.mode = f[1]
		}
	case "option":
		if len(f) > 1 && isCheckMethod(f[1]) {
			c.settings.method = f[1]
		}
	case "default-server":
		c.settings.check = checked(f[1:], c.settings.check)
	case "server", "server-template":
		if c.section != "" && c.section != "defaults" && len(f) > 2 {
			c.servers = append(c.servers, serverLine{f, c.number, c.text})
		}
	}
}

func isCheckMethod(option string) bool {
	return option == "httpchk" || option == "ssl-hello-chk" || option == "smtpchk" || option == "tcp-check" || strings.HasSuffix(option, "-check")
}

// begin opens a section with the defaults that it inherits.
func (c *balancerReader) begin(f []string) {
	c.section, c.settings, c.name = f[0], c.last, ""
	if f[0] == "defaults" {
		c.settings = balancerDefaults{mode: "tcp"}
	}
	if len(f) > 1 {
		c.name = f[1]
	}
	if n := slices.Index(f, "from"); n > 0 && n+1 < len(f) {
		c.settings = c.named[f[n+1]]
	}
}

// end closes the section.
func (c *balancerReader) end() {
	switch {
	case c.section == "defaults":
		c.last = c.settings
		c.named[c.name] = c.settings
	case c.section != "" && len(c.servers) > 0 && len(c.list) < maxItems:
		c.list = append(c.list, c.balancer())
	}
	c.section, c.servers, c.settings = "", nil, balancerDefaults{}
}

// maxTogether bounds how many files a section names, and how many sections do.
const (
	maxTogether = 8
	maxNaming   = 500
)

// read is which files HAProxy reads with the section; the section's own alone
// where they are more than are worth keeping.
func (c *balancerReader) read() []string {
	long := func(name string) bool { return len(name) > maxHost }
	if len(c.together) > maxTogether || len(c.list) > maxNaming || slices.ContainsFunc(c.together, long) {
		return []string{clean(c.file)}
	}
	files := make([]string, 0, len(c.together))
	for _, name := range c.together {
		files = append(files, clean(name))
	}
	return files
}

func (c *balancerReader) balancer() Balancer {
	b := Balancer{Backend: c.name, Mode: c.settings.mode, Method: c.settings.method, Servers: []string{}, Unchecked: []string{}, Targets: []Target{}, File: clean(c.file), Files: c.read()}
	if b.Mode == "" {
		b.Mode = "tcp"
	}
	if b.Method == "" {
		b.Method = "connect"
	}
	for _, s := range c.servers {
		f := s.words
		args := f[3:]
		if f[0] == "server-template" && len(f) > 4 {
			args = f[4:]
		}
		if slices.Contains(args, "disabled") || len(b.Servers) >= maxItems {
			continue
		}
		b.Servers = append(b.Servers, f[1])
		b.Targets = append(b.Targets, c.target(s))
		if !checked(args, c.settings.check) {
			b.Unchecked = append(b.Unchecked, f[1])
		}
	}
	return b
}

// target is where a server's requests go, and the line that says so, without
// what may be secret in it.
func (c *balancerReader) target(s serverLine) Target {
	address := s.words[2]
	if s.words[0] == "server-template" && len(s.words) > 3 {
		address = s.words[3]
	}
	t := Target{Server: s.words[1], File: clean(c.file), Line: s.number, Text: redact.Args(plainLine(s.text))}
	for _, family := range []string{"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"} {
		address = strings.TrimPrefix(address, family)
	}
	if host, port, ok := hostAndPort(address); ok {
		t.Host, t.Port = host, port
	}
	return t
}

// checked reports what a server's words say of checks, the last of them.
func checked(words []string, before bool) bool {
	for n, w := range words {
		switch w {
		case "check", "agent-check":
			before = true
		case "no-check":
			before = false
		case "track":
			before = before || n+1 < len(words)
		}
	}
	return before
}
