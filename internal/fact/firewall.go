package fact

import (
	"regexp"
	"strings"
)

// Firewall is what filters packets on the host itself.
type Firewall struct {
	Kind   string   `json:"kind"`   // nftables, iptables, pf, none
	Active bool     `json:"active"` // there is at least one rule or a policy that drops
	Rules  int      `json:"rules"`
	Policy string   `json:"policy"` // of input: accept, drop; empty when not told
	Text   []string `json:"text"`   // the rules, one each, for comparison and people
}

func firewallFact() Fact {
	return define("firewall", "packet filter", Probe{Script: firewallScript, Elsewhere: firewallElsewhere},
		func(s *Set) *Observed[Firewall] { return &s.Firewall }, parseFirewall)
}

// firewallScript lists the rules. Asking nft or iptables may make the kernel
// load a module, so each is asked only where its part of the kernel is there
// already, or where no module can be loaded. A tool that fails, or a filter that
// no tool here can list, says so: no rules told is not no rules.
const firewallScript = `r=; { read -r r </proc/sys/kernel/osrelease; }; n=
if [ -d /sys/module/nf_tables ] || { has nft && [ ! -e /proc/modules ]; } || grep -q '/nf_tables[.]ko' "/lib/modules/$r/modules.builtin"; then n=there; fi
if has nft && [ -n "$n" ]; then
echo "#nft"; nft list ruleset || echo "#failed nft"
elif [ -n "$n" ] && has iptables-nft-save; then
echo "#iptables"; iptables-nft-save || echo "#failed iptables-nft-save"
echo "#ip6tables"; ip6tables-nft-save || echo "#failed ip6tables-nft-save"
elif [ -n "$n" ]; then say "#untold nf_tables"
fi
t=; { read -r t </proc/net/ip_tables_names; }
if [ -z "$t" ]; then :
elif has iptables-legacy-save; then echo "#iptables"; iptables-legacy-save || echo "#failed iptables-legacy-save"
elif has iptables-save; then echo "#iptables"; iptables-save || echo "#failed iptables-save"
else say "#untold ip_tables"
fi
t=; { read -r t </proc/net/ip6_tables_names; }
if [ -z "$t" ]; then :
elif has ip6tables-legacy-save; then echo "#ip6tables"; ip6tables-legacy-save || echo "#failed ip6tables-legacy-save"
elif has ip6tables-save; then echo "#ip6tables"; ip6tables-save || echo "#failed ip6tables-save"
else say "#untold ip6_tables"
fi
say "#end"`

const firewallElsewhere = `if has pfctl && [ -e /dev/pf ]; then
echo "#pfinfo"; pfctl -si || echo "#failed pfctl"; echo "#pf"; pfctl -sr
fi
say "#end"`

const maxRules = 2000

func parseFirewall(r Raw) Observed[Firewall] {
	if !r.Root {
		return unknown[Firewall]("without root, the packet filter's rules are not told")
	}
	f := firewallReader{Firewall: Firewall{Kind: "none", Text: []string{}}}
	for line := range strings.Lines(r.Out) {
		f.line(clean(line))
	}
	f.Active = f.Rules > 0 || f.Policy == "drop"
	if f.disabled {
		f.Active = false
	}
	switch {
	case !f.ended:
		return unknown[Firewall]("the packet filter's answer broke off")
	case len(f.missing) > 0 && f.Kind == "none":
		return unknown[Firewall]("%s", strings.Join(f.missing, "; "))
	case len(f.missing) > 0:
		return partly(f.Firewall, f.Kind, strings.Join(f.missing, "; "))
	case f.more:
		return partly(f.Firewall, f.Kind, "more rules than are kept")
	}
	return found(f.Firewall, f.Kind)
}

// A firewallReader reads the tools' answers line by line.
type firewallReader struct {
	Firewall
	tool     string
	chain    bool // within an nft chain
	ended    bool
	more     bool
	disabled bool // pf is there and switched off
	missing  []string
}

// changing is what differs from one listing to the next while the rules stay:
// counts of packets and bytes, and how long a set's element has to live.
var changing = regexp.MustCompile(`(?: packets \d+ bytes \d+| \[\d+:\d+\]$| expires \w+| used \d+ \w+)`)

func (f *firewallReader) line(line string) {
	if mark, ok := strings.CutPrefix(line, "#"); ok {
		f.mark(mark)
		return
	}
	line = changing.ReplaceAllString(line, "")
	switch {
	case line == "":
		return
	case f.tool == "nft":
		f.nft(line)
	case f.tool == "iptables" || f.tool == "ip6tables":
		f.iptables(line)
	case f.tool == "pf":
		f.Kind = "pf"
		f.Rules++
	case f.tool == "pfinfo":
		f.disabled = f.disabled || strings.HasPrefix(line, "Status: Disabled")
		return
	}
	if f.Kind == "none" {
		return
	}
	if len(f.Text) == maxRules {
		f.more = true
		return
	}
	f.Text = append(f.Text, line)
}

// mark reads a line of the script's own; those with a blank behind the sign are
// comments of the tools, dated by the minute.
func (f *firewallReader) mark(mark string) {
	word, what, _ := strings.Cut(mark, " ")
	switch word {
	case "", "Warning:":
	case "end":
		f.ended = true
	case "failed":
		f.missing = append(f.missing, what+" cannot list its rules")
	case "untold":
		f.missing = append(f.missing, "the kernel has "+what+" and no tool to list its rules is here")
	default:
		f.tool = word
	}
}

var nftPolicy = regexp.MustCompile(`hook input .*policy (accept|drop)`)

// nft reads a line of "nft list ruleset". Rules are what stands in a chain
// beside its type and policy.
func (f *firewallReader) nft(line string) {
	f.Kind = "nftables"
	switch {
	case strings.HasPrefix(line, "chain "):
		f.chain = true
	case line == "}":
		f.chain = false
	case strings.HasPrefix(line, "type ") && strings.Contains(line, " hook "):
		if m := nftPolicy.FindStringSubmatch(line); m != nil {
			f.policy(m[1])
		}
	case f.chain && !strings.HasPrefix(line, "policy "):
		f.Rules++
	}
}

// iptables reads a line of iptables-save.
func (f *firewallReader) iptables(line string) {
	if f.Kind == "none" {
		f.Kind = "iptables"
	}
	if strings.HasPrefix(line, "-A ") {
		f.Rules++
	}
	if policy, ok := strings.CutPrefix(line, ":INPUT "); ok {
		f.policy(strings.ToLower(firstField(policy)))
	}
}

// policy notes what becomes of packets that no rule takes; of several chains
// and families, the one that drops.
func (f *firewallReader) policy(word string) {
	if f.Policy != "drop" {
		f.Policy = word
	}
}
