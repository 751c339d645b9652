package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// ErrSealed says that the envelope does not open with what was given.
var ErrSealed = errors.New("it is encrypted, and does not open with this key or passphrase")

// An Envelope is for whom a file is encrypted. The zero value is nobody: the file
// is as it is.
type Envelope struct {
	Recipients []string // age1… keys, or public keys of SSH
	Passphrase string   // instead of them

	work int // what guessing the passphrase costs, as a power of two; 0 is age's own
}

// Seal puts an envelope around what is written. It is whole once it is closed.
func (e Envelope) Seal(w io.Writer) (io.WriteCloser, error) {
	var recipients []age.Recipient
	for _, text := range e.Recipients {
		r, err := recipient(text)
		if err != nil {
			return nil, fmt.Errorf("recipient %q: %w", text, err)
		}
		recipients = append(recipients, r)
	}
	if e.Passphrase != "" {
		r, err := age.NewScryptRecipient(e.Passphrase)
		if err != nil {
			return nil, err
		}
		if e.work > 0 {
			r.SetWorkFactor(e.work)
		}
		recipients = append(recipients, r)
	}
	if len(recipients) == 0 {
		return plainText{w}, nil
	}
	return age.Encrypt(w, recipients...)
}

// plainText is no envelope.
type plainText struct{ io.Writer }

func (plainText) Close() error { return nil }

func recipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		return agessh.ParseRecipient(text)
	}
	parsed, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return parsed[0], nil
}

// A Key opens an envelope.
type Key struct {
	Identity   []byte                 // a file of age's, or a private key of SSH; nil for none
	Passphrase func() (string, error) // asks for it, where one is needed
}

// Unseal takes the envelope off what r reads, where there is one.
func Unseal(r io.Reader, key Key) (io.Reader, error) {
	const magic, armored = "age-encryption.org/v1\n", "-----BEGIN AGE ENCRYPTED FILE-----"
	in := bufio.NewReader(r)
	begin, _ := in.Peek(len(armored))
	var source io.Reader = in
	switch {
	case bytes.HasPrefix(begin, []byte(armored)):
		source = armor.NewReader(in)
	case !bytes.HasPrefix(begin, []byte(magic)):
		return in, nil
	}
	identity, err := key.identities()
	if err != nil {
		return nil, err
	}
	opened, err := age.Decrypt(source, identity...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return opened, nil
}

func (k Key) identities() ([]age.Identity, error) {
	if k.Identity == nil {
		passphrase, err := k.Passphrase()
		if err != nil {
			return nil, err
		}
		identity, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSealed, err)
		}
		return []age.Identity{identity}, nil
	}
	if bytes.HasPrefix(k.Identity, []byte("-----BEGIN")) {
		identity, err := agessh.ParseIdentity(k.Identity)
		if err != nil {
			return nil, err
		}
		return []age.Identity{identity}, nil
	}
	return age.ParseIdentities(bytes.NewReader(k.Identity))
}
