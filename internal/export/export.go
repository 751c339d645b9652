// Package export writes the inventory in the languages of other tools:
// ssh_config with its pinned known_hosts, an Ansible inventory, CSV, and lines
// for a hosts file.
//
// # What may be written
//
// An inventory is untrusted: names come from other people's lists, and facts
// from machines that may be in a stranger's hands. Each target language gives
// some characters a meaning: patterns, tokens, templates, formulas. A value that
// will be read as an instruction or an address is written only when it passes
// the rule for its kind (package word). A host with a value that does not pass is left
// out, and a comment and a [Warning] say why; it never stops the others. Text for
// people (operating systems, reasons) is cut to one printable line.
//
// # Aliases
//
// A host's alias is its name in the incident, and nothing else: an address is
// no alias unless it is the name, because 10.0.0.1 at the next customer is
// another machine. Two hosts that want the same alias, in any case, are an error.
package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// A Warning is something that a person should know about an export: a host that
// was left out, or a part of its access that could not be expressed.
type Warning struct {
	Host string `json:"host"` // one printable line
	Text string `json:"text"`
	Left bool   `json:"left_out"` // the host is not in the export at all
}

func (w Warning) String() string {
	if w.Left {
		return fmt.Sprintf("%s: left out: %s", w.Host, w.Text)
	}
	return fmt.Sprintf("%s: %s", w.Host, w.Text)
}

// byName returns the hosts sorted by name, without touching the caller's slice.
func byName(hosts []inventory.Host) []inventory.Host {
	sorted := slices.Clone(hosts)
	slices.SortStableFunc(sorted, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// collision returns an error that names two hosts whose names differ in case
// only, or not at all.
func collision(hosts []inventory.Host) error {
	seen := make(map[string]string, len(hosts))
	for _, h := range hosts {
		key := strings.ToLower(h.Name)
		if other, ok := seen[key]; ok {
			return fmt.Errorf("alias %s: wanted by both %q and %q", word.OneLine(key), other, h.Name)
		}
		seen[key] = h.Name
	}
	return nil
}
