package redact

import (
	"path"
	"regexp"
	"strings"
)

// A client is how a program takes a secret on its command line.
type client struct {
	names    string   // the programs, separated by blanks
	options  []string // whose value is the secret: -a X
	attached bool     // the value may follow the option at once: -aX
	asks     bool     // the option alone asks a person: what follows is no secret
	sign     string   // the secret begins behind this sign: user:X
	verb     string   // only for this subcommand
	wrapper  bool     // behind the secret comes another program
}

// clients by the name of the program.
var clients = byName(
	client{names: "mysql mysqldump mysqladmin mysqlcheck mysqlimport mysqlshow mysqlslap mysqlbinlog mysqlpump mysqlsh mysql_upgrade mytop " +
		"innobackupex xtrabackup mydumper myloader mariadb mariadb-dump mariadb-admin mariadb-check mariadb-import mariadb-show mariadb-slap " +
		"mariadb-binlog mariadb-backup mariadb-upgrade", options: []string{"-p"}, attached: true, asks: true},
	client{names: "redis-cli redis-benchmark valkey-cli valkey-benchmark keydb-cli", options: []string{"-a"}},
	client{names: "sshpass", options: []string{"-p"}, attached: true, wrapper: true},
	client{names: "curl", options: []string{"-u", "--user", "-U", "--proxy-user"}, attached: true, sign: ":"},
	client{names: "mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop", options: []string{"-p"}, attached: true},
	client{names: "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami ldapcompare", options: []string{"-w"}, attached: true},
	client{names: "smbclient rpcclient", options: []string{"-U"}, attached: true, sign: "%"},
	client{names: "lftp", options: []string{"-u"}, attached: true, sign: ","},
	client{names: "sqlcmd bcp isql tsql osql mosquitto_pub mosquitto_sub mosquitto_rr ipmitool zip unzip", options: []string{"-P"}, attached: true},
	client{names: "snmpget snmpwalk snmpset snmpbulkwalk snmpbulkget snmpgetnext snmptrap snmpstatus snmptable", options: []string{"-A", "-X", "-c"}, attached: true},
	client{names: "docker podman nerdctl buildah skopeo helm oras", options: []string{"-p"}, attached: true, verb: "login"},
	client{names: "7z 7za 7zr rar unrar", options: []string{"-p"}, attached: true, asks: true},
)

func byName(list ...client) map[string]*client {
	all := map[string]*client{}
	for i := range list {
		for _, name := range strings.Fields(list[i].names) {
			all[name] = &list[i]
		}
	}
	return all
}

// secretOption is an option, of any program, whose next word is a secret; asking
// are those that look alike and take none.
var (
	secretOption = regexp.MustCompile(`(?i)^--?(?:[a-z0-9]+[-_.])*(?:password|passwd|pass|passphrase|passin|passout|secret|token|(?:api|secret|access)-?key|oauth2-bearer|setcookie|requirepass|masterauth)$`)
	asking       = regexp.MustCompile(`(?i)^--?(?:no|ask|without|prompt|use|with)[-_]|[-_](?:no|ask)[-_]`)
)

// Argv masks the secrets in the arguments of a command, each of which stays one.
func Argv(argv []string) []string {
	masked := make([]string, len(argv))
	var s scanner
	for n, arg := range argv {
		if !strings.ContainsAny(arg, space) || s.next {
			arg = s.word(arg)
		}
		masked[n] = Text(arg)
	}
	return masked
}

// lines masks what options hand to programs in a text of any kind, line by line:
// what one line calls has nothing to do with the next, unless it goes on there.
func lines(text string) string {
	if !strings.Contains(text, "-") {
		return text
	}
	var b strings.Builder
	for text != "" {
		end := 0
		for {
			end += lineLength(text[end:])
			if end == len(text) || !strings.HasSuffix(text[:end], "\\\n") {
				break
			}
		}
		if line := text[:end]; strings.Contains(line, " -") || strings.HasPrefix(line, "-") {
			b.WriteString(words(line))
		} else {
			b.WriteString(line)
		}
		text = text[end:]
	}
	return b.String()
}

// lineLength is the length of the first line, with its end.
func lineLength(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n + 1
	}
	return len(text)
}

// words masks what options hand to a program. The line is cut at blanks only:
// the table of processes shows no quotes.
func words(line string) string {
	var b strings.Builder
	var s scanner
	for rest := line; rest != ""; {
		blank := len(rest) - len(strings.TrimLeft(rest, space))
		b.WriteString(rest[:blank])
		rest = rest[blank:]
		n := strings.IndexAny(rest, space)
		if n < 0 {
			n = len(rest)
		}
		b.WriteString(s.word(rest[:n]))
		rest = rest[n:]
	}
	return b.String()
}

// A scanner remembers what the words before mean for the next one.
type scanner struct {
	now  client // the program whose options are read
	verb string // its first word that is no option
	next bool   // the next word is a secret
	sign string // from behind this sign on
}

// word returns one word, with what is secret in it masked.
func (s *scanner) word(word string) string {
	option := strings.HasPrefix(word, "-")
	if word == `\` {
		return word // the line goes on
	}
	if s.next && !option {
		s.next = false
		defer s.through()
		return maskAfter(word, s.sign)
	}
	s.next, s.sign = false, ""
	if !option {
		s.program(word)
		return word
	}
	if len(word) > 4 && suspicious(word) && secretOption.MatchString(word) && !asking.MatchString(word) {
		s.next = true
		return word
	}
	if s.now.verb != "" && s.now.verb != s.verb {
		return word
	}
	return s.option(word)
}

// program notes which program and which of its verbs the options belong to.
func (s *scanner) program(word string) {
	if c := clients[path.Base(strings.Trim(word, `"'`))]; c != nil {
		s.now, s.verb = *c, ""
	} else if s.verb == "" {
		s.verb = word
	}
}

// option masks the secret attached to an option of the program, or notes that
// the next word is one.
func (s *scanner) option(word string) string {
	for _, option := range s.now.options {
		if word == option {
			s.next, s.sign = !s.now.asks, s.now.sign
			return word
		}
		long := strings.HasPrefix(option, "--")
		if long {
			option += "="
		}
		if value, ok := strings.CutPrefix(word, option); ok && (s.now.attached || long) && value != "" {
			defer s.through()
			return option + maskAfter(value, s.now.sign)
		}
	}
	return word
}

// through forgets a program whose secret has been seen and behind which another
// one comes.
func (s *scanner) through() {
	if s.now.wrapper {
		*s = scanner{}
	}
}

// maskAfter masks a word from behind the sign on; without the sign there is no
// secret in it. No sign means the whole word.
func maskAfter(word, sign string) string {
	if sign == "" {
		return maskWord(word)
	}
	before, secret, found := strings.Cut(word, sign)
	if !found || secret == "" {
		return word
	}
	return before + sign + maskWord(secret)
}

// maskWord masks a word and keeps the quotes around it.
func maskWord(word string) string {
	if n := len(word); n > 2 && (word[0] == '"' || word[0] == '\'') && word[n-1] == word[0] {
		return word[:1] + Mask + word[n-1:]
	}
	return Mask
}
