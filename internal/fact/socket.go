package fact

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sockets are the host's IP sockets.
type Sockets struct {
	Listeners   []Listener   `json:"listeners"`
	Connections []Connection `json:"connections"`

	// Named says whether the owners of all sockets could be seen (root), or only
	// the login user's own.
	Named bool `json:"named"`
}

// A Listener is a socket that waits for others. Port 0 never occurs.
type Listener struct {
	Proto   string     `json:"proto"` // tcp, udp
	Addr    netip.Addr `json:"addr"`  // unspecified (0.0.0.0, ::) means every address
	Port    int        `json:"port"`
	Process string     `json:"process"` // empty when we may not see it
	PID     int        `json:"pid"`
	User    string     `json:"user"`
	All     bool       `json:"all"`     // listens on every address
	Local   bool       `json:"local"`   // listens on loopback only
	Backlog int        `json:"backlog"` // connections waiting to be accepted
	Limit   int        `json:"limit"`   // and how many may; 0 when not told
	Command string     `json:"command"` // the process's command line, scrubbed
}

// Key names the item in its list.
func (l Listener) Key() string {
	return l.Proto + " " + netip.AddrPortFrom(l.Addr, uint16(l.Port)).String()
}

// A Connection is a TCP connection that is not listening. Equal ones (same
// state, process, remote address and service port) are folded with a count.
type Connection struct {
	State   string         `json:"state"` // established, syn-sent, time-wait, close-wait …
	Local   netip.AddrPort `json:"local"`
	Remote  netip.AddrPort `json:"remote"`
	Process string         `json:"process"`
	PID     int            `json:"pid"` // the lowest of those folded
	Count   int            `json:"count"`
	Inbound bool           `json:"inbound"` // the local port is one the host listens on
}

// Key names the item in its list.
func (c Connection) Key() string { return c.State + " " + c.Local.String() + " " + c.Remote.String() }

func socketsFact() Fact {
	return define("sockets", "listening and connected sockets", Probe{Script: socketsScript, Elsewhere: `has sockstat && { echo "#sockstat"; sockstat -46; }`},
		func(s *Set) *Observed[Sockets] { return &s.Sockets }, parseSockets)
}

// socketsScript asks the first tool that is there, once, and says which it was.
const socketsScript = `if has ss; then echo "#ss"; ss -antup && return 0; echo "#failed"; fi
if has netstat && [ -r /proc/net/tcp ]; then echo "#netstat"; netstat -antup || netstat -antu
elif [ -r /proc/net/tcp ]; then
for p in tcp tcp6 udp udp6; do [ -r /proc/net/$p ] && { echo "#$p"; cat /proc/net/$p; }; done
echo "#stat"; cat /proc/[0-9]*/stat
echo "#fd"; ls -l /proc/[0-9]*/fd
fi`

// parseSockets reads whichever table came.
func parseSockets(r Raw) Observed[Sockets] {
	text := r.Out
	if after, silent := strings.CutPrefix(text, "#ss\n#"); silent {
		text = "#" + after // an ss that said nothing did not work
	}
	if _, after, failed := strings.Cut(text, "#failed\n"); failed {
		text = after
	}
	header, body, _ := strings.Cut(text, "\n")
	var read func(string) []socket
	source := strings.TrimPrefix(header, "#")
	switch source {
	case "ss":
		read = fromSS
	case "netstat":
		read = fromNetstat
	case "sockstat":
		read = fromSockstat
	case "tcp", "tcp6", "udp", "udp6":
		read, source, body = fromProc, "/proc/net", text
	default:
		return unknown[Sockets]("neither ss nor netstat nor /proc/net tells the sockets")
	}
	sockets := read(body)
	s := arrange(sockets)
	s.Named = r.Root && (len(sockets) == 0 || slices.ContainsFunc(sockets, func(s socket) bool { return s.pid > 0 }))
	switch {
	case !r.Root:
		return partly(s, source, "without root, the owners of others' sockets are not told")
	case !s.Named:
		return partly(s, source, "this "+source+" does not tell the owners of sockets")
	}
	return found(s, source)
}

// A socket is one line of a table.
type socket struct {
	proto, state  string
	local, remote netip.AddrPort
	queued, limit int
	process, user string
	pid           int
}

// arrange separates listeners from connections and folds equal ones.
func arrange(sockets []socket) Sockets {
	out := Sockets{Listeners: []Listener{}, Connections: []Connection{}}
	listening := map[netip.AddrPort]bool{}
	seen := map[string]bool{}
	for _, s := range sockets {
		if !s.listens() || s.local.Port() == 0 {
			continue
		}
		l := Listener{
			Proto: s.proto, Addr: s.local.Addr(), Port: int(s.local.Port()), Process: s.process, PID: s.pid, User: s.user,
			All: s.local.Addr().IsUnspecified(), Local: s.local.Addr().IsLoopback(), Backlog: s.queued, Limit: s.limit,
		}
		if s.proto == "tcp" {
			listening[s.local] = true
		}
		if key := l.Key() + " " + l.Process; !seen[key] && len(out.Listeners) < maxItems {
			seen[key] = true
			out.Listeners = append(out.Listeners, l)
		}
	}
	out.Connections = fold(sockets, listening)
	slices.SortStableFunc(out.Listeners, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Key(), b.Key()))
	})
	return out
}

