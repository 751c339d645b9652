package link

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Source is a line of a configuration.
type Source struct {
	Host string `json:"host"` // that has the file: the client
	File string `json:"file"` // or the environment of a process
	Line int    `json:"line"` // 0 in an environment
}

func (s Source) String() string { return fact.Dependency{File: s.File, Line: s.Line}.Place() }

// maxSources bounds the lines kept of one link.
const maxSources = 10

// configure lays over what was seen what configurations name: a link that was
// seen takes its source, and one that was not is there, unused.
func (m *Map) configure(j *joiner) {
	seen := map[key][]int{} // links by all but the client's process
	for n, l := range m.Links {
		if l.Observed {
			seen[l.anyProcess()] = append(seen[l.anyProcess()], n)
		}
	}
	unused := map[key]*Link{}
	names := j.names()
	for _, host := range sortedKeys(j.hosts) {
		for _, d := range dependenciesOf(j.hosts[host].Facts) {
			if d.Port == 0 && d.Scheme == fact.AnyDatabase {
				d.Port = m.database(host, j.resolve(names, host, d))
			}
			l, ok := j.configured(names, host, d)
			if !ok {
				continue
			}
			source := Source{host, d.File, d.Line}
			for _, n := range seen[l.anyProcess()] {
				m.Links[n].configuredBy(source)
			}
			if len(seen[l.anyProcess()]) > 0 {
				continue
			}
			if unused[l.key()] == nil && len(m.Links)+len(unused) < maxLinks {
				unused[l.key()] = &l
			}
			if have := unused[l.key()]; have != nil {
				have.configuredBy(source)
			}
		}
	}
	for _, l := range unused {
		m.Links = append(m.Links, *l)
	}
	slices.SortStableFunc(m.Links, byEnds)
}

func (l Link) anyProcess() key {
	k := l.key()
	k.process = ""
	return k
}

