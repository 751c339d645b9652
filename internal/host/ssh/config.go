package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kevinburke/ssh_config"
)

// A Hop is one login of a route: the last is the host itself, those before it
// are bastions.
type Hop struct {
	Alias        string // as it was named
	Address      string // name or IP to connect to
	Port         int
	User         string
	Identities   []string // key files; configured ones, or the usual names
	OnlyThese    bool     // IdentitiesOnly: no other key of the agent is offered
	KeyName      string   // HostKeyAlias, or empty
	KnownHosts   []string // UserKnownHostsFile, expanded
	Agent        string   // IdentityAgent; empty means $SSH_AUTH_SOCK, "none" none
	ProxyCommand string
	Kerberos     Kerberos
	Provider     string // SecurityKeyProvider: the library for keys in hardware, or empty for ssh's own
	Tokens       string // PKCS11Provider: the library of smart cards and other tokens, or empty for none
}

// Kerberos is what there is here to log in with GSSAPI.
type Kerberos int

// What there may be of Kerberos.
const (
	KerberosOff Kerberos = iota // the configuration does not have GSSAPIAuthentication
	NoTicket
	Ticket
)

// A Route leads to a host: bastions in order, then the host.
type Route []Hop

// Last is the host at the end of the route.
func (r Route) Last() Hop { return r[len(r)-1] }

// A Config answers what the user's ssh configuration says of a host.
type Config struct {
	User string // login name on this laptop
	Home string

	files  []string // read in order; the first value wins
	given  string   // the file named with -F, or empty
	parsed []*ssh_config.Config
	viaSSH string // why only ssh itself can read the files; empty when we can

	kerberos func() Kerberos

	mu    sync.Mutex
	cache map[string]settings
}

// SystemConfig is the ssh configuration for everybody on this laptop.
const SystemConfig = "/etc/ssh/ssh_config"

// LoadConfig reads the user's and the system's ssh configuration, or only file
// when it is not empty. Where the files hold what our parser refuses to judge
// (Match beyond host names), each host is asked of `ssh -G` instead.
func LoadConfig(file, home, user string) (*Config, error) {
	c := &Config{User: user, Home: home, given: file, cache: map[string]settings{}, kerberos: sync.OnceValue(kerberos)}
	c.files = []string{filepath.Join(home, ".ssh", "config"), SystemConfig}
	if file != "" {
		c.files = []string{file}
	}
	for _, name := range c.files {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && file == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ssh configuration: %w", err)
		}
		parsed, err := ssh_config.Decode(bytes.NewReader(unquoteIncludes(data)))
		if err != nil {
			c.viaSSH = err.Error()
			continue
		}
		c.parsed = append(c.parsed, parsed)
	}
	if c.viaSSH != "" {
		if _, err := exec.LookPath("ssh"); err != nil {
			return nil, fmt.Errorf("ssh configuration: %s: only ssh itself can read it, and there is none here", c.viaSSH)
		}
	}
	return c, nil
}

// Route resolves a target to the logins that lead there. Bastions may themselves
// be behind bastions.
func (c *Config) Route(ctx context.Context, t Target) (Route, error) {
	return c.route(ctx, t, nil)
}

// maxHops is more bastions than anybody strings together on purpose.
const maxHops = 8

func (c *Config) route(ctx context.Context, t Target, via []string) (Route, error) {
	if len(via) > maxHops {
		return nil, fmt.Errorf("route to %s: more than %d jumps: %s", t.Host, maxHops, strings.Join(via, " -> "))
	}
	s, err := c.settings(ctx, t.Host)
	if err != nil {
		return nil, err
	}
	hop, err := c.hop(t, s)
	if err != nil {
		return nil, err
	}
	jump := s.first("proxyjump")
	if jump == "" || jump == "none" {
		return Route{hop}, nil
	}
	hop.ProxyCommand = ""
	var route Route
	for i, name := range strings.Split(jump, ",") {
		bastion, err := ParseTarget(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("ProxyJump of %s: %w", t.Host, err)
		}
		part, err := c.route(ctx, bastion, append(via, t.Host))
		if err != nil {
			return nil, err
		}
		if i > 0 { // a later bastion is reached through the earlier ones
			part = Route{part.Last()}
		}
		route = append(route, part...)
	}
	return append(route, hop), nil
}

