package fact

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// usualPorts are where what a configuration speaks is, when it names no port.
var usualPorts = map[string]int{
	"http": 80, "https": 443, "mysql": 3306, "mariadb": 3306, "postgresql": 5432, "redis": 6379, "mongodb": 27017, "amqp": 5672,
	"memcached": 11211, "kafka": 9092, "ldap": 389, "ldaps": 636, "elasticsearch": 9200, "sqlserver": 1433, "oracle": 1521, "zookeeper": 2181,
	"fastcgi": 9000, "ajp": 8009, "smtp": 25, "sentinel": 26379,
}

// schemes are what people write for the same thing.
var schemes = map[string]string{
	"postgres": "postgresql", "rediss": "redis", "amqps": "amqp", "memcache": "memcached", "mysql2": "mysql", "mysqlx": "mysql", "pgsql": "postgresql", "mongo": "mongodb",
	"rabbitmq": "amqp", "rabbit": "amqp", "db": "", "database": "", "datasource": "", "elastic": "elasticsearch", "opensearch": "elasticsearch", "mail": "smtp",
	"mongodb+srv": "", "bootstrap": "kafka", "cache": "", "valkey": "redis", "pg": "postgresql",
}

// hostName is a host's name or address as it may stand in a configuration; what
// is filled in later (${DB}, {{ db }}) is none.
var validHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$`)

// maxHost is how long a name in the DNS may be, with the dot that ends it.
const maxHost = 254

func hostName(text string) (string, bool) {
	text = strings.Trim(text, "[]")
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.WithZone("").String(), !addr.IsUnspecified() && !addr.IsMulticast()
	}
	if len(text) > maxHost || !validHost.MatchString(text) || strings.Trim(text, "0123456789.") == "" {
		return "", false
	}
	return strings.ToLower(strings.TrimSuffix(text, ".")), true
}

// hostAndPort takes db1:3306, [::1]:80, ::1 and db1 apart; port 0 is none. What
// else there is makes ok false.
func hostAndPort(text string) (host string, port int, ok bool) {
	host = text
	if _, err := netip.ParseAddr(text); err != nil {
		before, after, colon := cutLast(text, ":")
		if colon {
			n, number := number(after)
			if !number || n < 1 || n > 65535 {
				return "", 0, false
			}
			host, port = before, int(n)
		}
	}
	host, ok = hostName(host)
	return host, port, ok
}

func cutLast(s, sep string) (before, after string, ok bool) {
	n := strings.LastIndex(s, sep)
	if n < 0 {
		return s, "", false
	}
	return s[:n], s[n+len(sep):], true
}

// An adder keeps a host that line n names.
type adder func(n int, scheme, host string, port int)

// url is the scheme of an address, and everything up to its path: users and
// passwords still stand in it. What drivers put between the two (jdbc:oracle:
// thin:@, jdbc:mysql:replication:) is told apart here.
var url = regexp.MustCompile(`(?i)\b(?:jdbc:|r2dbc:(?:pool:)?)?([a-z][a-z0-9+]+)(?::[a-z]{2,})*(?:://|:@/{0,2})([^\s/"'<>?;#,)(]*@)?([^\s/"'<>?;#)@]*)`)

// untilEnd is what follows of an address.
var untilEnd = regexp.MustCompile(`^[^\s"'<>]*`)

// urls adds the hosts of all addresses in a text.
func urls(n int, text string, add adder) (some bool) {
	for _, m := range url.FindAllStringSubmatchIndex(text, -1) {
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		scheme := strings.ToLower(part(1))
		if other, ok := schemes[scheme]; ok && other != "" {
			scheme = other
		}
		hosts := part(3)
		if hosts == "" || notAService[scheme] || strings.Contains(untilEnd.FindString(text[m[1]:]), "@") {
			continue // with a slash in a password, nothing can be told apart
		}
		for one := range strings.SplitSeq(hosts, ",") {
			if _, after, ok := cutLast(one, "@"); ok {
				one = after
			}
			if host, port, ok := hostAndPort(one); ok {
				add(n, scheme, host, port)
				some = true
			}
		}
	}
	return some
}

// notAService are addresses of what runs nowhere.
var notAService = map[string]bool{"file": true, "classpath": true, "optional": true, "unix": true, "vm": true, "data": true, "s3": true, "gs": true, "urn": true, "ws": true, "wss": true, "h2": true, "sqlite": true, "ssh": true, "git": true}

func passTo(n int, how, to string, add adder) {
	if strings.Contains(to, "$") || strings.Contains(to, "unix:") {
		return
	}
	if strings.Contains(to, "://") {
		urls(n, to, add)
		return
	}
	if host, port, ok := hostAndPort(to); ok {
		add(n, how, host, port)
	}
}

// redisLines reads whom Redis follows, and whom its sentinel watches, by whatever name
// that was started.
func redisLines(lines []numbered, follows, watches adder) {
	for _, l := range lines {
		f := strings.Fields(strings.ToLower(strings.ReplaceAll(l.text, `"`, "")))
		switch {
		case len(f) == 3 && (f[0] == "replicaof" || f[0] == "slaveof"):
			addPort(l.number, "redis", f[1], f[2], follows)
		case len(f) >= 5 && f[0] == "sentinel" && f[1] == "monitor":
			addPort(l.number, "redis", f[3], f[4], watches)
		}
	}
}

func addPort(n int, scheme, host, port string, add adder) {
	if p, ok := number(port); ok && p > 0 && p < 65536 {
		add(n, scheme, host, int(p))
	}
}

// masterInfo reads the two lines of MySQL's note on its main that were asked for.
func masterInfo(lines []numbered, add adder) {
	for n, l := range lines {
		if l.number == 4 && n+1 < len(lines) && lines[n+1].number == 7 {
			addPort(4, "mysql", strings.TrimSpace(l.text), strings.TrimSpace(lines[n+1].text), add)
		}
	}
}

var conninfoWord = regexp.MustCompile(`\b(host|hostaddr|port)\s*=\s*'*([^'\s,]+)`)

// conninfo reads whom PostgreSQL follows.
func conninfo(lines []numbered, add adder) {
	for _, l := range lines {
		text, ok := strings.CutPrefix(strings.TrimSpace(l.text), "primary_conninfo")
		if !ok {
			continue
		}
		if urls(l.number, text, add) {
			continue
		}
		host, port := "", "5432"
		for _, m := range conninfoWord.FindAllStringSubmatch(text, -1) {
			if m[1] == "port" {
				port = m[2]
			} else {
				host = m[2]
			}
		}
		addPort(l.number, "postgresql", host, port, add)
	}
}

// setting is one line that assigns: its key, and the value.
var setting = regexp.MustCompile(`^(\s*)(?:- |export |env\[|\{|"|')*([A-Za-z0-9_.-]+)["'\]]*\s*(?:=>|:=|[:=])\s*(.*?)\s*,?\s*$`)

// settings reads keys and values as .properties, .env, YAML, TOML, JSON and .ini
// have them: addresses wherever they stand, and hosts with the port beside them.
//
// What kind of a database it is may stand in a line of its own, before or behind
// them, so that those are read first.
func settings(lines []numbered, add adder) {
	kinds := map[string]string{}
	if slices.ContainsFunc(lines, func(l numbered) bool { return kindWord.MatchString(l.text) }) {
		first := settingReader{add: func(int, string, string, int) {}, learns: kinds}
		first.read(lines)
	}
	s := settingReader{add: add, kinds: kinds}
	s.read(lines)
}

func (s *settingReader) read(lines []numbered) {
	for _, l := range lines {
		s.line(l)
	}
	s.flush()
}

// A settingReader joins a host with its port: both have the same key before the
// last word of it, and stand beside each other.
type settingReader struct {
	add    adder
	kinds  map[string]string // what is spoken, by the key that stands before the host
	learns map[string]string // the same, while it is found out
	path   []level           // the keys around a line of YAML, from the outermost
	prefix string            // of the pair that is being read
	host   string
	port   string
	line0  int
}

type level struct {
	indent int
	key    string
}

var (
	hostKey = regexp.MustCompile(`(?i)^(.*?)[-_.]?(host|hostname|addr|address|server|endpoint)$`)
	portKey = regexp.MustCompile(`(?i)^(.*?)[-_.]?port$`)
	kindKey = regexp.MustCompile(`(?i)^(.*?)[-_.]?` + kindKeys + `$`)
	// kindWord is what a database is in the words of drivers and frameworks.
	kindWord = regexp.MustCompile(`(?i)` + kindWords)
	listKey  = regexp.MustCompile(`(?i)(hosts|servers|nodes|brokers|addresses|endpoints|zookeeper[-_.]connect)$`)
)

func (s *settingReader) line(l numbered) {
	trimmed := strings.TrimSpace(l.text)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") || strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, "<!") {
		return
	}
	m := setting.FindStringSubmatch(l.text)
	if m == nil {
		urls(l.number, l.text, s.add)
		return
	}
	key, value := s.key(len(m[1]), m[2]), strings.Trim(m[3], `"'[] `)
	if !strings.Contains(value, "{{") && !strings.Contains(value, "${") {
		value = strings.Trim(value, `"'{} `)
	}
	if strings.HasPrefix(value, "//") {
		urls(l.number, l.text, s.add)
		return
	}
	if strings.Contains(value, "://") || strings.Contains(value, "jdbc:") {
		urls(l.number, value, s.add)
		return
	}
	switch {
	case value == "":
		return
	case s.learns != nil:
		if m := kindKey.FindStringSubmatch(key); m != nil {
			s.learns[owner(m[1])] = kindIn(value)
		}
	case portKey.MatchString(key):
		s.pair(portKey.FindStringSubmatch(key)[1], l.number)
		s.port = value
	case listKey.MatchString(key):
		for one := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '"' || r == '\'' }) {
			if host, port, ok := hostAndPort(strings.TrimSuffix(one, "/")); ok && (port > 0 || schemeOf(key) != "") {
				s.add(l.number, schemeOf(key), host, port)
			}
		}
	case hostKey.MatchString(key):
		s.pair(hostKey.FindStringSubmatch(key)[1], l.number)
		s.host, s.line0 = value, l.number
	}
}

