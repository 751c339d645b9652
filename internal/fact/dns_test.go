package fact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDNS(t *testing.T) {
	t.Parallel()
	hosts := File{Content: "127.0.0.1 localhost\n127.0.1.1 web1.example web1 # this host\n::1 ip6-localhost ip6-loopback\n10.0.13.1\tdb db1\n224.0.0.1 all\nnonsense here\n"}
	named := []string{"127.0.1.1 web1.example web1", "10.0.13.1 db db1"}
	for _, c := range []struct {
		name  string
		files map[string]File
		state State
		want  DNS
	}{
		{
			"plain",
			map[string]File{resolvConf: {Content: "# made by hand\nsearch a.example\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch b.example c.example\noptions rotate\n"}, "/etc/hosts": hosts},
			OK,
			DNS{Servers: []string{"10.0.0.2", "10.0.0.3"}, Search: []string{"b.example", "c.example"}, Hosts: named},
		},
		{
			"resolved",
			map[string]File{resolvConf: {Content: "nameserver 127.0.0.53\n"}, stubConf: {Content: "nameserver 10.0.0.2\nsearch a.example\n"}, "/etc/hosts": hosts},
			OK,
			DNS{Servers: []string{"127.0.0.53", "10.0.0.2"}, Search: []string{"a.example"}, Hosts: named},
		},
		{"without a resolver", map[string]File{"/etc/hosts": hosts}, Partial, DNS{Servers: []string{}, Search: []string{}, Hosts: named}},
		{"resolver denied", map[string]File{resolvConf: {Denied: true}, "/etc/hosts": hosts}, Partial, DNS{Servers: []string{}, Search: []string{}, Hosts: named}},
		{"nothing", nil, Unknown, DNS{}},
	} {
		got := observe(dnsFact(), Raw{Files: c.files}).DNS
		if got.State != c.state || got.State != OK && got.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", c.name, got.State, got.Reason, c.state)
		}
		if diff := cmp.Diff(c.want, got.Value); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func FuzzDNS(f *testing.F) {
	f.Add("nameserver 127.0.0.53\nsearch a b\n", "nameserver 10.0.0.2\n", "10.0.0.1 db\n")
	f.Fuzz(func(t *testing.T, resolv, stub, hosts string) {
		set := observe(dnsFact(), Raw{Files: map[string]File{resolvConf: {Content: resolv}, stubConf: {Content: stub}, "/etc/hosts": {Content: hosts}}})
		for _, text := range append(append(set.DNS.Value.Servers, set.DNS.Value.Search...), set.DNS.Value.Hosts...) {
			if text != clean(text) {
				t.Errorf("%q was kept", text)
			}
		}
	})
}
