package export

import (
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// legacy spells the algorithms that one host needs and today's clients refuse,
// as additions to the client's defaults. What the client does not have at all is
// returned as missing, because one unknown word would stop it for every host.
func (c Client) legacy(a inventory.Algorithms) (options []option, missing []string) {
	signatures := "PubkeyAcceptedAlgorithms"
	if c.before(8, 5) {
		signatures = "PubkeyAcceptedKeyTypes"
	}
	for _, kind := range []struct {
		keyword, noun string
		needed, has   []string
	}{
		{"KexAlgorithms", "key exchange", a.KeyExchange, c.keyExchange},
		{"HostKeyAlgorithms", "host key", a.HostKey, c.hostKey},
		{"Ciphers", "cipher", a.Cipher, c.cipher},
		{"MACs", "MAC", a.MAC, c.mac},
		{signatures, "signature", a.Signature, c.signature},
	} {
		can, cannot := split(kind.needed, kind.has)
		if len(can) > 0 {
			options = append(options, option{kind.keyword, "+" + strings.Join(can, ",")})
		}
		for _, name := range cannot {
			missing = append(missing, kind.noun+" "+word.OneLine(name))
		}
	}
	return options, missing
}

// maxAlgorithms bounds the algorithms of one kind; no client has half as many.
const maxAlgorithms = 64

// split sorts needed into what is in has and what is not, each name once. When
// nobody could ask (has is nil), every well-formed name passes.
func split(needed, has []string) (can, cannot []string) {
	for _, name := range needed[:min(len(needed), maxAlgorithms)] {
		switch {
		case slices.Contains(can, name) || slices.Contains(cannot, name):
		case word.CheckAlgorithm(name) == nil && (has == nil || slices.Contains(has, name)):
			can = append(can, name)
		default:
			cannot = append(cannot, name)
		}
	}
	return can, cannot
}
