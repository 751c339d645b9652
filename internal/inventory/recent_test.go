package inventory

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// Two hosts whose clocks are wrong tell in which order things really happened.
func TestRecentChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	host := func(name string, offset time.Duration, changes ...fact.Change) Host {
		h := Host{Name: name}
		h.Facts.Changes = fact.Observed[[]fact.Change]{State: fact.OK, Value: changes}
		h.Facts.Clock = fact.Observed[fact.Clock]{State: fact.OK, Value: fact.Clock{Offset: offset, Error: 20 * time.Millisecond}}
		return h
	}
	fast := host("db1", 4*time.Minute, fact.Change{At: at.Add(3 * time.Minute), Kind: "package", What: "upgrade mysql"})
	right := host("web1", 200*time.Millisecond, fact.Change{At: at, Kind: "file", What: "/etc/nftables.conf"}, fact.Change{At: at.Add(-9 * time.Hour), Kind: "reboot"})
	blind := host("web2", 0, fact.Change{At: at.Add(time.Minute), Kind: "login", What: "login on pts/0", Who: "ana"})
	blind.Facts.Clock = fact.Observed[fact.Clock]{State: fact.Unknown}
	got := RecentChanges(Fleet{Hosts: []Host{fast, right, blind, {Name: "never"}}}, at.Add(-6*time.Hour))
	want := []Recent{
		{At: at.Add(-time.Minute), Error: 20 * time.Millisecond, Host: "db1", Kind: "package", What: "upgrade mysql", Raw: at.Add(3 * time.Minute)},
		{At: at, Host: "web1", Kind: "file", What: "/etc/nftables.conf", Raw: at},
		{At: at.Add(time.Minute), Host: "web2", Kind: "login", What: "login on pts/0", Who: "ana", Raw: at.Add(time.Minute), Blind: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
