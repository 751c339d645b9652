// Package pseudonym puts stable names in the place of those of hosts, addresses,
// users and people, so that evidence can be shown to strangers and still be
// correlated: the same name has the same pseudonym in every file and every time.
//
// # Known names and shapes
//
// Addresses of IPv4, IPv6, Ethernet and mail are known by their shape. Names of
// hosts, domains, users and people have none: they are replaced where somebody
// has said that they are such, also within other names (db-web1-old), but not
// within words (web10).
//
// # Pseudonyms keep their shape
//
// An address becomes an address of a range that nobody uses, a host's name one
// that can be a host's. What is a pseudonym already is left alone.
package pseudonym

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Kind is what a name is of.
type Kind string

// The kinds.
const (
	Host     Kind = "host"
	Domain   Kind = "domain"
	User     Kind = "user"
	Person   Kind = "person"
	Word     Kind = "word" // of which somebody said that it must not be seen
	address  Kind = "address"
	public   Kind = "public"
	address6      = Kind("address6")
	ethernet      = Kind("ethernet")
)

// A Map is who is who. It is as confidential as what it hides.
type Map struct {
	Incident string            `json:"incident"` // the id of the copy
	Names    map[string]string `json:"names"`    // what is, and its pseudonym
	Counts   map[Kind]int      `json:"counts"`   // how many of each kind have one

	starts map[string][]string // names by the first word in them, the longest first
}

// New is a map that knows nobody. incident is the id that the copy gets.
func New(incident string) *Map {
	return &Map{Incident: incident, Names: map[string]string{}, Counts: map[Kind]int{}}
}

// Read reads a map that Bytes made.
func Read(encoded []byte) (*Map, error) {
	m := New("")
	if err := json.Unmarshal(encoded, m); err != nil {
		return nil, fmt.Errorf("read the pseudonyms: %w", err)
	}
	if m.Incident == "" || m.Names == nil || m.Counts == nil {
		return nil, errors.New("read the pseudonyms: it is another file")
	}
	return m, nil
}

// Bytes is the map as a file.
func (m *Map) Bytes() ([]byte, error) { return json.MarshalIndent(m, "", "  ") }

// Learn gives a name a pseudonym, unless it has one, or is one, or says nothing:
// root and localhost are called that everywhere.
func (m *Map) Learn(kind Kind, name string) {
	name = strings.ToLower(strings.Trim(name, " \t\r\n."))
	if _, known := m.Names[name]; known || name == "" || everywhere[name] || made.MatchString(name) || len(words(name)) == 0 {
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return // known by its shape
	}
	if short, domain, found := strings.Cut(name, "."); found && kind == Host {
		m.Learn(Host, short)
		m.Learn(Domain, domain)
		return
	}
	if kind == Domain && !strings.Contains(name, ".") {
		return // local, lan, com
	}
	if short, _, found := strings.Cut(name, "@"); found && kind != Word {
		m.Learn(User, short)
		return
	}
	m.give(kind, name)
	if _, parent, found := strings.Cut(name, "."); found && kind == Domain {
		m.Learn(Domain, parent)
	}
}

// made is a pseudonym.
var made = regexp.MustCompile(`^(?:host|user|person|word)[0-9]+$|^domain[0-9]+\.example$|^example$`)

// everywhere is what has the same name on every server, or in every company.
var everywhere = set(`localhost localdomain local lan root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc
	nobody sshd messagebus syslog mysql mariadb postgres redis nginx apache haproxy ntp chrony polkitd dbus rabbitmq mongodb elasticsearch
	tomcat jenkins memcached memcache zookeeper kafka grafana prometheus admin ubuntu debian centos ec2-user vagrant docker
	systemd-network systemd-resolve systemd-timesync systemd-timesyncd systemd-coredump _apt _chrony tcpdump statd rpc rpcuser operator
	com org net io co uk fr de eu internal ip6-localhost ip6-loopback ip6-allnodes ip6-allrouters ip6-localnet ip6-mcastprefix broadcasthost
	nightcall`)

func set(names string) map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(names) {
		all[name] = true
	}
	return all
}

