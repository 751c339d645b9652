package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/knock"
	"github.com/nightcall-sh/nightcall/internal/look"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// ask asks the services of the hosts, first each from inside its own host, then
// those that let us in from elsewhere, and keeps what they said.
func (l *lookRun) ask(ctx context.Context, fleet inventory.Fleet) error {
	var hosts []inventory.Host
	for _, h := range fleet.Hosts {
		if l.visited(h) && h.Facts.Sockets.Known() {
			hosts = append(hosts, h)
		}
	}
	var workers errgroup.Group
	workers.SetLimit(l.opts.scan.parallel)
	for n := range hosts {
		workers.Go(func() error { l.askHost(ctx, &hosts[n]); return nil })
	}
	_ = workers.Wait() // none fails
	for n := range hosts {
		workers.Go(func() error { l.askAround(ctx, &hosts[n], hosts); return nil })
	}
	_ = workers.Wait()
	if ctx.Err() != nil {
		return nil // what a cancelled question found is nothing
	}
	return l.keepReplies(ctx, hosts)
}

// askHost asks what listens on a host, through its own SSH server.
func (l *lookRun) askHost(ctx context.Context, h *inventory.Host) {
	at := l.app.now()
	replies := fact.Observed[[]fact.Reply]{State: fact.Unknown, At: at, Source: "its services"}
	caches := fact.Observed[[]fact.Cache]{State: fact.Unknown, At: at, Source: "INFO"}
	defer func() { h.Facts.Replies, h.Facts.Caches = replies, caches }()
	from, done, err := l.vantage(ctx, *h)
	if err != nil {
		replies.Reason = "not asked: " + printable(err.Error())
		caches.Reason = replies.Reason
		return
	}
	defer done()
	replies.Value, caches.Value = look.Ask(ctx, from.dial, h.Facts.Sockets.Value)
	if l.opts.probeHeartbleed {
		h.Facts.Heartbeats = fact.Observed[[]fact.Heartbeat]{State: fact.OK, At: at, Source: "heartbeats"}
		h.Facts.Heartbeats.Value = look.Heartbeats(ctx, from.dial, h.Facts.Sockets.Value, h.Facts.Libraries.Value)
	}
	if from.refuses.Load() {
		replies.Reason, caches.Reason = notForwarding, notForwarding
		h.Facts.Heartbeats = fact.Observed[[]fact.Heartbeat]{}
		return
	}
	replies.State, caches.State = fact.OK, fact.OK
	for _, r := range replies.Value {
		if r.Service == "Redis" && r.Access == fact.ReplyGuarded {
			caches.State, caches.Reason = fact.Partial, "a Redis that wants a password was not asked further"
		}
	}
	if h.Facts.Sockets.State == fact.Partial {
		replies.State, replies.Reason = fact.Partial, h.Facts.Sockets.Reason
	}
}

// A vantage is somewhere to ask from.
type vantage struct {
	name    string
	dial    look.Dial
	refuses *atomic.Bool // it makes no connections for us
}

// vantage is a host to ask from, and what to call in the end.
func (l *lookRun) vantage(ctx context.Context, h inventory.Host) (vantage, func(), error) {
	wire, done, err := l.reach.connect(ctx, h, l.links)
	if err != nil {
		return vantage{}, nil, err
	}
	p := vantage{name: h.Name, refuses: &atomic.Bool{}}
	forwarder, ok := wire.(knock.Forwarder)
	p.refuses.Store(!ok)
	p.dial = func(ctx context.Context, address string) (net.Conn, error) {
		if !ok {
			return nil, host.ErrRefused
		}
		c, err := forwarder.Forward(ctx, address)
		if errors.Is(err, host.ErrRefused) {
			p.refuses.Store(true)
		}
		return c, err
	}
	return p, func() { _ = done() }, nil
}

