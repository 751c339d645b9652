package export

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// HostsFile renders the hosts as lines of a hosts file: the primary address and
// the name in the incident. What a host calls itself is not written: whoever
// owns the host could name it after another. Hosts without an address, or named
// by their address alone, become comments.
func HostsFile(hosts []inventory.Host, incident string) ([]byte, []Warning, error) {
	hosts = byName(hosts)
	if err := collision(hosts); err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	var warnings []Warning
	fmt.Fprintf(&b, "# Hosts of the incident: %s\n", word.OneLine(incident))
	for _, h := range hosts {
		line, why := hostsLine(h)
		if why != "" {
			w := Warning{Host: word.OneLine(h.Name), Text: why, Left: true}
			warnings = append(warnings, w)
			line = "# " + w.String()
		}
		b.WriteString(line + "\n")
	}
	return b.Bytes(), warnings, nil
}

// hostsLine is one host's line, or why it has none.
func hostsLine(h inventory.Host) (line, why string) {
	if err := word.CheckName(h.Name); err != nil {
		return "", err.Error()
	}
	if _, err := netip.ParseAddr(h.Name); err == nil || strings.Contains(h.Name, ":") {
		return "", "it has no name but its address"
	}
	addr := PrimaryAddress(h)
	if !addr.IsValid() {
		return "", "no IP address is known"
	}
	return addr.WithZone("").String() + "\t" + h.Name, ""
}