func (s socket) listens() bool {
	if s.proto == "udp" {
		return s.state == "" || s.state == "unconn" || s.state == "listen"
	}
	return s.state == "listen"
}

// fold counts connections of processes of the same name to the same service; the
// lowest process id stands for all. The port a client was given by chance tells
// nothing, so it is left out: equal scans stay equal.
func fold(sockets []socket, listening map[netip.AddrPort]bool) []Connection {
	index := map[Connection]int{} // by what makes them equal
	out := []Connection{}
	for _, s := range sockets {
		if s.proto != "tcp" || s.listens() || !s.remote.IsValid() || s.remote.Port() == 0 {
			continue
		}
		c := Connection{State: s.state, Local: s.local, Remote: s.remote, Process: s.process, Inbound: accepted(s.local, listening)}
		if c.Inbound {
			c.Remote = netip.AddrPortFrom(c.Remote.Addr(), 0)
		} else {
			c.Local = netip.AddrPortFrom(c.Local.Addr(), 0)
		}
		n, ok := index[c]
		if !ok && len(out) >= maxItems {
			continue
		}
		if !ok {
			n = len(out)
			index[c], out = n, append(out, c)
			out[n].PID = s.pid
		}
		out[n].Count++
		out[n].PID = min(out[n].PID, s.pid)
	}
	slices.SortStableFunc(out, func(a, b Connection) int { return cmp.Compare(a.Key(), b.Key()) })
	return out
}

// accepted reports whether a connection came to a listener: one with its port
// and its address, or one for every address. A client may have been given the
// number of a port that something listens on elsewhere, such as on loopback.
func accepted(local netip.AddrPort, listening map[netip.AddrPort]bool) bool {
	all := func(addr netip.Addr) bool { return listening[netip.AddrPortFrom(addr, local.Port())] }
	return listening[local] || all(netip.IPv6Unspecified()) || local.Addr().Is4() && all(netip.IPv4Unspecified())
}

// states maps every table's words to ss's long ones.
var states = map[string]string{
	"estab": "established", "established": "established", "listen": "listen", "unconn": "unconn", "syn-sent": "syn-sent", "syn_sent": "syn-sent",
	"syn-recv": "syn-recv", "syn_recv": "syn-recv", "fin-wait-1": "fin-wait-1", "fin_wait1": "fin-wait-1", "fin-wait-2": "fin-wait-2",
	"fin_wait2": "fin-wait-2", "time-wait": "time-wait", "time_wait": "time-wait", "close-wait": "close-wait", "close_wait": "close-wait",
	"last-ack": "last-ack", "last_ack": "last-ack", "closing": "closing", "closed": "closed", "close": "closed",
}

// ssUser is one owner in users:(("sshd",pid=1,fd=3)) or the older
// users:(("sshd",1,3)).
var ssUser = regexp.MustCompile(`\("([^"]*)",(?:pid=)?(\d+),`)

// ssOwner is the first process that was there of those that share a socket: the
// one that opened it.
func ssOwner(line string) (name string, pid int) {
	_, users, _ := strings.Cut(line, "users:(")
	for _, m := range ssUser.FindAllStringSubmatch(users, 1000) {
		if n := integer(m[2]); pid == 0 || n < pid {
			name, pid = clean(m[1]), n
		}
	}
	return name, pid
}

// ssStar is what * means in ss: since it writes 0.0.0.0 and [::], both of them.
func ssStar(text string) netip.Addr {
	if strings.Contains(text, " 0.0.0.0:") || strings.Contains(text, "[::]:") {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func fromSS(text string) []socket {
	var out []socket
	star := ssStar(text)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 6 || len(out) >= maxItems*4 {
			continue
		}
		s, ok := between(f[0], f[4], f[5])
		s.state = states[strings.ToLower(f[1])]
		if !ok || s.state == "" {
			continue
		}
		if strings.HasPrefix(f[4], "*:") {
			s.local = netip.AddrPortFrom(star, s.local.Port())
		}
		if s.state == "listen" {
			s.queued, s.limit = integer(f[2]), integer(f[3])
		}
		s.process, s.pid = ssOwner(line)
		out = append(out, s)
	}
	return out
}

// between is a socket of TCP or UDP by its two ends; a remote end that is none is
// the zero one. ok is false for anything else.
func between(proto, local, remote string) (s socket, ok bool) {
	if proto != "tcp" && proto != "udp" {
		return socket{}, false
	}
	s.proto = proto
	s.local, ok = endpoint(local)
	s.remote, _ = endpoint(remote)
	return s, ok
}

// endpoint reads an address and port in the notations of ss, netstat and
// sockstat: *:22, 0.0.0.0:22, [::]:22, :::22, 127.0.0.1%lo:53, ::ffff:10.0.0.1:80.
func endpoint(text string) (netip.AddrPort, bool) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return netip.AddrPort{}, false
	}
	host, portText := strings.Trim(text[:colon], "[]"), text[colon+1:]
	host, _, _ = strings.Cut(host, "%")
	host = strings.TrimSuffix(host, "]")
	port := uint64(0)
	if portText != "*" {
		n, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			return netip.AddrPort{}, false
		}
		port = n
	}
	if host == "*" || host == "" {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)), true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// fromNetstat reads net-tools' and busybox's table; both may lack the column of
