package fact

import (
	"slices"
	"strings"
	"time"
)

// A BalancerServer is one server of a running HAProxy, as that sees it now.
type BalancerServer struct {
	Backend string `json:"backend"`
	Server  string `json:"server"`
	State   string `json:"state"`  // up, down, maintenance, drain, unchecked
	Check   string `json:"check"`  // how the last check ended: L4OK, L4TOUT, L7STS/500 …; empty when there is none
	Detail  string `json:"detail"` // in words
	Backup  bool   `json:"backup"`

	Since    time.Duration `json:"since"`    // in this state
	Sessions int64         `json:"sessions"` // now
	Total    int64         `json:"total"`    // since HAProxy started
	Failures int64         `json:"failures"` // connections and answers that failed, likewise
}

// Key names the item in its list.
func (b BalancerServer) Key() string { return b.Backend + "/" + b.Server }

func balancerServersFact() Fact {
	return define("balancer_servers", "what a running HAProxy says of its servers", Probe{
		Script: balancerServersScript, Deep: true, Timeout: 10 * time.Second,
	}, func(s *Set) *Observed[[]BalancerServer] { return &s.BalancerServers }, parseBalancerServers)
}

// HAProxyAsk is a Perl program that says "show stat" to a socket and prints the
// answer: a host with HAProxy rarely has socat, and nearly always Perl.
const HAProxyAsk = `alarm 5; $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "#refused $!\n"; print $s "show stat\n"; print while <$s>`

// balancerServersScript asks through the sockets that the configuration names.
const balancerServersScript = `for s in $(awk '$1 == "stats" && $2 == "socket" {print $3}' /etc/haproxy/haproxy.cfg /etc/haproxy/conf.d/*.cfg /usr/local/etc/haproxy.conf 2>/dev/null); do
[ -S "$s" ] || continue
echo "#socket $s"
if has perl; then perl -MIO::Socket::UNIX -e '` + HAProxyAsk + `' "$s" 2>&1
else echo "#refused there is no perl"
fi
done
:`

// parseBalancerServers reads HAProxy's table. Its first line names the columns,
// of which newer versions have more.
func parseBalancerServers(r Raw) Observed[[]BalancerServer] {
	list, refused := []BalancerServer{}, ""
	var columns []string
	for line := range strings.Lines(r.Out) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "#refused "); ok {
			refused = clean(clip(text, 200))
			continue
		}
		if names, ok := strings.CutPrefix(line, "# "); ok {
			columns = strings.Split(names, ",")
			continue
		}
		if b, ok := balancerServer(columns, strings.Split(line, ",")); ok && len(list) < maxItems {
			list = append(list, b)
		}
	}
	switch {
	case refused != "" && len(list) == 0:
		return unknown[[]BalancerServer]("HAProxy's stats socket: %s", refused)
	case refused != "":
		return partly(list, "show stat", "HAProxy's stats socket: "+refused)
	}
	return found(list, "show stat")
}

// balancerServer is one line, when that is of a server.
func balancerServer(columns, values []string) (BalancerServer, bool) {
	at := func(name string) string {
		if n := slices.Index(columns, name); n >= 0 && n < len(values) {
			return clean(clip(values[n], 200))
		}
		return ""
	}
	count := func(name string) int64 {
		n, _ := number(at(name))
		return max(n, 0)
	}
	name := at("svname")
	if name == "" || name == "FRONTEND" || name == "BACKEND" || at("status") == "" || at("status") == "OPEN" {
		return BalancerServer{}, false
	}
	return BalancerServer{
		Backend: at("pxname"), Server: name, State: serverState(at("status")), Check: checkWord(at("check_status"), at("check_code")),
		Detail: strings.TrimSpace(at("check_desc") + " " + at("last_chk")), Backup: at("bck") == "1",
		Since: time.Duration(min(count("lastchg"), 1<<32)) * time.Second, Sessions: count("scur"), Total: count("stot"),
		Failures: count("econ") + count("eresp"),
	}, true
}

// serverState is HAProxy's word in ours: "DOWN 1/2" is on its way up, and no
// request gets there yet; "UP 1/3" is on its way down.
func serverState(word string) string {
	first, _, _ := strings.Cut(word, " ")
	switch first {
	case "UP":
		return "up"
	case "DOWN", "NOLB":
		return "down"
	case "MAINT":
		return "maintenance"
	case "DRAIN":
		return "drain"
	default: // "no check"
		return "unchecked"
	}
}

func checkWord(status, code string) string {
	status = strings.TrimPrefix(status, "* ")
	if code != "" && strings.HasPrefix(status, "L7") {
		return status + "/" + code
	}
	return status
}
