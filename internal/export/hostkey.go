package export

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// maxKey bounds a public key in base64: an RSA key of 16384 bits has 2,800
// characters.
const maxKey = 4096

// checkKey says why a host key cannot be pinned: a known_hosts line is written
// only for a key that is what it calls itself.
func checkKey(k inventory.HostKey) error {
	if err := word.CheckAlgorithm(k.Type); err != nil {
		return err
	}
	if len(k.Key) > maxKey {
		return fmt.Errorf("the key has %d characters, and %d are allowed", len(k.Key), maxKey)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(k.Key)
	if err != nil || base64.StdEncoding.EncodeToString(blob) != k.Key {
		return errors.New("the key is not base64")
	}
	if len(blob) < 4 {
		return errors.New("the key is cut short")
	}
	size := binary.BigEndian.Uint32(blob)
	if uint64(size) > uint64(len(blob)-4) || string(blob[4:4+size]) != k.Type {
		return errors.New("the key is of another type than it says")
	}
	return nil
}
