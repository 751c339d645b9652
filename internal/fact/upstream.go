package fact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

func upstreamsFact() Fact {
	return define("upstreams", "what nginx's configuration says of the servers behind it", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Upstream] { return &s.Upstreams }, parseUpstreams)
}

func parseUpstreams(r Raw) Observed[[]Upstream] {
	d := readConfigurations(r)
	return configured(d, r, d.upstreams, "nginx.conf")
}

// nginx reads upstreams and what requests are passed to. Words end at blanks and
// semicolons.
func (d *dependencyReader) nginx(file string, lines []numbered, add adder) {
	first, within, next, asks := len(d.upstreams), false, "", false
	for _, l := range lines {
		text, _, _ := strings.Cut(l.text, "#")
		f := strings.Fields(strings.NewReplacer("{", " { ", "}", " } ", ";", " ; ").Replace(text))
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
			case word == "upstream" && len(d.upstreams) < maxItems:
				within = true
				d.upstreams = append(d.upstreams, Upstream{
					Name: clean(args[0]), Servers: []string{}, Unchecked: []string{}, Backup: []string{}, Down: []string{}, Lines: []string{}, File: file, Line: l.number,
				})
			case word == "server" && within:
				d.upstreams[len(d.upstreams)-1].server(args)
				if host, port, ok := hostAndPort(args[0]); ok {
					add(l.number, "", host, cmp.Or(port, 80))
				}
			case word == "check" && within: // of a module that many build in
				d.upstreams[len(d.upstreams)-1].asks = true
			case strings.HasSuffix(word, "_next_upstream"):
				next = clean(strings.Join(args, " "))
			case strings.HasSuffix(word, "_pass"):
				passTo(l.number, strings.TrimSuffix(word, "_pass"), args[0], add)
			}
		}
	}
	for n := first; n < len(d.upstreams); n++ {
		u := &d.upstreams[n]
		u.Next = next
		if asks || u.asks {
			u.Unchecked = []string{}
		}
	}
}

// server notes one server of an upstream. nginx counts no failures of one with
// max_fails=0, and never takes it out.
func (u *Upstream) server(args []string) {
	if len(u.Lines) >= maxItems {
		return
	}
	name := clean(args[0])
	if _, _, ok := hostAndPort(name); !ok && !strings.HasPrefix(name, "unix:") {
		return
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
