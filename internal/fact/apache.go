package fact

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// apache reads whom Apache passes requests on to, and the members of its balancers.
// What merely holds an address (a redirect, a page for an error) calls nobody.
func (d *configurationReader) apache(file string, lines []numbered, add adder) {
	balancer := "" // whose section it is
	for _, l := range joined(lines) {
		f := apacheWords(l.text)
		if len(f) < 2 {
			continue
		}
		switch strings.ToLower(f[0]) {
		case "<proxy":
			balancer, _ = balancerName(strings.TrimSuffix(f[1], ">"))
		case "balancermember":
			name, args := balancer, f[1:]
			if other, ok := balancerName(f[1]); ok {
				name, args = other, f[2:]
			}
			d.member(name, file, l, args, add)
		case "proxypass", "proxypassmatch":
			for _, to := range f[1:min(3, len(f))] {
				apachePass(l.number, to, add)
			}
		case "authldapurl":
			apachePass(l.number, f[1], add)
		case "proxyremote", "proxyremotematch":
			apachePass(l.number, f[min(2, len(f)-1)], add)
		case "sethandler":
			if to, ok := strings.CutPrefix(f[1], "proxy:"); ok {
				apachePass(l.number, to, add)
			}
		case "rewriterule":
			if len(f) > 3 && passesOn(f[3]) {
				apachePass(l.number, f[2], add)
			}
		}
	}
}

// joined puts lines together that a backslash divides. Where the next line was not
// printed, the backslash stays.
func joined(lines []numbered) []numbered {
	var out []numbered
	for n, l := range lines {
		before := len(out) - 1
		if n > 0 && lines[n-1].number == l.number-1 && strings.HasSuffix(lines[n-1].text, `\`) && len(out[before].text) < maxText {
			out[before].text = strings.TrimSuffix(out[before].text, `\`) + l.text
			continue
		}
		out = append(out, l)
	}
	return out
}

var apacheWord = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"?|'((?:[^'\\]|\\.)*)'?|(\S+)`)

// apacheWords are a directive and its arguments, which may be quoted.
func apacheWords(text string) []string {
	var words []string
	for _, m := range apacheWord.FindAllStringSubmatch(text, -1) {
		words = append(words, m[1]+m[2]+m[3])
	}
	return words
}

// balancerName is the name in balancer://NAME/path.
func balancerName(text string) (string, bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	name, _, _ := strings.Cut(rest, "/")
	if !ok || !strings.EqualFold(scheme, "balancer") {
		return "", false
	}
	return clean(name), name != ""
}

// passesOn reports whether a rule's flags make Apache fetch what it names itself.
func passesOn(flags string) bool {
	flags, ok := strings.CutPrefix(strings.TrimSuffix(flags, "]"), "[")
	return ok && slices.ContainsFunc(strings.Split(flags, ","), func(flag string) bool {
		flag = strings.TrimSpace(flag)
		return strings.EqualFold(flag, "P") || strings.EqualFold(flag, "proxy")
	})
}

// literalHost is the beginning of an address whose host does not depend on the
// request: what is filled in may follow it, and not be a part of it.
var literalHost = regexp.MustCompile(`^([a-zA-Z0-9]+)://((?:[^/@]*@)?[^/?#$%\s]+)(?:[/?#\s]|[$%]\d+(?:[/?]|$)|$)`)

// apacheSchemes are what Apache calls what others call otherwise.
var apacheSchemes = map[string]string{"ws": "http", "wss": "https", "h2": "https", "h2c": "http", "fcgi": "fastcgi"}

// apachePass keeps whom requests are passed on to. The path, and all that stands
// behind it, may be secret.
func apachePass(n int, to string, add adder) {
	m := literalHost.FindStringSubmatch(to)
	if m == nil || strings.Contains(to[len(m[0]):], "@") {
		return
	}
	scheme := strings.ToLower(m[1])
	if scheme == "balancer" {
		return
	}
	if other := apacheSchemes[scheme]; other != "" {
		scheme = other
	}
	urls(n, scheme+"://"+m[2], add)
}

// member notes one member of a balancer.
func (d *configurationReader) member(balancer, file string, l numbered, args []string, add adder) {
	if balancer == "" || len(args) == 0 {
		return
	}
	name, ok := memberName(args[0])
	if !ok {
		return
	}
	apachePass(l.number, args[0], add)
	n := slices.IndexFunc(d.upstreams, func(u Upstream) bool { return u.Name == balancer && u.File == file })
	if n < 0 {
		if len(d.upstreams) >= maxItems {
			return
		}
		n = len(d.upstreams)
		d.upstreams = append(d.upstreams, Upstream{
			Name: balancer, Servers: []string{}, Unchecked: []string{}, Backup: []string{}, Down: []string{}, Lines: []string{}, File: file, Line: l.number,
		})
	}
	u := &d.upstreams[n]
	if len(u.Lines) >= maxItems {
		return
	}
	u.Lines = append(u.Lines, clean(redact.Args(strings.Join(append([]string{name}, args[1:]...), " "))))
	s := memberSettings(args[1:])
	if s.down {
		u.Down = append(u.Down, name)
		return
	}
	u.Servers = append(u.Servers, name)
	if s.backup {
		u.Backup = append(u.Backup, name)
	}
	if s.stays && !s.asked {
		u.Unchecked = append(u.Unchecked, name)
	}
}

// memberName is a member as people call it: its host and port, or its socket.
func memberName(to string) (string, bool) {
	if socket, _, ok := strings.Cut(to, "|"); ok && strings.HasPrefix(socket, "unix:") {
		return clean(socket), true
	}
	m := literalHost.FindStringSubmatch(to)
	if m == nil {
		return "", false
	}
	name := m[2][strings.LastIndex(m[2], "@")+1:]
	_, _, ok := hostAndPort(name)
	return clean(name), ok
}

// A memberSetting is what a member's settings say of when it gets requests.
type memberSetting struct {
	down, backup bool
	stays        bool // however many requests to it fail
	asked        bool // how it is, or there may be more than we were shown
}

// memberSettings reads a member's settings. One that fails is left alone for a
// minute, unless retry is 0 or its status says to ignore errors. It is asked how
// it is by a module that hcmethod or hctemplate calls for; and ping asks before each
// request, which keeps requests from waiting for it. A setting without its value,
// which does not leave the host, and a line that goes on end what can be told.
func memberSettings(args []string) memberSetting {
	var s memberSetting
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch strings.ToLower(key) {
		case "retry":
			s.stays = s.stays || value == "0"
		case "hcmethod":
			s.asked = s.asked || !strings.EqualFold(value, "none")
		case "hctemplate", "ping", `\`, "secret":
			s.asked = true
		case "status":
			s.status(value)
		}
	}
	return s
}

// status reads flags as +H, -D or IH.
func (s *memberSetting) status(flags string) {
	on := true
	for _, flag := range strings.ToUpper(flags) {
		switch flag {
		case '+':
			on = true
		case '-', '!':
			on = false
		case 'D', 'S':
			s.down = on
		case 'H', 'R':
			s.backup = on
		case 'I':
			s.stays = on
		}
	}
}
