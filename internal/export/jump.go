package export

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// maxHops is the longest jump chain that is written.
const maxHops = 8

// jumpAliases gives every bastion a name. A bastion that is itself a host of the
// incident goes by that host's alias; any other gets a block of its own.
type jumpAliases struct {
	hosts   map[string][]inventory.Host // by address and port
	taken   map[string]bool             // lower-case aliases
	made    map[string]string           // alias by chain, for bastions that are no hosts
	used    map[string]bool             // aliases that others go through
	foreign []foreignHop
}

// A foreignHop is a bastion that is no host of the incident.
type foreignHop struct {
	alias string
	hop   inventory.Hop
	jump  []string // aliases of the bastions before it
}

// newJumpAliases knows kept, the hosts that can be written. The names of all
// hosts are taken, so that a bastion never goes by the name of one left out.
func newJumpAliases(all, kept []inventory.Host) jumpAliases {
	j := jumpAliases{
		hosts: map[string][]inventory.Host{}, taken: map[string]bool{},
		made: map[string]string{}, used: map[string]bool{},
	}
	for _, h := range all {
		j.taken[strings.ToLower(h.Name)] = true
	}
	for _, h := range kept {
		end := endpoint(h.Access.Address, h.Access.Port)
		j.hosts[end] = append(j.hosts[end], h)
	}
	return j
}

// chain names the bastions, first hop first.
func (j *jumpAliases) chain(hops []inventory.Hop) []string {
	var names []string
	for i, hop := range hops {
		name, ok := j.host(hops[:i], hop)
		if !ok {
			name = j.outside(hops[:i+1], slices.Clone(names))
		}
		j.used[name] = true
		names = append(names, name)
	}
	return names
}

// host finds the host that is this bastion: same end, same user, and reached
// through the same bastions, because two sites may use one address. Of several
// the one that bears the bastion's name is meant.
func (j *jumpAliases) host(before []inventory.Hop, hop inventory.Hop) (string, bool) {
	found := ""
	for _, h := range j.hosts[endpoint(hop.Address, hop.Port)] {
		if !sameUser(h.Access.User, hop.User) || !slices.EqualFunc(h.Access.Jump, before, sameHop) {
			continue
		}
		if h.Name == hop.Alias {
			return h.Name, true
		}
		if found == "" {
			found = h.Name
		}
	}
	return found, found != ""
}

// outside names the last bastion of a chain that is no host of the incident.
func (j *jumpAliases) outside(chain []inventory.Hop, jump []string) string {
	key := chainKey(chain)
	if name, ok := j.made[key]; ok {
		return name
	}
	hop := chain[len(chain)-1]
	name := j.free(hop, key)
	j.made[key] = name
	j.taken[strings.ToLower(name)] = true
	j.foreign = append(j.foreign, foreignHop{alias: name, hop: hop, jump: jump})
	return name
}

// free picks the first name that nobody has: the one in the user's own
// configuration, so that what it says of the bastion still holds, or one that
// can be no other machine's.
func (j *jumpAliases) free(hop inventory.Hop, key string) string {
	for _, name := range []string{hop.Alias, "jump-" + hop.Address} {
		if word.CheckName(name) == nil && !j.taken[strings.ToLower(name)] {
			return name
		}
	}
	return "jump-" + shortHash(key)
}

func endpoint(address string, port int) string {
	if port == 0 {
		port = 22
	}
	return strings.ToLower(address) + " " + strconv.Itoa(port)
}

func sameHop(a, b inventory.Hop) bool {
	return endpoint(a.Address, a.Port) == endpoint(b.Address, b.Port) && sameUser(a.User, b.User)
}

// sameUser holds also when either was left to the configuration.
func sameUser(a, b string) bool { return a == b || a == "" || b == "" }

func chainKey(chain []inventory.Hop) string {
	var b strings.Builder
	for _, hop := range chain {
		b.WriteString(hop.User + "@" + endpoint(hop.Address, hop.Port) + "\n")
	}
	return b.String()
}

// spellJump joins aliases for ProxyJump, where a colon would begin a port.
func spellJump(names []string) string {
	spelled := make([]string, len(names))
	for i, name := range names {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		spelled[i] = name
	}
	return strings.Join(spelled, ",")
}
