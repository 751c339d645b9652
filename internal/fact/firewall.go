package fact

import (
	"regexp"
	"strings"
)

func firewallFact() Fact {
	return define("firewall", "packet filter", Probe{
		Files: []string{"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"},
		// Asking nft or iptables for rules may load a kernel module, so they are
		// asked only where the kernel already filters.
		Script: `if [ -d /sys/module/nf_tables ] && has nft; then echo "#nft"; nft list ruleset; fi
if [ -s /proc/net/ip_tables_names ] || { [ -r /proc/net/ip_tables_names ] && read -r t </proc/net/ip_tables_names; }; then
has iptables-save && { echo "#iptables"; iptables-save; }; fi
if [ -r /proc/net/ip6_tables_names ] && read -r t </proc/net/ip6_tables_names; then has ip6tables-save && { echo "#ip6tables"; ip6tables-save; }; fi
has pfctl && { echo "#pf"; pfctl -sr; }
echo "#end $?"`,
	}, func(s *Set) *Observed[Firewall] { return &s.Firewall }, parseFirewall)
}

// counters are packet and byte counts, which change from scan to scan.
var (
	counters  = regexp.MustCompile(`(?:counter packets \d+ bytes \d+ ?|^\[\d+:\d+\] | \[\d+:\d+\]$)`)
	nftPolicy = regexp.MustCompile(`hook input .*policy (\w+)`)
)

const maxRules = 2000

func parseFirewall(r Raw) Observed[Firewall] {
	if !r.Root {
		return unknown[Firewall]("without root, the packet filter's rules are not told")
	}
	f := Firewall{Kind: "none", Text: []string{}}
	table, ended := "", false
	for line := range strings.Lines(r.Out) {
		line = strings.TrimRight(clean(counters.ReplaceAllString(strings.TrimRight(line, "\n"), "")), " ")
		if name, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(name, " ") {
			table, _, _ = strings.Cut(name, " ")
			ended = ended || table == "end"
			continue
		}
		f.rule(table, line)
	}
	if !ended {
		return unknown[Firewall]("the packet filter's answer broke off")
	}
	f.Active = f.Rules > 0 || f.Policy == "drop"
	if len(f.Text) >= maxRules {
		return partly(f, f.Kind, "more rules than are kept")
	}
	return found(f, f.Kind)
}

// rule counts one line and keeps it for comparison.
func (f *Firewall) rule(table, line string) {
	switch {
	case line == "" || line == "}":
		return
	case table == "nft":
		if m := nftPolicy.FindStringSubmatch(line); m != nil {
			f.Policy = m[1]
		}
		if !strings.HasPrefix(line, "table ") && !strings.HasPrefix(line, "chain ") && !strings.HasPrefix(line, "type ") {
			f.Rules++
		}
		f.Kind = "nftables"
	case table == "iptables" || table == "ip6tables":
		if policy, ok := strings.CutPrefix(line, ":INPUT "); ok && table == "iptables" {
			word, _, _ := strings.Cut(policy, " ")
			f.Policy = strings.ToLower(word)
		}
		if strings.HasPrefix(line, "-A ") {
			f.Rules++
		}
		if f.Kind == "none" {
			f.Kind = "iptables"
		}
	case table == "pf":
		f.Kind = "pf"
		f.Rules++
	default:
		return
	}
	if len(f.Text) < maxRules {
		f.Text = append(f.Text, line)
	}
}
