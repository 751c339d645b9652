package ssh

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

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
// takes and this wire does not have: a Kerberos ticket, or a key file whose key is
// in hardware.
func (h Hop) otherWay(offered []string) bool {
	return h.Kerberos == Ticket && slices.Contains(offered, gssapi) ||
		slices.Contains(offered, publicKey) && len(h.Hardware()) > 0
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
	candidates := append([]ssh.PublicKey(nil), t.learned[name]...)
	for _, key := range t.own.HostKeys(name) {
		candidates = append(candidates, key.PublicKey)
	}
	for _, file := range h.KnownHosts {
		user, err := t.user(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", host.ErrHostKey, err)
		}
		for _, key := range user.HostKeys(name) {
			candidates = append(candidates, key.PublicKey)
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

// RouteKey is equal for routes that end at the same login.
func RouteKey(route Route) string { return routeKey(route) }
