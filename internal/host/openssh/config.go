//go:build unix

package openssh

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// The files of a private directory.
const (
	configFile   = "config"   // the master's configuration
	throughFile  = "through"  // for those who go through the master
	socketFile   = "s"        // its control socket
	knownFile    = "known"    // the host keys it may meet
	agentFile    = "agent"    // the socket of the agent that lends keys
	askpassFile  = "askpass"  // the program that ssh asks with
	questionFile = "question" // the pipe its questions come through
	answerFile   = "answer"   // and the one for the answers
)

// alias is the only name in our configurations.
const alias = "h"

// newDir makes a private directory whose path leaves room for a socket's name:
// some systems take 103 bytes, and ssh adds 17 while it makes one.
func newDir() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	return os.MkdirTemp(base, "nightcall-") // 0700
}

// A config is an ssh_config of one Host block.
type config struct {
	text strings.Builder
	errs []error
}

func newConfig() *config {
	c := &config{}
	c.text.WriteString("Host " + alias + "\n")
	return c
}

func (c *config) set(key, value string) { fmt.Fprintf(&c.text, "    %s %s\n", key, value) }

// setIf writes a value that was spelled, or remembers why it could not be.
func (c *config) setIf(key, value string, err error) {
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s: %w", key, err))
		return
	}
	c.set(key, value)
}

func (c *config) path(key, path string) {
	value, err := word.SpellPath(path)
	c.setIf(key, value, err)
}

func (c *config) write(file string) error {
	if err := errors.Join(c.errs...); err != nil {
		return fmt.Errorf("%w: cannot be spelled for ssh: %w", host.ErrRefused, err)
	}
	return os.WriteFile(file, []byte(c.text.String()), 0o600)
}

// forMaster is what every connection of ours has in common.
func (l *login) forMaster(dir string) *config {
	h, c := l.hop, newConfig()
	c.setIf("HostName", strings.ReplaceAll(h.Address, "%", "%%"), word.CheckAddress(h.Address))
	c.setIf("Port", strconv.Itoa(h.Port), word.CheckPort(h.Port))
	c.setIf("User", h.User, word.CheckUser(h.User))
	name := l.keyName()
	c.setIf("HostKeyAlias", name, word.CheckAddress(name))
	c.path("UserKnownHostsFile", filepath.Join(dir, knownFile))
	c.set("GlobalKnownHostsFile", "/dev/null")
	c.set("UpdateHostKeys", "no")
	c.set("CheckHostIP", "no")
	c.set("HashKnownHosts", "no")
	c.set("VerifyHostKeyDNS", "no")
	c.set("ConnectTimeout", seconds(l.limit(stepConnect)+l.limit(stepBanner)+l.limit(stepKex))) // we are stricter
	c.set("ServerAliveInterval", "15")
	c.set("ServerAliveCountMax", "3")
	c.set("RequestTTY", "no")
	c.set("LogLevel", "DEBUG1") // it tells how far the login has come
	l.proxy(c)
	for _, kind := range []struct {
		key string
		add []string
	}{
		{"KexAlgorithms", l.need.KeyExchange},
		{"Ciphers", l.need.Cipher},
		{"MACs", l.need.MAC},
		{"PubkeyAcceptedKeyTypes", l.need.Signature}, // also the newer name's old one
	} {
		if len(kind.add) > 0 {
			c.set(kind.key, "+"+strings.Join(kind.add, ","))
		}
	}
	return c
}

// keyName is how the hop is called in known: its true name where that has to stand
// in a certificate.
func (l *login) keyName() string {
	if len(l.authorities) == 0 {
		return alias
	}
	return cmp.Or(l.hop.KeyName, l.hop.Address)
}

// proxy leads through the bastion, or runs the user's own command.
func (l *login) proxy(c *config) {
	switch command := l.hop.ProxyCommand; {
	case l.bastion != nil:
		file := filepath.Join(l.bastion.dir, throughFile)
		line := host.Quote(l.client.path, "-F", file, "-W")
		c.set("ProxyCommand", strings.ReplaceAll(line, "%", "%%")+" '[%h]:%p' "+alias)
	case command != "" && strings.ContainsFunc(command, unicode.IsControl):
		c.errs = append(c.errs, errors.New("ProxyCommand: it has a control character"))
	case command != "":
		c.set("ProxyCommand", strings.ReplaceAll(command, "%", "%%")) // its tokens are replaced already
	}
}

