package ssh

import (
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// keyAlgoDSA is what the oldest servers have; the library's name for it is a
// warning.
const keyAlgoDSA = "ssh-dss"

// A legacySet is the outdated algorithms one host cannot do without.
type legacySet struct {
	kex, hostKeys, ciphers, macs []string
}

// widen adds what the refusal shows to be missing: the outdated algorithms of
// that kind that the server offers and we can speak. It reports false when there
// are none, or when they were tried already.
func (s legacySet) widen(no *ssh.AlgorithmNegotiationError) (legacySet, bool) {
	insecure := ssh.InsecureAlgorithms()
	grow := func(have *[]string, ours []string) bool {
		before := len(*have)
		for _, a := range no.RequestedAlgorithms {
			if slices.Contains(ours, a) && !slices.Contains(*have, a) {
				*have = append(slices.Clone(*have), a)
			}
		}
		return len(*have) > before
	}
	var grown bool
	switch {
	case strings.Contains(no.What, "key exchange"):
		grown = grow(&s.kex, insecure.KeyExchanges)
	case strings.Contains(no.What, "host key"):
		grown = grow(&s.hostKeys, insecure.HostKeys)
	case strings.Contains(no.What, "cipher"):
		grown = grow(&s.ciphers, insecure.Ciphers)
	case strings.Contains(no.What, "MAC"):
		grown = grow(&s.macs, insecure.MACs)
	}
	return s, grown
}

// apply puts today's algorithms and then the set into config. Pinned host key
// types go first, so that the server shows the key we can compare; certificates
// are asked for only where an authority is pinned.
func (s legacySet) apply(config *ssh.ClientConfig, pinned []string) {
	modern := ssh.SupportedAlgorithms()
	config.KeyExchanges = append(modern.KeyExchanges, s.kex...)
	config.Ciphers = append(modern.Ciphers, s.ciphers...)
	config.MACs = append(modern.MACs, s.macs...)
	hostKeys := slices.DeleteFunc(modern.HostKeys, func(a string) bool { return strings.Contains(a, "-cert-") })
	for _, a := range pinned {
		if a != ssh.KeyAlgoRSA && a != keyAlgoDSA { // these only where the server has nothing better
			config.HostKeyAlgorithms = append(config.HostKeyAlgorithms, a)
		}
	}
	for _, a := range append(hostKeys, s.hostKeys...) {
		if !slices.Contains(config.HostKeyAlgorithms, a) {
			config.HostKeyAlgorithms = append(config.HostKeyAlgorithms, a)
		}
	}
}

// used is the part of the set that the connection came to use, which is what
// another client will need too.
func (s legacySet) used(n ssh.NegotiatedAlgorithms, signature string) inventory.Algorithms {
	only := func(set []string, used ...string) []string {
		var out []string
		for _, a := range used {
			if slices.Contains(set, a) && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
		return out
	}
	out := inventory.Algorithms{
		KeyExchange: only(s.kex, n.KeyExchange),
		HostKey:     only(s.hostKeys, n.HostKey),
		Cipher:      only(s.ciphers, n.Write.Cipher, n.Read.Cipher),
		MAC:         only(s.macs, n.Write.MAC, n.Read.MAC),
	}
	if signature == ssh.KeyAlgoRSA || signature == keyAlgoDSA {
		out.Signature = []string{signature}
	}
	return out
}

// negotiated is what the connection settled on.
func negotiated(n ssh.NegotiatedAlgorithms, signature string) inventory.Algorithms {
	both := func(a, b string) []string {
		if a == b || b == "" {
			return slices.DeleteFunc([]string{a}, func(s string) bool { return s == "" })
		}
		return []string{a, b}
	}
	out := inventory.Algorithms{
		KeyExchange: []string{n.KeyExchange},
		HostKey:     []string{n.HostKey},
		Cipher:      both(n.Write.Cipher, n.Read.Cipher),
		MAC:         both(n.Write.MAC, n.Read.MAC),
	}
	if signature != "" {
		out.Signature = []string{signature}
	}
	return out
}
