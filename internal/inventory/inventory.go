// Package inventory is the hosts of an incident: how each was reached, how the
// last visit ended, and what was observed there.
package inventory

import (
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
)

// A Host is one machine of the incident.
type Host struct {
	Name    string        `json:"name"`    // unique in the incident: alias, or address as given
	Access  Access        `json:"access"`  // how it is reached
	Class   host.Class    `json:"class"`   // how the last visit ended
	Reason  string        `json:"reason"`  // and why, when not ok
	Scan    string        `json:"scan"`    // id of the last scan that visited it
	Visited time.Time     `json:"visited"` // when that visit ended
	Seen    time.Time     `json:"seen"`    // when it was last reached; zero if never
	Took    time.Duration `json:"took"`    // how long the last visit took
	Root    bool          `json:"root"`    // whether the last visit had root
	NoRoot  string        `json:"no_root"` // why it had not, when it was wanted
	Facts   fact.Set      `json:"facts"`
}

// Access is how a host is reached. Secrets are not part of it.
type Access struct {
	Wire       string     `json:"wire"`            // ssh, openssh, local, demo
	Alias      string     `json:"alias,omitempty"` // as the ssh configuration names it
	Address    string     `json:"address"`         // what is dialled: name or IP, without port
	Port       int        `json:"port"`
	User       string     `json:"user"`
	Jump       []Hop      `json:"jump,omitempty"`       // bastions, first one first
	Identities []string   `json:"identities,omitempty"` // key files, as configured
	HostKeys   []HostKey  `json:"host_keys,omitempty"`
	Root       string     `json:"root,omitempty"` // how root was got there last: login, sudo, su with a password …
	Server     string     `json:"server"`         // the version line it greets with
	Algorithms Algorithms `json:"algorithms"`     // negotiated at the last visit
	Legacy     Algorithms `json:"legacy"`         // those that today's clients refuse and this host needs; empty when none
}

// ShowedKey keeps the key that the host showed at a login in place of the one of its
// type; keys of other types stay.
func (a *Access) ShowedKey(key HostKey) {
	keys := []HostKey{key}
	for _, k := range a.HostKeys {
		if k.Type != key.Type {
			keys = append(keys, k)
		}
	}
	a.HostKeys = keys
}

// A Hop is one bastion of a jump chain.
type Hop struct {
	Alias   string `json:"alias,omitempty"` // as the user's configuration names it
	Address string `json:"address"`
	Port    int    `json:"port"`
	User    string `json:"user"`

	Identities []string `json:"identities,omitempty"` // private key files on the laptop
}

// A HostKey is one public key a host proved to own.
type HostKey struct {
	Type        string `json:"type"`        // ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa, ssh-dss
	Key         string `json:"key"`         // base64 as in known_hosts
	Fingerprint string `json:"fingerprint"` // SHA256:…
}

// Algorithms are names of algorithms of SSH, by what they are for.
type Algorithms struct {
	KeyExchange []string `json:"key_exchange,omitempty"`
	HostKey     []string `json:"host_key,omitempty"`
	Cipher      []string `json:"cipher,omitempty"`
	MAC         []string `json:"mac,omitempty"`
	Signature   []string `json:"signature,omitempty"` // user key signatures
}

// Empty reports whether nothing is named.
func (a Algorithms) Empty() bool {
	return len(a.KeyExchange)+len(a.HostKey)+len(a.Cipher)+len(a.MAC)+len(a.Signature) == 0
}

// Fleet is every host of an incident at one moment.
type Fleet struct {
	Hosts []Host    `json:"hosts"` // sorted by name
	T0    time.Time `json:"t0"`    // when the incident was opened

	Claim *Claim `json:"-"` // what people say of monitoring; nil when nobody was asked
}

// A Claim is the answer to the question whether monitoring works.
type Claim struct {
	Working bool   `json:"working"`
	SaidBy  string `json:"said_by"`
}

// Find returns the host with this name.
func (f Fleet) Find(name string) (Host, bool) {
	for _, h := range f.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}
