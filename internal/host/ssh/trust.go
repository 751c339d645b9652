package ssh

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A KeyEvent is a host key that was learned, or that is not the one we know.
type KeyEvent struct {
	Alias   string // the host, as it was named
	Name    string // and as it stands in known_hosts: name or [name]:port
	Key     inventory.HostKey
	How     string   // for a learned key: how it came to be trusted
	Known   []string // for a changed one: where the old key is written
	Changed bool
}

// Trust decides about host keys. It reads the incident's known_hosts and the
// user's own; what is learned is written to the incident's only.
type Trust struct {
	// AcceptNew trusts a key seen for the first time without asking.
	AcceptNew bool
	// Ask decides about a key seen for the first time when AcceptNew is off. Nil
	// means no.
	Ask func(ctx context.Context, e KeyEvent) (bool, error)
	// Tell hears of every key learned or changed, before the visit goes on.
	Tell func(KeyEvent) error

	file string // the incident's known_hosts

	mu      sync.Mutex
	own     *knownhosts.HostKeyDB
	learned map[string][]ssh.PublicKey // in this process, by name
	users   map[string]*knownhosts.HostKeyDB
}

// NewTrust reads the incident's known_hosts; the file must exist.
func NewTrust(file string) (*Trust, error) {
	own, err := loadKnownHosts(file)
	if err != nil {
		return nil, fmt.Errorf("incident's known_hosts: %w", err)
	}
	return &Trust{
		file: file, own: own,
		learned: map[string][]ssh.PublicKey{}, users: map[string]*knownhosts.HostKeyDB{},
	}, nil
}

// keyName is how a hop is called in known_hosts. A name given by HostKeyAlias
// stands there without a port.
func keyName(h Hop) string {
	if h.KeyName != "" {
		return net.JoinHostPort(h.KeyName, "22")
	}
	return net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
}

// algorithms are the host key algorithms for a hop: those of pinned keys first,
// so that the server shows the key we can compare.
func (t *Trust) algorithms(h Hop) ([]string, error) {
	name := keyName(h)
	t.mu.Lock()
	defer t.mu.Unlock()
	pinned := t.own.HostKeyAlgorithms(name)
	for _, key := range t.learned[name] {
		pinned = append(pinned, algorithmsOf(key.Type())...)
	}
	if len(pinned) > 0 {
		return pinned, nil
	}
	for _, file := range h.KnownHosts {
		user, err := t.user(file)
		if err != nil {
			return nil, err
		}
		pinned = append(pinned, user.HostKeyAlgorithms(name)...)
	}
	return pinned, nil
}

func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{keyType}
}

// check accepts or refuses the key a hop has shown.
func (t *Trust) check(ctx context.Context, h Hop, remote net.Addr, key ssh.PublicKey) error {
	name := keyName(h)
	t.mu.Lock()
	verdict, known := t.judge(h, name, remote, key)
	t.mu.Unlock()
	event := KeyEvent{Alias: h.Alias, Name: xknownhosts.Normalize(name), Key: describeKey(key), Known: known}
	switch verdict {
	case pinned:
		return nil
	case pinnedByUser:
		event.How = "the user's known_hosts"
		return t.learn(name, key, event)
	case changed:
		event.Changed = true
		if err := t.tell(event); err != nil {
			return err
		}
		return fmt.Errorf("%w: the key of %s changed: it now shows %s %s, known is %s",
			host.ErrHostKey, event.Name, event.Key.Type, event.Key.Fingerprint, strings.Join(known, ", "))
	}
	event.How = "accepted as new"
	if !t.AcceptNew {
		yes, err := t.ask(ctx, event)
		if err != nil {
			return err
		}
		if !yes {
			return fmt.Errorf("%w: %s is new here and shows %s %s",
				host.ErrHostKey, event.Name, event.Key.Type, event.Key.Fingerprint)
		}
		event.How = "confirmed by a person"
	}
	return t.learn(name, key, event)
}

func (t *Trust) ask(ctx context.Context, e KeyEvent) (bool, error) {
	if t.Ask == nil {
		return false, nil
	}
	return t.Ask(ctx, e)
}

func (t *Trust) tell(e KeyEvent) error {
	if t.Tell == nil {
		return nil
	}
	return t.Tell(e)
}

type verdict int

const (
	unseen verdict = iota
	pinned
	pinnedByUser
	changed
)

// judge looks in the incident's file first: it is the record of tonight. The
// caller holds the lock.
func (t *Trust) judge(h Hop, name string, remote net.Addr, key ssh.PublicKey) (verdict, []string) {
	if keys := t.learned[name]; len(keys) > 0 {
		same := func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), plainKey(key).Marshal()) }
		if slices.ContainsFunc(keys, same) {
			return pinned, nil
		}
		return changed, []string{"the key seen earlier in this run"}
	}
	if v, known := lookup(t.own, t.file, name, remote, key); v != unseen {
		return v, known
	}
	for _, file := range h.KnownHosts {
		user, err := t.user(file)
		if err != nil {
			return changed, []string{err.Error()}
		}
		v, known := lookup(user, file, name, remote, key)
		if v == pinned {
			return pinnedByUser, nil
		}
		if v == changed {
			return changed, known
		}
	}
	return unseen, nil
}

