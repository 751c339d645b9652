package fact

import (
	"slices"
	"strings"
	"testing"
)

func TestFirewall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		out   string
		state State
		want  Firewall // without Text
	}{
		{"nft and legacy tables", recorded(t, "firewall/nft-and-legacy"), OK, Firewall{Kind: "nftables", Active: true, Rules: 4, Policy: "drop"}},
		{"iptables 1.4", recorded(t, "firewall/centos6"), OK, Firewall{Kind: "iptables", Active: true, Rules: 3, Policy: "accept"}},
		{"pf", recorded(t, "firewall/freebsd13"), OK, Firewall{Kind: "pf", Active: true, Rules: 3}},
		{"pf switched off", "#pfinfo\nStatus: Disabled\n#pf\nblock all\n#end\n", OK, Firewall{Kind: "pf", Rules: 1}},
		{"nothing filters", "#end\n", OK, Firewall{Kind: "none"}},
		{"nft without rules", "#nft\n#end\n", OK, Firewall{Kind: "none"}},
		{"nft refused", "#nft\n#failed nft\n#end\n", Unknown, Firewall{}},
		{"no tool", "#untold nf_tables\n#end\n", Unknown, Firewall{}},
		{"one of two", "#nft\ntable ip f {\n}\n#iptables\n#failed iptables-save\n#end\n", Partial, Firewall{Kind: "nftables"}},
		{"broken off", "#nft\ntable ip f {\n", Unknown, Firewall{}},
	} {
		set := observe(firewallFact(), Raw{Out: c.out, Root: true})
		got := set.Firewall
		if got.State != c.state || got.State != OK && got.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", c.name, got.State, got.Reason, c.state)
		}
		v := got.Value
		if v.Kind != c.want.Kind || v.Active != c.want.Active || v.Rules != c.want.Rules || v.Policy != c.want.Policy {
			t.Errorf("%s: %+v, want %+v", c.name, v, c.want)
		}
	}
}

func TestFirewallNeedsRoot(t *testing.T) {
	t.Parallel()
	set := observe(firewallFact(), Raw{Out: "#end\n"})
	if set.Firewall.State != Unknown {
		t.Errorf("without root: %+v", set.Firewall)
	}
}

// Two listings of the same rules compare equal, however many packets passed.
func TestFirewallTextHasNoCounters(t *testing.T) {
	t.Parallel()
	out := recorded(t, "firewall/nft-and-legacy")
	later := strings.NewReplacer("packets 0 bytes 0", "packets 77 bytes 4096", "59m59s", "12m1s", "[0:0]", "[9:999]", "07:", "08:").Replace(out)
	if later == out {
		t.Fatal("the recording has nothing that changes")
	}
	a, b := observe(firewallFact(), Raw{Out: out, Root: true}), observe(firewallFact(), Raw{Out: later, Root: true})
	if !slices.Equal(a.Firewall.Value.Text, b.Firewall.Value.Text) {
		t.Errorf("%q\n%q", a.Firewall.Value.Text, b.Firewall.Value.Text)
	}
}

func FuzzFirewall(f *testing.F) { fuzzOut(f, firewallFact()) }