// hop turns settings into one login. What the target itself says goes first.
func (c *Config) hop(t Target, s settings) (Hop, error) {
	h := Hop{Alias: t.Host, Address: t.Host, Port: 22, User: c.User}
	if v := s.first("user"); v != "" {
		h.User = v
	}
	if t.User != "" {
		h.User = t.User
	}
	if v := s.first("port"); v != "" {
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || n == 0 {
			return Hop{}, fmt.Errorf("ssh configuration of %s: Port %q is no port", t.Host, v)
		}
		h.Port = int(n)
	}
	if t.Port != 0 {
		h.Port = t.Port
	}
	if v := s.first("hostname"); v != "" {
		h.Address = strings.NewReplacer("%%", "%", "%h", t.Host).Replace(v)
	}
	expand := c.expander(h)
	h.OnlyThese = s.first("identitiesonly") == "yes"
	if s.first("gssapiauthentication") == "yes" {
		h.Kerberos = c.kerberos()
	}
	h.Identities, h.KnownHosts = c.identities(s, expand), c.knownHosts(s, expand)
	h.KeyName = s.first("hostkeyalias")
	h.Agent = expand(s.first("identityagent"))
	if v := s.first("securitykeyprovider"); v != "internal" {
		h.Provider = expand(os.ExpandEnv(v))
	}
	if v := s.first("pkcs11provider"); v != "none" {
		h.Tokens = v
	}
	if v := s.first("proxycommand"); v != "none" {
		h.ProxyCommand = expand(v)
	}
	return h, nil
}

// identities are the files of the keys to log in with; the usual ones where the
// settings name none.
func (c *Config) identities(s settings, expand func(string) string) []string {
	var files []string
	for _, v := range s["identityfile"] {
		if v != "none" {
			files = append(files, expand(v))
		}
	}
	if len(files) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"} {
			files = append(files, filepath.Join(c.Home, ".ssh", name))
		}
	}
	return files
}

// knownHosts are the user's files of host keys; with "none", no file.
func (c *Config) knownHosts(s settings, expand func(string) string) []string {
	if len(s["userknownhostsfile"]) == 0 {
		return []string{filepath.Join(c.Home, ".ssh", "known_hosts")}
	}
	var files []string
	for _, v := range s["userknownhostsfile"] {
		for _, file := range strings.Fields(v) {
			if file != "none" {
				files = append(files, expand(file))
			}
		}
	}
	return files
}

// kerberos asks for a ticket. Some distributions switch GSSAPI on for everybody,
// so that the word alone says nothing.
func kerberos() Kerberos {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if exec.CommandContext(ctx, "klist", "-s").Run() != nil {
		return NoTicket
	}
	return Ticket
}

// expander replaces the tokens of ssh_config(5) that concern files.
func (c *Config) expander(h Hop) func(string) string {
	local, _ := os.Hostname()
	short, _, _ := strings.Cut(local, ".")
	tokens := strings.NewReplacer("%%", "%", "%h", h.Address, "%n", h.Alias, "%p", strconv.Itoa(h.Port),
		"%r", h.User, "%u", c.User, "%d", c.Home, "%l", local, "%L", short, "%i", strconv.Itoa(os.Getuid()))
	return func(v string) string {
		if v == "~" || strings.HasPrefix(v, "~/") {
			v = c.Home + v[1:]
		}
		return tokens.Replace(v)
	}
}

// settings are the values of one host by lower-case keyword.
type settings map[string][]string

func (s settings) first(key string) string {
	if len(s[key]) == 0 {
		return ""
	}
	return s[key][0]
}

// keywords are what we ask of the configuration; the second value says whether
// all values count, or only the first.
var keywords = map[string]bool{
	"hostname": false, "user": false, "port": false, "proxyjump": false, "proxycommand": false,
	"identityfile": true, "identitiesonly": false, "identityagent": false,
	"hostkeyalias": false, "userknownhostsfile": false, "gssapiauthentication": false,
	"securitykeyprovider": false, "pkcs11provider": false,
}

func (c *Config) settings(ctx context.Context, alias string) (settings, error) {
	c.mu.Lock()
	s, ok := c.cache[alias]
	c.mu.Unlock()
	if ok {
		return s, nil
	}
	read := c.read
	if c.viaSSH != "" {
		read = c.ask
	}
	s, err := read(ctx, alias)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cache[alias] = s
	return s, nil
}

