package ssh

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// ErrUnspoken is wrapped, beside one of package host's sentinels, where this wire
// lacks what the host needs: another wire may have it.
var ErrUnspoken = errors.New("not spoken by the native wire")

// unspoken marks err as one that another wire may not meet. Its text stays.
func unspoken(err error) error { return unspokenError{err} }

type unspokenError struct{ error }

func (e unspokenError) Unwrap() []error { return []error{e.error, ErrUnspoken} }

var errProxyCommand = unspoken(fmt.Errorf("%w: it is behind a ProxyCommand, and only ProxyJump is spoken here", host.ErrRefused))

// noCommon says that no widening helps.
func noCommon(no *ssh.AlgorithmNegotiationError) error {
	return unspoken(fmt.Errorf("%w: no common algorithm for %s: it speaks only %s",
		host.ErrRefused, no.What, strings.Join(no.RequestedAlgorithms, ", ")))
}

// otherWay reports whether the hop may be logged in to in a way that the server
// takes and this wire does not have: a Kerberos ticket, a key file whose key is in
// hardware, or a token.
func (h Hop) otherWay(offered []string) bool {
	return h.Kerberos == Ticket && slices.Contains(offered, gssapi) ||
		slices.Contains(offered, publicKey) && (len(h.Hardware()) > 0 || h.Tokens != "")
}

// Hardware returns the key files whose keys are in hardware.
func (h Hop) Hardware() []string {
	var files []string
	for _, file := range h.Identities {
		if inHardware(file) {
			files = append(files, file)
		}
	}
	return files
}

// inHardware tells a key file whose key is in hardware by the public half beside
// it, or by the one that is readable in it.
func inHardware(file string) bool {
	if public, err := os.ReadFile(file + ".pub"); err == nil {
		return bytes.HasPrefix(public, []byte("sk-"))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	key, _ := pem.Decode(text)
	return key != nil && (bytes.Contains(key.Bytes, []byte(ssh.KeyAlgoSKED25519)) || bytes.Contains(key.Bytes, []byte(ssh.KeyAlgoSKECDSA256)))
}

// Pinned returns the keys that are trusted for a hop, for a wire that compares
// keys itself.
func (t *Trust) Pinned(h Hop) ([]inventory.HostKey, error) {
	name := keyName(h)
	t.mu.Lock()
	defer t.mu.Unlock()
	files, err := t.files(h)
	if err != nil {
		return nil, err
	}
	candidates := slices.Clone(t.learned[name])
	for _, f := range files {
		for _, key := range f.db.HostKeys(name) {
			if !key.Cert {
				candidates = append(candidates, key.PublicKey)
			}
		}
	}
	var keys []inventory.HostKey
	for _, key := range candidates {
		if v, _ := t.judge(h, name, nil, key); v == pinned || v == pinnedByUser {
			keys = append(keys, describeKey(key))
		}
	}
	return keys, nil
}

// Authorities returns the keys whose signature on a host key is trusted for a hop,
// and those keys that are not to be trusted whatever they have signed or signs
// them, for a wire that checks certificates itself.
func (t *Trust) Authorities(h Hop) (trusted, revoked []inventory.HostKey, err error) {
	name := keyName(h)
	t.mu.Lock()
	defer t.mu.Unlock()
	files, err := t.files(h)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		for _, key := range f.db.HostKeys(name) {
			if key.Cert {
				trusted = append(trusted, describeKey(key.PublicKey))
			}
		}
		if len(trusted) > 0 {
			break // the incident's file goes first, as in judge
		}
	}
	for _, f := range files {
		keys, err := revokedIn(f.path)
		if err != nil {
			return nil, nil, err
		}
		revoked = append(revoked, keys...)
	}
	return trusted, revoked, nil
}

// A knownFile is one known_hosts that was read.
type knownFile struct {
	path string
	db   *knownhosts.HostKeyDB
}

// files are those that say something about a hop, the incident's first. The caller
// holds the lock.
func (t *Trust) files(h Hop) ([]knownFile, error) {
	files := []knownFile{{t.file, t.own}}
	for _, path := range h.KnownHosts {
		db, err := t.user(path)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", host.ErrHostKey, err)
		}
		files = append(files, knownFile{path, db})
	}
	return files, nil
}

// revokedIn reads the @revoked lines of a file, which the library keeps to itself.
// They hold for every host, as they do there.
func revokedIn(path string) ([]inventory.HostKey, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: known_hosts: %w", host.ErrHostKey, err)
	}
	var keys []inventory.HostKey
	for line := range bytes.Lines(data) {
		if marker, _, key, _, _, err := ssh.ParseKnownHosts(line); err == nil && marker == "revoked" {
			keys = append(keys, describeKey(key))
		}
	}
	return keys, nil
}

// Vouch takes down a key that an authority has signed, by the word of another wire
// that checked it.
func (t *Trust) Vouch(h Hop, key inventory.HostKey) error {
	public, err := parseKey(key)
	if err != nil {
		return err
	}
	name := keyName(h)
	return t.learn(name, public, KeyEvent{
		Alias: h.Alias, Name: xknownhosts.Normalize(name), Key: key, How: "an authority of known_hosts",
	})
}

// Judge accepts or refuses a key that another wire has seen, by the rules and
// with the records of this one.
func (t *Trust) Judge(ctx context.Context, h Hop, key inventory.HostKey) error {
	public, err := parseKey(key)
	if err != nil {
		return err
	}
	return t.check(ctx, h, nil, public)
}

// New reports whether nobody has trusted or refused a key that another wire has
// seen, and makes it ready to be accepted.
func (t *Trust) New(h Hop, key inventory.HostKey) (NewKey, bool) {
	public, err := parseKey(key)
	if err != nil || !t.isNew(h, public) {
		return NewKey{}, false
	}
	name := xknownhosts.Normalize(keyName(h))
	return NewKey{KeyEvent: KeyEvent{Alias: h.Alias, Name: name, Key: describeKey(public)}, hop: h, key: public}, true
}

func parseKey(key inventory.HostKey) (ssh.PublicKey, error) {
	blob, err := base64.StdEncoding.DecodeString(key.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: its key is not base64", host.ErrHostKey)
	}
	public, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", host.ErrHostKey, err)
	}
	return public, nil
}

// ParseHostKey reads the base64 text of a key as it stands in known_hosts.
func ParseHostKey(text string) (inventory.HostKey, error) {
	public, err := parseKey(inventory.HostKey{Key: text})
	if err != nil {
		return inventory.HostKey{}, err
	}
	return describeKey(public), nil
}
