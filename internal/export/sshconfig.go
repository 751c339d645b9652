package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// The files that an export keeps in the incident's directory.
const (
	ConfigFile    = "ssh_config"      // the configuration
	SessionFile   = "ssh_config.now"  // the same, for a login that was just asked for
	PinnedFile    = "ssh_known_hosts" // host keys by alias
	KnownHostFile = "known_hosts"     // host keys by address, kept by scans
)

// ConfigOptions is what an ssh_config depends on beside the hosts.
type ConfigOptions struct {
	Incident string    // the incident's title, for the header
	Dir      string    // the incident's directory, absolute
	By       string    // who gives it out
	At       time.Time // when
	Client   Client    // whom it is spelled for

	// Sockets is a directory, which exists and is the user's own, for the shared
	// connections to bastions. Empty means that connections are not shared.
	Sockets string

	// UserKnownHosts is the user's own known_hosts. It is asked, after the
	// incident's, for bastions that are no hosts of the incident.
	UserKnownHosts string

	// After are configurations to be read behind this one, for what this one
	// leaves open.
	After []string
}

// A Config is a finished ssh_config and what belongs to it.
type Config struct {
	Text     []byte    // the file
	Pinned   []byte    // the known_hosts it refers to, by alias
	Hosts    int       // how many hosts of the incident are in it
	Warnings []Warning // in the order of the hosts

	blocks []block
}

// Aliases returns every alias of the file in its order: the hosts, then the
// bastions that are no hosts of the incident.
func (c Config) Aliases() []string {
	names := make([]string, len(c.blocks))
	for i, b := range c.blocks {
		names[i] = b.alias
	}
	return names
}

// Has reports whether the file has a block for this alias.
func (c Config) Has(alias string) bool {
	return slices.ContainsFunc(c.blocks, func(b block) bool { return b.alias == alias })
}

// A block is one Host block.
type block struct {
	alias string
	notes []string // comments, one line each

	address, user, keyAlias string
	port                    int
	jump                    []string // aliases, first hop first
	identities              []string // spelled
	options                 []option // what this host alone needs, spelled
	known                   string   // spelled
	bastion                 bool     // others go through it
}

// An option is a keyword and its arguments as they stand in the file.
type option struct{ key, value string }

// SSHConfig renders the hosts as an ssh_config with pinned host keys. Equal
// input gives equal bytes. It returns an error when two hosts want one alias, or
// when the incident's directory cannot be written in an ssh_config.
func SSHConfig(hosts []inventory.Host, o ConfigOptions) (Config, error) {
	hosts = byName(hosts)
	if err := collision(hosts); err != nil {
		return Config{}, err
	}
	w, err := newConfigWriter(o)
	if err != nil {
		return Config{}, err
	}
	w.add(hosts)
	blocks := slices.Concat(w.hosts, w.bastions)
	return Config{
		Text: w.render(), Pinned: w.pinned.Bytes(), Hosts: len(w.hosts),
		Warnings: w.warnings, blocks: blocks,
	}, nil
}

// A configWriter holds the file while it grows.
type configWriter struct {
	o       ConfigOptions
	pin     string // spelled paths
	known   string
	control string   // directory of the sockets; empty for none
	after   []string // spelled

	hosts, bastions []block
	pinned          bytes.Buffer
	warnings        []Warning
	aliases         jumpAliases
}

func newConfigWriter(o ConfigOptions) (*configWriter, error) {
	w := &configWriter{o: o}
	if !filepath.IsAbs(o.Dir) {
		return nil, fmt.Errorf("ssh_config for %q: the directory is not absolute", o.Dir)
	}
	var err error
	if w.pin, err = word.SpellPath(filepath.Join(o.Dir, PinnedFile)); err != nil {
		return nil, fmt.Errorf("ssh_config for %q: %w", o.Dir, err)
	}
	if w.known, err = word.SpellPath(filepath.Join(o.Dir, KnownHostFile)); err != nil {
		return nil, fmt.Errorf("ssh_config for %q: %w", o.Dir, err)
	}
	if own, err := word.SpellPath(o.UserKnownHosts); err == nil {
		w.known += " " + own
	}
	for _, file := range o.After {
		spelled, err := spellInclude(file)
		if err != nil {
			return nil, fmt.Errorf("include %q: %w", file, err)
		}
		w.after = append(w.after, spelled)
	}
	if !strings.Contains(o.Client.Version, "_for_Windows_") { // it cannot share connections
		w.control = socketDir(o.Sockets)
	}
	return w, nil
}

// add makes the blocks of all hosts and of the bastions before them. Bastions
// are known only when every host was seen.
func (w *configWriter) add(hosts []inventory.Host) {
	var kept []inventory.Host
	for _, h := range hosts {
		if err := checkHost(h); err != nil {
			w.leave(h.Name, err)
			continue
		}
		kept = append(kept, h)
	}
	w.aliases = newJumpAliases(hosts, kept)
	for _, h := range kept {
		w.hosts = append(w.hosts, w.host(h))
	}
	for _, hop := range w.aliases.foreign {
		w.bastions = append(w.bastions, w.bastion(hop))
	}
	for i := range w.hosts {
		w.hosts[i].bastion = w.aliases.used[w.hosts[i].alias]
	}
}