// key is the whole key of a line, with the keys around it.
func (s *settingReader) key(indent int, key string) string {
	for len(s.path) > 0 && s.path[len(s.path)-1].indent >= indent {
		s.path = s.path[:len(s.path)-1]
	}
	whole := key
	if len(s.path) > 0 && indent > 0 {
		whole = s.path[len(s.path)-1].key + "." + key
	}
	if len(s.path) < 32 {
		s.path = append(s.path, level{indent, clip(whole, maxText)})
	}
	return clip(whole, maxText)
}

// pair begins another pair where the key says so.
func (s *settingReader) pair(prefix string, number int) {
	if prefix != s.prefix || s.host != "" && s.port != "" {
		s.flush()
	}
	s.prefix, s.line0 = prefix, cmp.Or(s.line0, number)
}

// flush keeps the pair. A host alone counts where its key, or a setting beside it,
// tells what is there; a port alone is where the program itself listens.
func (s *settingReader) flush() {
	host, port, ok := hostAndPort(s.host)
	scheme := cmp.Or(schemeOf(s.prefix), s.kinds[owner(s.prefix)])
	if scheme == "sqlite" { // a file: the host is left over
		ok = false
	}
	if n, number := number(s.port); number && n > 0 && n < 65536 && port == 0 {
		port = int(n)
	}
	if port == 0 && scheme == "" && slices.ContainsFunc(keyWords(s.prefix), isDatabase) {
		scheme = AnyDatabase
	}
	if ok && !listens(s.prefix) && (port > 0 || scheme != "") {
		s.add(s.line0, scheme, host, port)
	}
	s.prefix, s.host, s.port, s.line0 = "", "", "", 0
}

