package redact

import (
	"path"
	"regexp"
	"strings"
)

// A client is how a program takes a secret on its command line.
type client struct {
	options  []string // whose value is the secret: -a X
	attached bool     // the value may follow the option at once: -aX
	only     bool     // and only so: mysql's -p alone asks for it
	after    string   // the secret begins behind this sign: user:X
	verb     string   // only for this subcommand
}

// clients by the name of the program.
var clients = map[string]client{
	"mysql":     {options: []string{"-p"}, attached: true, only: true},
	"mariadb":   {options: []string{"-p"}, attached: true, only: true},
	"redis":     {options: []string{"-a"}},
	"sshpass":   {options: []string{"-p"}, attached: true},
	"curl":      {options: []string{"-u", "--user", "-U", "--proxy-user"}, attached: true, after: ":"},
	"mongo":     {options: []string{"-p"}, attached: true},
	"ldap":      {options: []string{"-w"}, attached: true},
	"smbclient": {options: []string{"-U"}, attached: true, after: "%"},
	"lftp":      {options: []string{"-u"}, attached: true, after: ","},
	"sqlcmd":    {options: []string{"-P"}, attached: true},
	"mosquitto": {options: []string{"-P"}, attached: true},
	"ipmitool":  {options: []string{"-P"}, attached: true},
	"snmp":      {options: []string{"-A", "-X", "-c"}, attached: true},
	"docker":    {options: []string{"-p"}, attached: true, verb: "login"},
	"7z":        {options: []string{"-p"}, attached: true, only: true},
	"zip":       {options: []string{"-P"}, attached: true},
	"htpasswd":  {},
}

// families are the programs whose names begin or read differently.
var families = []struct {
	name   *regexp.Regexp
	client string
}{
	{regexp.MustCompile(`^(?:mysql(?:dump|admin|check|import|show|slap|binlog|pump|sh|_upgrade)?|mytop|innobackupex|xtrabackup|mydumper|myloader)$`), "mysql"},
	{regexp.MustCompile(`^mariadb(?:-(?:dump|admin|check|import|show|slap|binlog|backup|upgrade))?$`), "mariadb"},
	{regexp.MustCompile(`^(?:redis|valkey|keydb)-(?:cli|benchmark)$`), "redis"},
	{regexp.MustCompile(`^mongo(?:sh|dump|restore|export|import|stat|top|files)?$`), "mongo"},
	{regexp.MustCompile(`^ldap(?:search|add|modify|delete|passwd|whoami|compare)$`), "ldap"},
	{regexp.MustCompile(`^(?:sqlcmd|bcp|isql|tsql|osql)$`), "sqlcmd"},
	{regexp.MustCompile(`^mosquitto_(?:pub|sub|rr)$`), "mosquitto"},
	{regexp.MustCompile(`^snmp(?:get|walk|set|bulkwalk|bulkget|getnext|trap|status|table)$`), "snmp"},
	{regexp.MustCompile(`^(?:docker|podman|nerdctl|buildah|skopeo|helm|oras)$`), "docker"},
	{regexp.MustCompile(`^(?:7z|7za|7zr|rar|unrar)$`), "7z"},
	{regexp.MustCompile(`^(?:zip|unzip)$`), "zip"},
}

// clientOf knows a program by the word that starts it.
func clientOf(word string) (client, bool) {
	name := path.Base(strings.Trim(word, `"'`))
	for _, f := range families {
		if f.name.MatchString(name) {
			return clients[f.client], true
		}
	}
	c, known := clients[name]
	return c, known
}

// secretOption is an option, of any program, whose next word is a secret; asks
// are those that look alike and take none.
var (
	secretOption = regexp.MustCompile(`(?i)^--?(?:[a-z0-9]+[-_.])*(?:password|passwd|pass|passphrase|passin|passout|secret|token|api-?key|secret-?key|access-?key|oauth2-bearer|setcookie|requirepass|masterauth)$`)
	asks         = regexp.MustCompile(`(?i)^--?(?:no|ask|without|prompt|use|with)[-_]|[-_](?:no|ask)[-_]`)
)

// words masks what options hand to a program. The line is cut at blanks only:
// the table of processes shows no quotes.
func words(line string) string {
	var b strings.Builder
	var now client
	next, after := false, ""
	verb := ""
	for rest := line; rest != ""; {
		blank := len(rest) - len(strings.TrimLeft(rest, space))
		b.WriteString(rest[:blank])
		rest = rest[blank:]
		n := strings.IndexAny(rest, space)
		if n < 0 {
			n = len(rest)
		}
		word := rest[:n]
		rest = rest[n:]
		if next && !strings.HasPrefix(word, "-") {
			b.WriteString(maskAfter(word, after))
			next, after = false, ""
			continue
		}
		next, after = false, ""
		if c, ok := clientOf(word); ok {
			now, verb = c, ""
		} else if verb == "" && !strings.HasPrefix(word, "-") {
			verb = word
		}
		switch {
		case secretOption.MatchString(word) && !asks.MatchString(word):
			next = true
			b.WriteString(word)
		case now.verb != "" && now.verb != verb:
			b.WriteString(word)
		default:
			var masked string
			masked, next = now.mask(word)
			after = now.after
			b.WriteString(masked)
		}
	}
	return b.String()
}

// mask masks the secret attached to an option, or says that the next word is
// one.
func (c client) mask(word string) (masked string, next bool) {
	for _, option := range c.options {
		if word == option {
			return word, !c.only
		}
		long := strings.HasPrefix(option, "--")
		if long {
			option += "="
		}
		if value, ok := strings.CutPrefix(word, option); ok && (c.attached || long) && value != "" {
			return option + maskAfter(value, c.after), false
		}
	}
	return word, false
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
	if n := len(word); n > 1 && (word[0] == '"' || word[0] == '\'') && word[n-1] == word[0] {
		return word[:1] + Mask + word[n-1:]
	}
	return Mask
}