// forLogin completes the configuration of a login that trusts these keys.
func (l *login) forLogin(dir string, keys []inventory.HostKey) error {
	c := l.forMaster(dir)
	c.set("StrictHostKeyChecking", "yes")
	if len(l.need.HostKey) > 0 {
		c.set("HostKeyAlgorithms", "+"+strings.Join(l.need.HostKey, ","))
	}
	c.set("ControlMaster", "yes")
	c.path("ControlPath", filepath.Join(dir, socketFile))
	c.set("ControlPersist", "no")
	l.ways(c, dir)
	var known strings.Builder
	write := func(marker, name string, keys []inventory.HostKey) {
		for _, k := range keys {
			fmt.Fprintf(&known, "%s%s %s %s\n", marker, name, k.Type, k.Key)
		}
	}
	write("", l.keyName(), keys)
	write("@cert-authority ", l.keyName(), l.authorities)
	write("@revoked ", "*", l.revoked)
	return errors.Join(
		c.write(filepath.Join(dir, configFile)),
		os.WriteFile(filepath.Join(dir, knownFile), []byte(known.String()), 0o600),
		through(dir),
	)
}

// ways are the ways to log in: keys at first, then what is answered, alone or
// beside the keys where those are not enough.
func (l *login) ways(c *config, dir string) {
	var methods []string
	if l.trial == "" || l.partial {
		if l.hop.Kerberos == ssh.Ticket {
			c.set("GSSAPIAuthentication", "yes")
			methods = append(methods, "gssapi-with-mic")
		}
		methods = append(methods, "publickey")
	}
	if !l.asks() {
		c.set("BatchMode", "yes")
	}
	if l.trial != "" {
		c.set("NumberOfPasswordPrompts", "1")
		methods = append(methods, l.trial)
	}
	c.set("PreferredAuthentications", strings.Join(methods, ","))
	l.identities(c, dir)
}

// identities are the keys that we lend, and those that only ssh itself can use.
func (l *login) identities(c *config, dir string) {
	hardware := l.hop.Hardware()
	for _, file := range hardware {
		value, err := word.SpellIdentity(file)
		c.setIf("IdentityFile", value, err)
	}
	if len(hardware) == 0 {
		c.set("IdentityFile", "none")
	} else if l.hop.Provider != "" {
		c.path("SecurityKeyProvider", l.hop.Provider)
	}
	if l.hop.Tokens != "" {
		c.path("PKCS11Provider", l.hop.Tokens)
	}
	c.path("IdentityAgent", filepath.Join(dir, agentFile))
}

// forKey completes the configuration of a connection that only wants the host
// key, of one of these types if any are named.
func (l *login) forKey(dir string, algorithms []string) error {
	c := l.forMaster(dir)
	c.set("StrictHostKeyChecking", "no") // into a file of its own; Trust decides
	switch {
	case len(algorithms) > 0:
		c.set("HostKeyAlgorithms", strings.Join(algorithms, ","))
	case len(l.need.HostKey) > 0:
		c.set("HostKeyAlgorithms", "+"+strings.Join(l.need.HostKey, ","))
	}
	c.set("PreferredAuthentications", "none")
	c.set("BatchMode", "yes")
	c.set("IdentityFile", "none")
	c.set("IdentityAgent", "none")
	return c.write(filepath.Join(dir, configFile))
}

// through writes the configuration of those who go through the master. Without
// it they make no connection of their own.
func through(dir string) error {
	c := newConfig()
	c.path("ControlPath", filepath.Join(dir, socketFile))
	c.set("ControlMaster", "no")
	c.set("BatchMode", "yes")
	c.set("LogLevel", "ERROR")
	c.set("ProxyCommand", "exit 255")
	return c.write(filepath.Join(dir, throughFile))
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// limit is the deadline of a step. Through a bastion or a command nobody sees the
// TCP connection, so that it counts into the wait for the banner.
func (l *login) limit(s step) time.Duration {
	d := l.dialer.Deadlines
	connect, banner := cmp.Or(d.Connect, 10*time.Second), cmp.Or(d.Banner, 10*time.Second)
	switch s {
	case stepConnect:
		return connect
	case stepBanner:
		if l.indirect() {
			return connect + banner
		}
		return banner
	case stepKex:
		return cmp.Or(d.Kex, 15*time.Second)
	default:
		return cmp.Or(d.Auth, 20*time.Second)
	}
}

func (l *login) indirect() bool { return l.bastion != nil || l.hop.ProxyCommand != "" }