func (l *Link) configuredBy(s Source) {
	l.Configured = true
	if !slices.Contains(l.Sources, s) && len(l.Sources) < maxSources {
		l.Sources = append(l.Sources, s)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dependenciesOf are what all configurations of a host name: those of HAProxy
// are a fact of their own.
func dependenciesOf(f fact.Set) []fact.Dependency {
	out := slices.Clone(f.Dependencies.Value)
	for _, b := range f.Balancers.Value {
		for _, t := range b.Targets {
			if t.Host == "" || t.Port == 0 {
				continue
			}
			scheme := ""
			if b.Mode == "http" {
				scheme = "http"
			}
			out = append(out, fact.Dependency{Host: t.Host, Port: t.Port, Scheme: scheme, Process: "haproxy", File: t.File, Line: t.Line})
		}
	}
	return out
}

// configured is the link that a configuration means. One to a host of the world
// over HTTP is left out: files are full of addresses that nothing calls.
func (j *joiner) configured(names map[string]string, host string, d fact.Dependency) (Link, bool) {
	if d.Port < 0 || d.Port > 65535 || d.Port == 0 && d.Scheme != fact.AnyDatabase {
		return Link{}, false
	}
	to := j.resolve(names, host, d)
	if d.Port == 0 && to.Host == host {
		return Link{}, false // it has none of its own: the setting is left over, or means a socket
	}
	if to.Host == "" && strings.HasPrefix(d.Scheme, "http") && !passesOn(d.Process) && !near(to.Address) {
		return Link{}, false
	}
	l := Link{From: End{Host: host, Process: d.Process}, To: to, Port: d.Port, State: Unused, Within: to.Host == host}
	j.describe(&l)
	if known := kindOfScheme(d.Scheme); known != "" && (l.Kind == "" || to.Host == "") {
		l.Kind = known
	}
	return l, true
}

// database is the port of the one database that a host calls at another, or else
// of what is there, where a driver that was told no port would look for it: at the
// usual port of the only kind. 0 where that cannot be said.
func (m *Map) database(host string, to End) int {
	var called []int
	for _, l := range m.from(host) {
		if l.Observed && l.To.Name() == to.Name() && TierOf(l.Kind) == Database && !slices.Contains(called, l.Port) {
			called = append(called, l.Port)
		}
	}
	if len(called) == 1 {
		return called[0]
	}
	kind, ports := "", []int{}
	for _, s := range m.On(to.Host) {
		if TierOf(s.Kind) != Database || s.Local && to.Host != host {
			continue
		}
		if kind != "" && kind != s.Kind {
			return 0
		}
		kind, ports = s.Kind, append(ports, s.Port)
	}
	for _, port := range ports {
		if k, ok := kindAt(port); ok && k.tier == Database || len(ports) == 1 {
			return port
		}
	}
	return 0
}

// near reports whether an address is in the customer's own network; a name
// without a dot is, too.
func near(address string) bool {
	if addr, err := netip.ParseAddr(address); err == nil {
		return addr.IsPrivate()
	}
	return !strings.Contains(address, ".")
}

// passesOn reports whether a program's configuration names only what it calls.
func passesOn(program string) bool {
	return program == "haproxy" || program == "nginx" || program == "apache2" || program == "httpd"
}

func kindOfScheme(scheme string) string {
	if scheme == "https" {
		scheme = "http"
	}
	if k, ok := kindNamed(map[string]string{"amqp": "rabbitmq", "fastcgi": "php", "ldaps": "ldap"}[scheme]); ok {
		return k.name
	}
	k, _ := kindNamed(scheme)
	return k.name
}

// resolve finds whom a name in a host's configuration means: by address, by the
// host's own /etc/hosts, and then by the inventory's names. One that nobody
// knows stays a name.
func (j *joiner) resolve(names map[string]string, host string, d fact.Dependency) End {
	name := d.Host
	if _, err := netip.ParseAddr(name); err != nil {
		name = cmp.Or(hostsFile(j.hosts[host].Facts.DNS.Value.Hosts, name), name)
	}
	if name == "localhost" || strings.HasPrefix(name, "localhost.") {
		return End{Host: host, Address: "127.0.0.1"}
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		addr = plainAddress(addr)
		return End{Host: j.owner(host, netip.AddrPortFrom(addr, uint16(d.Port))), Address: addr.String()}
	}
	if known := names[name]; known != "" {
		return End{Host: known, Address: j.hosts[known].Access.Address}
	}
	return End{Address: name}
}

// hostsFile looks a name up in the lines of /etc/hosts; the first counts.
func hostsFile(lines []string, name string) string {
	for _, line := range lines {
		f := strings.Fields(strings.ToLower(line))
		if len(f) > 1 && slices.Contains(f[1:], name) {
			return f[0]
		}
	}
	return ""
}

// names are the hosts by what they are called: in the inventory, by themselves,
// and without their domain where that is one host's alone.
func (j *joiner) names() map[string]string {
	full, short := map[string]string{}, map[string]string{}
	learn := func(into map[string]string, name, host string) {
		if name == "" || strings.HasPrefix(name, "localhost") {
			return
		}
		if other, taken := into[name]; taken && other != host {
			host = "" // two have it: it means neither
		}
		into[name] = host
	}
	for _, host := range sortedKeys(j.hosts) {
		own := strings.ToLower(j.hosts[host].Facts.Kernel.Value.Host)
		for _, name := range slices.Compact([]string{strings.ToLower(host), own}) {
			learn(full, name, host)
			if _, err := netip.ParseAddr(name); err == nil {
				continue
			}
			first, _, _ := strings.Cut(name, ".")
			learn(short, first, host)
		}
	}
	for host := range j.hosts { // what the inventory calls a host goes first
		full[strings.ToLower(host)] = host
	}
	for name, host := range short {
		if _, taken := full[name]; !taken {
			full[name] = host
		}
	}
	return full
}