// checkHost says why a host cannot be written.
func checkHost(h inventory.Host) error {
	if h.Access.Wire == "local" {
		return errors.New("it is this machine, and no ssh is needed")
	}
	if err := word.CheckName(h.Name); err != nil {
		return err
	}
	if err := checkEnd(h.Access.Address, h.Access.Port, h.Access.User); err != nil {
		return err
	}
	if len(h.Access.Jump) > maxHops {
		return fmt.Errorf("it is behind %d bastions, and %d are allowed", len(h.Access.Jump), maxHops)
	}
	for i, hop := range h.Access.Jump {
		if err := checkEnd(hop.Address, hop.Port, hop.User); err != nil {
			return fmt.Errorf("bastion %d: %w", i+1, err)
		}
	}
	return nil
}

func checkEnd(address string, port int, user string) error {
	if err := word.CheckAddress(address); err != nil {
		return err
	}
	if err := word.CheckPort(port); err != nil {
		return err
	}
	return word.CheckUser(user)
}

func (w *configWriter) leave(name string, err error) {
	w.warnings = append(w.warnings, Warning{Host: word.OneLine(name), Text: err.Error(), Left: true})
}

// warn tells the person, and returns the same as a note for the file.
func (w *configWriter) warn(h inventory.Host, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	w.warnings = append(w.warnings, Warning{Host: h.Name, Text: text})
	return text
}

// host is the block of a host of the incident.
func (w *configWriter) host(h inventory.Host) block {
	b := block{
		alias: h.Name, keyAlias: h.Name, known: w.pin,
		address: h.Access.Address, port: h.Access.Port, user: h.Access.User,
		jump: w.aliases.chain(h.Access.Jump),
	}
	if system := word.OneLine(strings.TrimSpace(h.Facts.OS.Value.Name + " " + h.Facts.OS.Value.Version)); system != "" {
		b.notes = append(b.notes, system)
	}
	for _, path := range h.Access.Identities {
		spelled, err := word.SpellIdentity(path)
		if err != nil {
			b.notes = append(b.notes, w.warn(h, "key file %s is left out: %v", word.OneLine(path), err))
			continue
		}
		b.identities = append(b.identities, spelled)
	}
	options, missing := w.o.Client.legacy(h.Access.Legacy)
	b.options = options
	if len(missing) > 0 {
		b.notes = append(b.notes, w.warn(h, "needs %s, which %s lacks", strings.Join(missing, ", "), w.o.Client.name()))
	}
	b.notes = append(b.notes, w.pinKeys(h)...)
	return b
}

// pinKeys writes the host's keys under its alias and returns what is to be said
// about them.
func (w *configWriter) pinKeys(h inventory.Host) (notes []string) {
	pinned := 0
	for _, key := range h.Access.HostKeys {
		if err := checkKey(key); err != nil {
			notes = append(notes, w.warn(h, "host key %s is not pinned: %v", word.OneLine(key.Fingerprint), err))
			continue
		}
		fmt.Fprintf(&w.pinned, "%s %s %s\n", h.Name, key.Type, key.Key)
		pinned++
	}
	if pinned == 0 {
		notes = append(notes, "no host key was seen yet: ssh refuses until a scan has accepted one")
	}
	return notes
}

// bastion is the block of a bastion that is no host of the incident. Its key is
// pinned by address, as scans met it.
func (w *configWriter) bastion(f foreignHop) block {
	return block{
		alias: f.alias, known: w.known, bastion: true,
		address: f.hop.Address, port: f.hop.Port, user: f.hop.User,
		jump: f.jump,
	}
}

// lines are the block's options in the order of the file.
func (b block) lines(control, dir string) []option {
	lines := []option{{"HostName", strings.ReplaceAll(b.address, "%", "%%")}}
	if b.port != 0 {
		lines = append(lines, option{"Port", strconv.Itoa(b.port)})
	}
	if b.user != "" {
		lines = append(lines, option{"User", b.user})
	}
	for _, path := range b.identities {
		lines = append(lines, option{"IdentityFile", path})
	}
	if len(b.jump) > 0 {
		lines = append(lines, option{"ProxyJump", spellJump(b.jump)})
	}
	if b.keyAlias != "" {
		lines = append(lines, option{"HostKeyAlias", b.keyAlias})
	}
	lines = append(
		lines,
		option{"UserKnownHostsFile", b.known},
		option{"GlobalKnownHostsFile", b.known},
		option{"StrictHostKeyChecking", "yes"},
		option{"UpdateHostKeys", "no"},
		option{"CheckHostIP", "no"},
	)
	lines = append(lines, b.options...)
	if b.bastion && control != "" {
		lines = append(
			lines,
			option{"ControlMaster", "auto"},
			option{"ControlPath", control + "-" + shortHash(dir+"\n"+b.alias) + "-%C"},
			option{"ControlPersist", "10m"},
		)
	}
	return lines
}

