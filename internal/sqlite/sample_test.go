package sqlite

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// Every kept visit that read sockets is a sample, the newest first; a visit that
// could not read them is none.
func TestSamples(t *testing.T) {
	t.Parallel()
	db := openTemp(t)
	at := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	sockets := func(port int) fact.Observed[fact.Sockets] {
		l := fact.Listener{Proto: "tcp", Addr: netip.IPv4Unspecified(), Port: port}
		return fact.Observed[fact.Sockets]{State: fact.OK, Value: fact.Sockets{Listeners: []fact.Listener{l}}, At: at}
	}
	for scan, value := range []fact.Observed[fact.Sockets]{sockets(80), {State: fact.Unknown, Reason: "no ss"}, {}, sockets(443)} {
		h := reached("S"+string(rune('1'+scan)), at)
		h.Facts.Sockets, h.Facts.Load = value, load(1, at)
		save(t, db, h)
	}
	save(t, db, unreachable("S9", at))
	var ports []int
	err := db.Samples(t.Context(), func(s Sample) {
		if s.Host != "web1" {
			t.Errorf("a sample of %q", s.Host)
		}
		ports = append(ports, s.Sockets.Value.Listeners[0].Port)
	})
	if err != nil || !slices.Equal(ports, []int{443, 80}) {
		t.Errorf("ports %v, %v", ports, err)
	}
}