// read takes the settings from the parsed files.
func (c *Config) read(_ context.Context, alias string) (settings, error) {
	s := settings{}
	for key, all := range keywords {
		for _, file := range c.parsed {
			values, err := file.GetAll(alias, key)
			if err != nil {
				return nil, fmt.Errorf("ssh configuration of %s: %w", alias, err)
			}
			s[key] = append(s[key], values...)
		}
		if !all && len(s[key]) > 1 {
			s[key] = s[key][:1]
		}
	}
	return s, nil
}

// ask takes the settings from ssh itself, which knows every keyword.
func (c *Config) ask(ctx context.Context, alias string) (settings, error) {
	args := []string{"-G"}
	if c.given != "" {
		args = append(args, "-F", c.given)
	}
	cmd := exec.CommandContext(ctx, "ssh", append(args, "--", alias)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ssh configuration of %s: ssh -G: %w: %.300s", alias, err, strings.TrimSpace(stderr.String()))
	}
	return parseDump(string(out)), nil
}

// parseDump reads what `ssh -G` prints: a lower-case keyword and a value a line.
func parseDump(text string) settings {
	s := settings{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if _, wanted := keywords[key]; wanted {
			s[key] = append(s[key], value)
		}
	}
	return s
}

// Aliases returns every host that the files name without a pattern, in order.
func (c *Config) Aliases() ([]string, error) {
	seen := map[string]bool{}
	var names []string
	for _, name := range c.files {
		found, err := aliasesIn(name, c.Home, 0)
		if errors.Is(err, fs.ErrNotExist) && c.given == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ssh configuration: %w", err)
		}
		for _, alias := range found {
			if !seen[alias] {
				seen[alias] = true
				names = append(names, alias)
			}
		}
	}
	return names, nil
}

// aliasesIn reads the Host lines of a file and of what it includes. Only names
// are wanted here, so no directive has to be judged.
func aliasesIn(file, home string, depth int) ([]string, error) {
	if depth > 16 {
		return nil, fmt.Errorf("%s: included more than 16 deep", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(unquoteIncludes(data))) {
		keyword, values := directive(line)
		switch keyword {
		case "host":
			for _, name := range values {
				if !strings.ContainsAny(name, "*?!\"") && checkName(name) == nil {
					names = append(names, name)
				}
			}
		case "include":
			for _, pattern := range values {
				more, err := included(pattern, file, home, depth)
				if err != nil {
					return nil, err
				}
				names = append(names, more...)
			}
		}
	}
	return names, nil
}

var (
	includeLine = regexp.MustCompile(`(?mi)^[ \t]*include[ \t=].*$`)
	inQuotes    = regexp.MustCompile(`"[^"\n]*"`)
)

// unquoteIncludes takes the quotes off the files that Include names, for which the
// parser would look with them. A name is a pattern, in which ? stands for a blank.
func unquoteIncludes(data []byte) []byte {
	return includeLine.ReplaceAllFunc(data, func(line []byte) []byte {
		return inQuotes.ReplaceAllFunc(line, func(name []byte) []byte {
			return bytes.ReplaceAll(bytes.Trim(name, `"`), []byte(" "), []byte("?"))
		})
	})
}

// directive splits a line into its keyword, in lower case, and its values; an
// equals sign may stand between them.
func directive(line string) (keyword string, values []string) {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return "", nil
	}
	rest := strings.TrimLeft(line[end:], " \t")
	return strings.ToLower(line[:end]), strings.Fields(strings.TrimPrefix(rest, "="))
}

func included(pattern, from, home string, depth int) ([]string, error) {
	switch {
	case strings.HasPrefix(pattern, "~/"):
		pattern = filepath.Join(home, pattern[2:])
	case !filepath.IsAbs(pattern) && strings.HasPrefix(from, "/etc/ssh/"):
		pattern = filepath.Join("/etc/ssh", pattern)
	case !filepath.IsAbs(pattern):
		pattern = filepath.Join(home, ".ssh", pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: Include %s: %w", from, pattern, err)
	}
	var names []string
	for _, file := range files {
		more, err := aliasesIn(file, home, depth+1)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}
