package fact

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// An Upstream is servers that nginx or Apache sends requests to. By themselves they
// ask none of them how they are: they take one out for a while after requests failed
// there.
type Upstream struct {
	Name      string   `json:"name"`
	Servers   []string `json:"servers"`   // as written; those that are not down
	Unchecked []string `json:"unchecked"` // those of them that are never taken out, and that nothing asks: max_fails=0, or Apache's retry=0 and status=+I
	Backup    []string `json:"backup"`    // those of them that get requests only when the others are out
	Down      []string `json:"down"`      // those marked as down
	Next      string   `json:"next"`      // when the same file passes a request on to another server; empty for its own way
	Lines     []string `json:"lines"`     // each server with its settings, scrubbed
	File      string   `json:"file"`
	Line      int      `json:"line"`
}

// Key names the item in its list.
func (u Upstream) Key() string { return u.Name }

func upstreamsFact() Fact {
	return define("upstreams", "what nginx and Apache are told of the servers behind them", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Upstream] { return &s.Upstreams }, parseUpstreams)
}

func parseUpstreams(r Raw) Observed[[]Upstream] {
	d := r.configurations()
	return configured(d, r, d.upstreams, "nginx, Apache")
}

// An nginxUpstream is an upstream whose servers may stand in several files.
type nginxUpstream struct {
	Upstream

	asks     bool     // something asks its servers how they are
	includes []string // the files that its servers stand in, as patterns
}

// An nginxFile is one that nginx reads: its name for people, and what was printed
// of it.
type nginxFile struct {
	name  string
	lines []numbered
}

// nginx reads upstreams and what requests are passed to. Words end at blanks and
// semicolons.
func (d *configurationReader) nginx(file string, lines []numbered, add adder) {
	first, within, next, asks := len(d.nginxUpstreams), false, "", false
	for _, l := range lines {
		text, _, _ := strings.Cut(l.text, "#")
		f := nginxWords(text)
		for n, word := range f {
			args := f[n+1:]
			if end := slices.IndexFunc(args, func(w string) bool { return w == ";" || w == "{" || w == "}" }); end >= 0 {
				args = args[:end]
			}
			switch {
			case word == "}":
				within = false
			case word == "health_check": // of NGINX Plus
				asks = true
			case len(args) == 0:
			case word == "upstream" && len(d.nginxUpstreams) < maxItems:
				within = true
				d.nginxUpstreams = append(d.nginxUpstreams, nginxUpstream{Upstream: Upstream{
					Name: clean(args[0]), Servers: []string{}, Unchecked: []string{}, Backup: []string{}, Down: []string{}, Lines: []string{}, File: file, Line: l.number,
				}})
			case word == "server" && within:
				d.nginxUpstreams[len(d.nginxUpstreams)-1].server(l.number, args, add)
			case word == "include" && within:
				u := &d.nginxUpstreams[len(d.nginxUpstreams)-1]
				u.includes = append(u.includes, strings.Trim(args[0], `"'`))
			case word == "check" && within: // of a module that many build in
				d.nginxUpstreams[len(d.nginxUpstreams)-1].asks = true
			case word == "set" && len(args) > 1 && strings.Contains(args[1], "://"): // a variable that requests are passed to
				urls(l.number, args[1], add)
			case strings.HasSuffix(word, "_next_upstream"):
				next = clean(strings.Join(args, " "))
			case strings.HasSuffix(word, "_pass"):
				passTo(l.number, strings.TrimSuffix(word, "_pass"), args[0], add)
			}
		}
	}
	for n := first; n < len(d.nginxUpstreams); n++ {
		u := &d.nginxUpstreams[n]
		u.Next = next
		u.asks = u.asks || asks
	}
}

func nginxWords(text string) []string {
	return strings.Fields(strings.NewReplacer("{", " { ", "}", " } ", ";", " ; ").Replace(text))
}

// includeServers gives upstreams the servers that stand in files of their own,
// and takes those for asked that a module asks.
func (d *configurationReader) includeServers() {
	read := 0 // lines, some of them many times
	for n := range d.nginxUpstreams {
		u := &d.nginxUpstreams[n]
		for _, file := range d.included(u) {
			if read > maxItems {
				break // whatever files include one another how often
			}
			for _, l := range file.lines {
				read++
				text, _, _ := strings.Cut(l.text, "#")
				if f := nginxWords(text); len(f) > 1 && f[0] == "server" {
					args, _, _ := strings.Cut(strings.Join(f[1:], " "), ";")
					u.server(l.number, strings.Fields(args), d.adder("nginx", file.name))
				}
			}
		}
		if u.asks {
			u.Unchecked = []string{}
		}
		d.upstreams = append(d.upstreams, u.Upstream)
	}
}

// included are the files that an upstream includes. A relative pattern begins where
// the main file is, wherever that may be: files of the same nginx as the upstream's,
// as far as directories tell, go before those of another.
func (d *configurationReader) included(u *nginxUpstream) []nginxFile {
	var near, far []nginxFile
	for _, file := range d.nginxFiles {
		for _, pattern := range u.includes {
			base, ok := includes(pattern, file.name)
			if ok && strings.HasPrefix(u.File, base) {
				near = append(near, file)
				break
			}
			if ok {
				far = append(far, file)
				break
			}
		}
	}
	if len(near) > 0 {
		return near
	}
	return far
}

// includes reports whether a pattern of an include means a file, and where the
// pattern then begins: at the root, or in a directory, which ends with a slash.
func includes(pattern, file string) (base string, ok bool) {
	if !strings.HasPrefix(pattern, "/") {
		parts := strings.Split(file, "/")
		from := max(0, len(parts)-1-strings.Count(pattern, "/"))
		base, file = strings.Join(parts[:from], "/")+"/", strings.Join(parts[from:], "/")
	}
	ok, err := path.Match(pattern, file)
	return base, ok && err == nil
}

// server notes one server of an upstream, in line n of its file. nginx counts no
// failures of one with max_fails=0, and never takes it out.
func (u *Upstream) server(n int, args []string, add adder) {
	if len(args) == 0 || len(u.Lines) >= maxItems {
		return
	}
	name := clean(args[0])
	host, port, ok := hostAndPort(name)
	if !ok && !strings.HasPrefix(name, "unix:") {
		return
	}
	if ok {
		add(n, "", host, cmp.Or(port, 80))
	}
	u.Lines = append(u.Lines, clean(redact.Args(strings.Join(args, " "))))
	if slices.Contains(args, "down") {
		u.Down = append(u.Down, name)
		return
	}
	u.Servers = append(u.Servers, name)
	if slices.Contains(args, "backup") {
		u.Backup = append(u.Backup, name)
	}
	if slices.Contains(args, "max_fails=0") {
		u.Unchecked = append(u.Unchecked, name)
	}
}