// Write puts the configuration and its pinned keys into the incident's directory
// dir. The client is asked about every alias first, on a file beside the real
// one; when it refuses any, the files stay as they were. The zero Client asks
// nothing.
func (c Config) Write(ctx context.Context, dir string, client Client) error {
	if client.Path != "" {
		if err := c.tryOut(ctx, dir, client); err != nil {
			return err
		}
	}
	if err := WriteFile(filepath.Join(dir, PinnedFile), c.Pinned, 0o600); err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, ConfigFile), c.Text, 0o600)
}

// WriteSession puts the configuration beside the one that Write puts there, which
// may be included elsewhere, for one login to alias. Only that alias and the
// bastions before it are checked. It returns the file's path.
func (c Config) WriteSession(ctx context.Context, dir string, client Client, alias string) (string, error) {
	if err := WriteFile(filepath.Join(dir, PinnedFile), c.Pinned, 0o600); err != nil {
		return "", err
	}
	file := filepath.Join(dir, SessionFile)
	if err := WriteFile(file, c.Text, 0o600); err != nil {
		return "", err
	}
	if err := client.Check(ctx, file, c.only(alias)); err != nil {
		return "", fmt.Errorf("check ssh_config: %w", err)
	}
	return file, nil
}

// only returns the configuration with nothing to check but alias and the
// bastions before it.
func (c Config) only(alias string) Config {
	wanted := []string{alias}
	for _, b := range c.blocks {
		if b.alias == alias {
			wanted = append(wanted, b.jump...)
		}
	}
	c.blocks = slices.DeleteFunc(slices.Clone(c.blocks), func(b block) bool { return !slices.Contains(wanted, b.alias) })
	return c
}

func (c Config) tryOut(ctx context.Context, dir string, client Client) error {
	f, err := os.CreateTemp(dir, "."+ConfigFile+".*")
	if err != nil {
		return fmt.Errorf("check ssh_config: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(c.Text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("check ssh_config: %w", err)
	}
	if err := client.Check(ctx, f.Name(), c); err != nil {
		return fmt.Errorf("check ssh_config: %w", err)
	}
	return nil
}

// render writes the file.
func (w *configWriter) render() []byte {
	var b bytes.Buffer
	w.header(&b)
	for _, group := range []struct {
		title  string
		blocks []block
	}{{"Hosts of the incident", w.hosts}, {"Bastions before them", w.bastions}} {
		if len(group.blocks) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n# %s\n", group.title)
		for _, block := range group.blocks {
			w.renderBlock(&b, block)
		}
	}
	if len(w.after) > 0 {
		fmt.Fprintf(&b, "\nMatch all\n    Include %s\n", strings.Join(w.after, " "))
	}
	return b.Bytes()
}

func (w *configWriter) header(b *bytes.Buffer) {
	fmt.Fprintf(b, "# Written by nightcall for the incident: %s\n", word.OneLine(w.o.Incident))
	fmt.Fprintf(b, "# Given %s by %s; spelled for %s.\n", w.o.At.UTC().Format("2006-01-02 15:04 UTC"), word.OneLine(w.o.By), w.o.Client.name())
	b.WriteString("# Write it anew:  nightcall ssh-config --write\n")
	b.WriteString("# Take it out of your configuration:  nightcall ssh-config --remove\n")
	for _, warning := range w.warnings {
		if warning.Left {
			fmt.Fprintf(b, "# Left out: %s: %s\n", warning.Host, word.OneLine(warning.Text))
		}
	}
}

func (w *configWriter) renderBlock(b *bytes.Buffer, block block) {
	b.WriteByte('\n')
	for _, note := range block.notes {
		fmt.Fprintf(b, "# %s\n", word.OneLine(note))
	}
	fmt.Fprintf(b, "Host %s\n", block.alias)
	for _, line := range block.lines(w.control, w.o.Dir) {
		fmt.Fprintf(b, "    %s %s\n", line.key, line.value)
	}
}

// socketDir returns the beginning of the control sockets' paths, or nothing
// when they would be too long. A socket's path has room for 103 bytes on the
// narrowest systems, and ssh appends 17 to the name while it makes one.
func socketDir(dir string) string {
	if dir == "" {
		return ""
	}
	prefix := filepath.ToSlash(filepath.Join(dir, "nc"))
	if len(prefix)+len("-01234567-")+40+17 > 103 || strings.ContainsAny(prefix, " #=") {
		return ""
	}
	spelled, err := word.SpellPath(prefix)
	if err != nil {
		return ""
	}
	return spelled
}

// shortHash tells apart what the client's own hash does not: bastions of two
// incidents with one address.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