// owners, and UDP lines the one of states.
func fromNetstat(text string) []socket {
	var out []socket
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || len(out) >= maxItems*4 {
			continue
		}
		s, ok := between(strings.TrimSuffix(f[0], "6"), f[3], f[4])
		if !ok {
			continue
		}
		rest := f[5:]
		if len(rest) > 0 && states[strings.ToLower(rest[0])] != "" {
			s.state, rest = states[strings.ToLower(rest[0])], rest[1:]
		}
		if s.proto == "tcp" && s.state == "" {
			continue
		}
		if s.state == "listen" {
			s.queued = integer(f[1])
		}
		if len(rest) > 0 {
			pid, name, found := strings.Cut(strings.Join(rest, " "), "/")
			if found {
				name, _, _ = strings.Cut(name, ":") // "sshd: user [priv]" is sshd
				s.pid, s.process = integer(pid), clean(name)
			}
		}
		out = append(out, s)
	}
	return out
}

// fromSockstat reads FreeBSD's: USER COMMAND PID FD PROTO LOCAL FOREIGN.
func fromSockstat(text string) []socket {
	var out []socket
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 7 || len(out) >= maxItems*4 {
			continue
		}
		s, ok := between(strings.TrimRight(f[4], "46"), f[5], f[6])
		if !ok {
			continue
		}
		s.state = "established"
		if f[0] != "?" { // nobody's any more
			s.user, s.process, s.pid = clean(f[0]), clean(f[1]), integer(f[2])
		}
		if s.remote.Port() == 0 {
			s.state = "listen"
		}
		if strings.HasPrefix(f[5], "*:") && strings.HasSuffix(f[4], "p6") {
			s.local = netip.AddrPortFrom(netip.IPv6Unspecified(), s.local.Port())
		}
		out = append(out, s)
	}
	return out
}

// procStates are the numbers of /proc/net/tcp.
var procStates = map[string]string{
	"01": "established", "02": "syn-sent", "03": "syn-recv", "04": "fin-wait-1", "05": "fin-wait-2", "06": "time-wait",
	"07": "closed", "08": "close-wait", "09": "last-ack", "0A": "listen", "0B": "closing",
}

// fromProc reads the kernel's own tables, and finds owners by the inodes that
// processes hold open.
func fromProc(text string) []socket {
	names, owners := map[int]string{}, map[string]int{}
	var out []socket
	var inodes []string
	section, pid := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "#"); ok {
			section = name
			continue
		}
		switch section {
		case "stat":
			if n, name, ok := statName(line); ok {
				names[n] = name
			}
		case "fd":
			if dir, ok := strings.CutPrefix(line, "/proc/"); ok {
				pid = integer(strings.TrimSuffix(dir, "/fd:"))
			} else if _, inode, ok := strings.Cut(line, "-> socket:["); ok {
				owners[strings.TrimSuffix(inode, "]")] = pid
			}
		default:
			if s, inode, ok := procSocket(section, strings.Fields(line)); ok && len(out) < maxItems*4 {
				out, inodes = append(out, s), append(inodes, inode)
			}
		}
	}
	for n := range out {
		out[n].pid = owners[inodes[n]]
		out[n].process = names[out[n].pid]
	}
	return out
}

// statName reads the id and the name of /proc/PID/stat: "12 (a name) S …".
func statName(line string) (int, string, bool) {
	pid, rest, ok := strings.Cut(line, " (")
	end := strings.LastIndexByte(rest, ')')
	n, ok2 := number(pid)
	if !ok || !ok2 || end < 0 || n > 1<<31 {
		return 0, "", false
	}
	return int(n), clean(rest[:end]), true
}

func procSocket(table string, f []string) (s socket, inode string, ok bool) {
	if len(f) < 10 || !strings.HasSuffix(f[0], ":") {
		return s, "", false
	}
	six := strings.HasSuffix(table, "6")
	local, ok := hexEndpoint(f[1], six)
	remote, ok2 := hexEndpoint(f[2], six)
	proto := strings.TrimSuffix(table, "6")
	if !ok || !ok2 || proto != "tcp" && proto != "udp" {
		return s, "", false
	}
	s = socket{proto: proto, state: procStates[f[3]], local: local, remote: remote}
	if s.proto == "udp" && s.state == "closed" {
		s.state = "unconn"
	}
	if s.state == "listen" {
		if _, queued, ok := strings.Cut(f[4], ":"); ok {
			n, _ := strconv.ParseUint(queued, 16, 31)
			s.queued = int(n)
		}
	}
	return s, f[9], s.state != ""
}

func hexEndpoint(text string, six bool) (netip.AddrPort, bool) {
	host, portText, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 16, 16)
	addr, ok := hexAddr4(host)
	if six {
		addr, ok = hexAddr6(host, true)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), ok && err == nil
}