// laptop is here. A host behind a bastion has an address that may be somebody
// else's here, and is not asked from here.
func (l *lookRun) laptop(h inventory.Host) (vantage, string, bool) {
	addr, err := netip.ParseAddr(h.Access.Address)
	if len(h.Access.Jump) > 0 || err == nil && addr.IsLoopback() || h.Access.Address == "localhost" {
		return vantage{}, "", false
	}
	dialer := net.Dialer{Timeout: time.Second}
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return vantage{name: "this laptop", dial: dial, refuses: &atomic.Bool{}}, h.Access.Address, true
}

// askAround asks what lets strangers in once more, from another host and from
// here.
func (l *lookRun) askAround(ctx context.Context, h *inventory.Host, hosts []inventory.Host) {
	for n := range h.Facts.Replies.Value {
		r := &h.Facts.Replies.Value[n]
		if !r.Everyone || r.Access != fact.ReplyOpen && r.Access != fact.ReplyReadable {
			continue
		}
		if p, address, ok := l.laptop(*h); ok {
			from(ctx, p, r, address)
		}
		address := ownAddress(*h, r.Address)
		if address == "" {
			continue
		}
		if other, ok := neighbour(*h, hosts); ok {
			if p, done, err := l.vantage(ctx, other); err == nil {
				from(ctx, p, r, address)
				done()
			}
		}
	}
}

// from asks again from a place and notes what came of it.
func from(ctx context.Context, p vantage, r *fact.Reply, address string) {
	open, known := look.Again(ctx, p.dial, *r, net.JoinHostPort(address, strconv.Itoa(r.Port)))
	switch {
	case !known || p.refuses.Load():
	case open:
		r.OpenTo = append(r.OpenTo, p.name)
	default:
		r.ShutTo = append(r.ShutTo, p.name)
	}
}

// neighbour is another host to ask from: the next by name.
func neighbour(h inventory.Host, hosts []inventory.Host) (inventory.Host, bool) {
	n := slices.IndexFunc(hosts, func(o inventory.Host) bool { return o.Name == h.Name })
	for step := range hosts {
		o := hosts[(n+1+step)%len(hosts)]
		if o.Name != h.Name && ownAddress(o, "") != ownAddress(h, "") {
			return o, true
		}
	}
	return inventory.Host{}, false
}

// ownAddress is where other hosts find this one: the address that the service
// listens on, or the first that is not the host's alone.
func ownAddress(h inventory.Host, listens string) string {
	if addr, err := netip.ParseAddr(listens); err == nil && !addr.IsLoopback() && !addr.IsUnspecified() {
		return listens
	}
	for _, i := range h.Facts.Interfaces.Value {
		for _, p := range i.Addresses {
			if a := p.Addr(); a.Is4() && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
				return a.String()
			}
		}
	}
	return ""
}

// keepReplies stores what the services said, as part of the visits that it
// belongs to, with an entry for each host.
func (l *lookRun) keepReplies(ctx context.Context, hosts []inventory.Host) error {
	var visits []sqlite.Visit
	for _, h := range hosts {
		entry := timeline.Asked{Questions: []string{}, Open: []string{}}
		for _, r := range h.Facts.Replies.Value {
			entry.Questions = append(entry.Questions, fmt.Sprintf("%s: %s", r.Key(), r.Asked))
			if r.Access == fact.ReplyOpen && len(r.OpenTo) > 0 {
				entry.Open = append(entry.Open, r.Key())
			}
		}
		for _, b := range h.Facts.Heartbeats.Value {
			if !l.opts.probeHeartbleed {
				break // those are of an earlier look
			}
			entry.Questions = append(entry.Questions, "heartbeat of "+b.Key())
		}
		l.asked += len(entry.Questions)
		v := sqlite.Visit{Host: h}
		if len(entry.Questions) > 0 {
			e, err := l.incident.entry(timeline.ServicesAsked, h.Name, entry)
			if err != nil {
				return err
			}
			v.Entries = []timeline.Entry{e}
		}
		visits = append(visits, v)
	}
	return l.incident.DB.SaveVisits(context.WithoutCancel(ctx), visits)
}