// listens reports whether a key is about where the program itself is found.
func listens(prefix string) bool {
	words := keyWords(prefix)
	return len(words) > 0 && slices.Contains([]string{"server", "management", "listen", "bind", "listener", "advertised", "jmx", "proxy"}, words[len(words)-1]) ||
		len(words) > 0 && (words[0] == "server" || words[0] == "management")
}

func keyWords(key string) []string {
	return strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return r == '.' || r == '_' || r == '-' })
}

// isDatabase reports whether a word of a key means a database of whatever kind.
func isDatabase(word string) bool {
	return word == "db" || word == "database" || word == "datasource" || word == "sql"
}

// owner is a key in a form in which the settings of one database agree: one may
// say DB where another says DATABASE.
func owner(prefix string) string {
	words := keyWords(prefix)
	for n, w := range words {
		if isDatabase(w) {
			words[n] = "db"
		}
	}
	return strings.Join(words, ".")
}

// kindIn is what is spoken with what a driver or a framework calls a database;
// empty for what we do not know.
func kindIn(value string) string {
	switch word := strings.ToLower(kindWord.FindString(value)); word {
	case "postgres", "pgsql", "pg":
		return "postgresql"
	case "sqlsrv", "mssql":
		return "sqlserver"
	case "mongo":
		return "mongodb"
	default:
		return word
	}
}

// schemeOf is what a key says is spoken: the last of its words that tells.
func schemeOf(key string) string {
	words := keyWords(key)
	for _, w := range slices.Backward(words) {
		if usualPorts[w] > 0 && w != "http" && w != "https" {
			return w
		}
		if s := schemes[w]; s != "" {
			return s
		}
		if w == "master" {
			return "mysql"
		}
	}
	return ""
}