func (m *Map) give(kind Kind, name string) string {
	m.Counts[kind]++
	n := m.Counts[kind]
	text := fmt.Sprintf("%s%d", kind, n)
	switch kind {
	case Domain:
		text += ".example"
	case address:
		text = netip.AddrFrom4([4]byte{240, byte(n >> 16), byte(n >> 8), byte(n)}).String()
	case public:
		text = netip.AddrFrom4([4]byte{198, byte(18 + n>>16&1), byte(n >> 8), byte(n)}).String()
	case address6:
		text = fmt.Sprintf("2001:db8::%x:%x", n>>16, n&0xffff)
	case ethernet:
		text = fmt.Sprintf("02:00:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))
	}
	m.Names[name], m.starts = text, nil
	return text
}

// of is the pseudonym of what is known by its shape.
func (m *Map) of(kind Kind, name string) string {
	if text, known := m.Names[name]; known {
		return text
	}
	return m.give(kind, name)
}

// shapes are addresses of Ethernet, IPv4 and IPv6; what looks like one and is
// none is told apart afterwards.
var shapes = regexp.MustCompile(`(?i)[0-9a-f]{2}(?::[0-9a-f]{2}){5,}|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`)

// Text puts pseudonyms in the place of what is known by name or by shape; all
// else stays byte for byte.
func (m *Map) Text(text string) string {
	var b strings.Builder
	done := 0
	for _, at := range shapes.FindAllStringIndex(text, -1) {
		if joins(text, at[0], at[1]) {
			continue
		}
		pseudonym, found := m.shape(text[at[0]:at[1]])
		if !found {
			continue
		}
		b.WriteString(m.named(text[done:at[0]]))
		b.WriteString(pseudonym)
		done = at[1]
	}
	if done == 0 {
		return m.named(text)
	}
	b.WriteString(m.named(text[done:]))
	return b.String()
}

// joins holds for what is only a part of something longer: a version, a word.
func joins(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, size := utf8.DecodeRuneInString(text[end:])
	digitAfterDot := false
	if after == '.' {
		next, _ := utf8.DecodeRuneInString(text[end+size:])
		digitAfterDot = unicode.IsDigit(next)
	}
	return start > 0 && (inWord(before) || before == '.') || end < len(text) && (inWord(after) || digitAfterDot)
}

// shape returns the pseudonym of an address, and false for what is none or says
// nothing: loopback, masks, multicast, pseudonyms.
func (m *Map) shape(text string) (string, bool) {
	lower := strings.ToLower(text)
	if len(lower) == 17 && lower[2] == ':' && !strings.Contains(lower, "::") {
		if strings.HasPrefix(lower, "02:00:00:") || lower == "00:00:00:00:00:00" || lower == "ff:ff:ff:ff:ff:ff" {
			return "", false
		}
		return m.of(ethernet, lower), true
	}
	a, err := netip.ParseAddr(lower)
	if err != nil || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() && a.Is4() || unused(a) {
		return "", false
	}
	switch {
	case a.Is6():
		return m.of(address6, a.String()), true
	case a.IsPrivate():
		return m.of(address, a.String()), true
	}
	return m.of(public, a.String()), true
}

// unused holds for our own pseudonyms, network masks, and what documents use.
func unused(a netip.Addr) bool {
	return a.Is4() && a.As4()[0] >= 240 || a.Is4() && a.As4()[0] == 0 || slices.ContainsFunc(examples, func(p netip.Prefix) bool { return p.Contains(a) })
}

var examples = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("2001:db8::/32")}

// named replaces the names that are known.
func (m *Map) named(text string) string {
	m.index()
	var b strings.Builder
	done, at := 0, 0
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !inWord(r) {
			at += size
			continue
		}
		end := at + strings.IndexFunc(text[at:]+" ", func(r rune) bool { return !inWord(r) })
		name := m.at(text, at, end)
		if name == "" {
			at = end
			continue
		}
		b.WriteString(text[done:at])
		b.WriteString(m.Names[name])
		at += len(name)
		done = at
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// at is the longest name that begins with the word between these offsets.
func (m *Map) at(text string, start, end int) string {
	if end-start > maxWord {
		return ""
	}
	for _, name := range m.starts[strings.ToLower(text[start:end])] {
		if len(text)-start < len(name) || !strings.EqualFold(text[start:start+len(name)], name) {
			continue
		}
		after, _ := utf8.DecodeRuneInString(text[start+len(name):])
		if start+len(name) == len(text) || !inWord(after) {
			return name
		}
	}
	return ""
}

// maxWord bounds the first word of a name.
const maxWord = 256

// index sorts the names by their first words.
func (m *Map) index() {
	if m.starts != nil {
		return
	}
	m.starts = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(m.Names)) {
		if w := words(name); len(w) > 0 && strings.HasPrefix(name, w[0]) {
			m.starts[w[0]] = append(m.starts[w[0]], name)
		}
	}
	for _, names := range m.starts {
		slices.SortStableFunc(names, func(a, b string) int { return len(b) - len(a) })
	}
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) })
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