// lookup asks what was read of one file. A revoked key counts as changed: it must
// not be used.
func lookup(db *knownhosts.HostKeyDB, file, name string, remote net.Addr, key ssh.PublicKey) (verdict, []string) {
	if _, certified := key.(*ssh.Certificate); certified && !signs(db, name) {
		return unseen, nil
	}
	err := db.HostKeyCallback()(name, hostless(remote), key)
	if err == nil {
		return pinned, nil
	}
	var keyErr *xknownhosts.KeyError
	if errors.As(err, &keyErr) {
		if len(keyErr.Want) == 0 {
			return unseen, nil
		}
		var known []string
		for _, k := range keyErr.Want {
			known = append(known, fmt.Sprintf("%s %s (%s:%d)", k.Key.Type(), ssh.FingerprintSHA256(k.Key), file, k.Line))
		}
		return changed, known
	}
	return changed, []string{err.Error()}
}

// signs reports whether a file has an authority for a name. A certificate is then
// from that one or not to be used; without one it says nothing.
func signs(db *knownhosts.HostKeyDB, name string) bool {
	return slices.ContainsFunc(db.HostKeys(name), func(k knownhosts.PublicKey) bool { return k.Cert })
}

// plainKey is a key without what certifies it.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

// hostless keeps the lookup to the name: the address behind a name or a bastion
// may be anybody's.
func hostless(net.Addr) net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// learn writes the key down, durably, before it is used.
func (t *Trust) learn(name string, key ssh.PublicKey, e KeyEvent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	key = plainKey(key)
	if err := appendLine(t.file, xknownhosts.Line([]string{name}, key)); err != nil {
		return fmt.Errorf("incident's known_hosts: %w", err)
	}
	t.learned[name] = append(t.learned[name], key)
	return t.tell(e)
}

func appendLine(file, line string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// user reads one of the user's files, once. The caller holds the lock.
func (t *Trust) user(file string) (*knownhosts.HostKeyDB, error) {
	if db, ok := t.users[file]; ok {
		return db, nil
	}
	db, err := loadKnownHosts(file)
	if errors.Is(err, fs.ErrNotExist) {
		db, err = knownhosts.NewDB()
	}
	if err != nil {
		return nil, fmt.Errorf("known_hosts of the user: %w", err)
	}
	t.users[file] = db
	return db, nil
}

// loadKnownHosts reads a known_hosts file. One line that cannot be read must not
// hide the others, as it would in the library: such a file is read again
// without it.
func loadKnownHosts(file string) (*knownhosts.HostKeyDB, error) {
	db, err := knownhosts.NewDB(file)
	if err == nil || isIO(err) {
		return db, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	clean, err := os.CreateTemp("", "nightcall-known-hosts-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(clean.Name())
	if err := clean.Close(); err != nil {
		return nil, err
	}
	lines := slices.Collect(bytes.Lines(data))
	if err := blankBroken(lines, clean.Name()); err != nil {
		return nil, err
	}
	return readLines(lines, clean.Name())
}

// blankBroken empties the lines that the library cannot read, so that the numbers
// of the others stay true. What it can read only it knows: it is asked about all
// of them, then about each half of those it refuses. scratch is a file for that.
func blankBroken(lines [][]byte, scratch string) error {
	_, err := readLines(lines, scratch)
	switch {
	case err == nil || isIO(err):
		return err
	case len(lines) == 1:
		lines[0] = []byte("\n")
		return nil
	}
	half := len(lines) / 2
	if err := blankBroken(lines[:half], scratch); err != nil {
		return err
	}
	return blankBroken(lines[half:], scratch)
}

// readLines has the library, which reads only files, read lines.
func readLines(lines [][]byte, scratch string) (*knownhosts.HostKeyDB, error) {
	if err := os.WriteFile(scratch, slices.Concat(lines...), 0o600); err != nil {
		return nil, err
	}
	return knownhosts.NewDB(scratch)
}

// isIO tells a file that cannot be read from one whose content cannot.
func isIO(err error) bool {
	var pathErr *fs.PathError
	return errors.As(err, &pathErr)
}

// describeKey is a public key as the inventory keeps it: what certifies it ends,
// the key stays.
func describeKey(key ssh.PublicKey) inventory.HostKey {
	key = plainKey(key)
	return inventory.HostKey{
		Type:        key.Type(),
		Key:         base64.StdEncoding.EncodeToString(key.Marshal()),
		Fingerprint: ssh.FingerprintSHA256(key),
	}
}
