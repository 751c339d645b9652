package inventory

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

func TestNotVisited(t *testing.T) {
	t.Parallel()
	to := func(remote string) fact.Connection {
		return fact.Connection{Local: netip.MustParseAddrPort("10.0.0.1:50000"), Remote: netip.MustParseAddrPort(remote)}
	}
	from := func(port, remote string) fact.Connection {
		return fact.Connection{Local: netip.MustParseAddrPort("10.0.0.1:" + port), Remote: netip.MustParseAddrPort(remote), Inbound: true}
	}
	web := Host{Name: "web1", Access: Access{Address: "10.0.0.1", Jump: []Hop{{Address: "10.0.0.254"}}}}
	web.Facts.Interfaces.Value = []fact.Interface{{Name: "eth1", Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}}}
	web.Facts.Sockets.Value.Connections = []fact.Connection{
		to("10.0.0.9:5432"), to("[::ffff:10.0.0.9]:6432"), to("10.0.0.2:6379"), // a database and a host we know
		to("127.0.0.1:80"), to("10.1.0.1:80"), to("10.0.0.254:80"), to("93.184.216.34:443"), // itself, its bastion, the internet
		from("443", "10.7.7.7:33000"), from("22", "10.0.0.50:33000"), // users and us
		from("8009", "10.0.0.8:40000"), // somebody's frontend
	}
	db := Host{Name: "db1", Access: Access{Address: "10.0.0.2"}}
	db.Facts.Sockets.Value.Connections = []fact.Connection{to("10.0.0.9:5432")}

	want := []Address{
		{Addr: netip.MustParseAddr("10.0.0.9"), Ports: []int{5432, 6432}, By: []string{"db1", "web1"}},
		{Addr: netip.MustParseAddr("10.0.0.8"), By: []string{"web1"}},
	}
	if diff := cmp.Diff(want, NotVisited(Fleet{Hosts: []Host{web, db}}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}
