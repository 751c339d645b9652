package cli

import (
	"context"
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A view is what was known at a moment of what was seen since an earlier one.
type view struct {
	fleet  inventory.Fleet
	m      link.Map
	looked map[string]bool // hosts whose sockets were read in between
}

// moment reads a time, a span back from now, or the id of a scan: when it ended.
func (i *openIncident) moment(ctx context.Context, text string) (time.Time, error) {
	ends, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.ScanFinished)
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range ends {
		if end, ok := timeline.Decode[timeline.ScanEnd](e); ok && end.Scan == text {
			return e.Seen, nil
		}
	}
	at, err := parseSince(text, i.app.now())
	if err != nil {
		return at, usageError("2h, 04:30, 2026-03-04 04:30, or the id of a scan in nightcall timeline --kind scan", "%q is no span, no time and no scan", text)
	}
	return at, nil
}

// viewAt is what was known at a moment: hosts, facts and declarations of any time
// before; sockets and tests of those after since.
func (i *openIncident) viewAt(ctx context.Context, since, at time.Time) (view, error) {
	v := view{looked: map[string]bool{}}
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return v, err
	}
	visits, err := i.visitTimes(ctx)
	if err != nil {
		return v, err
	}
	v.fleet.T0 = fleet.T0
	for _, h := range fleet.Hosts {
		past, known, err := i.hostAt(ctx, h, visits, since, at)
		if err != nil {
			return v, err
		}
		if known {
			v.fleet.Hosts = append(v.fleet.Hosts, past)
			v.looked[h.Name] = past.Facts.Sockets.Known()
		}
	}
	var samples []link.Sample
	err = i.DB.Samples(ctx, func(s sqlite.Sample) {
		if within(s.Sockets.At, since, at) {
			samples = append(samples, link.Sample{Host: s.Host, At: s.Sockets.At, Sockets: s.Sockets.Value, Interfaces: s.Interfaces.Value})
		}
	})
	if err != nil {
		return v, err
	}
	declared, err := i.entriesUntil(ctx, at, timeline.HostDeclared, timeline.HostRetracted, timeline.LinkDeclared, timeline.LinkRetracted)
	if err != nil {
		return v, err
	}
	tests, err := i.entriesUntil(ctx, at, timeline.ReachTested)
	if err != nil {
		return v, err
	}
	tests = slices.DeleteFunc(tests, func(e timeline.Entry) bool { return !within(e.Seen, since, at) })
	v.m = link.Join(v.fleet, samples, link.DraftOf(declared))
	v.m.Apply(link.TestsOf(tests))
	return v, nil
}

// within reports whether a moment is after since, and not after at.
func within(t, since, at time.Time) bool { return t.After(since) && !t.After(at) }

func (i *openIncident) entriesUntil(ctx context.Context, at time.Time, kinds ...timeline.Kind) ([]timeline.Entry, error) {
	entries, err := i.DB.Kinds(ctx, time.Unix(0, 0), kinds...)
	return slices.DeleteFunc(entries, func(e timeline.Entry) bool { return e.Seen.After(at) }), err
}

// A visitKey is one scan's visit to one host.
type visitKey struct{ host, scan string }

// visitTimes are when visits ended, whether or not they reached the host.
func (i *openIncident) visitTimes(ctx context.Context) (map[visitKey]time.Time, error) {
	entries, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.HostScanned)
	times := map[visitKey]time.Time{}
	for _, e := range entries {
		if v, ok := timeline.Decode[timeline.HostVisit](e); ok {
			times[visitKey{e.Host, v.Scan}] = e.Seen
		}
	}
	return times, err
}

// hostAt is a host as it was known at a moment, by the visits whose facts are
// kept. It is not known where all visits to it were later.
func (i *openIncident) hostAt(ctx context.Context, h inventory.Host, visits map[visitKey]time.Time, since, at time.Time) (inventory.Host, bool, error) {
	known := false
	for key, t := range visits {
		known = known || key.host == h.Name && !t.After(at)
	}
	scans, err := i.DB.Visits(ctx, h.Name) // newest first
	if err != nil || !known {
		return h, false, err
	}
	h.Facts, h.Seen = fact.Set{}, time.Time{}
	for _, scan := range slices.Backward(scans) {
		ended := visits[visitKey{h.Name, scan}]
		if ended.IsZero() || ended.After(at) {
			continue
		}
		set, err := i.DB.VisitFacts(ctx, h.Name, scan)
		if err != nil {
			return h, false, err
		}
		h.Facts = fact.Merge(h.Facts, set)
		if ended.After(since) {
			h.Seen = ended
		}
	}
	if !h.Facts.Sockets.At.After(since) {
		h.Facts.Sockets = fact.Observed[fact.Sockets]{}
	}
	return h, true, nil
}

// compared is the picture of what changed between two moments.
func (i *openIncident) compared(ctx context.Context, opts diagramOptions, o diagram.Options) (link.Map, diagram.Options, error) {
	from, err := i.moment(ctx, opts.before)
	if err != nil {
		return link.Map{}, o, err
	}
	to := i.app.now()
	if opts.after != "" {
		if to, err = i.moment(ctx, opts.after); err != nil {
			return link.Map{}, o, err
		}
	}
	if !to.After(from) {
		return link.Map{}, o, usageError("nightcall diagram --before 6h --after 1h", "--after %q is not later than --before %q", opts.after, opts.before)
	}
	d, o, err := i.between(ctx, from, to, opts.plain, o)
	if err == nil && len(d.before.m.Hosts) == 0 {
		i.app.say("nightcall: nothing was known at %s: all that is drawn is new to us, which does not mean that it was not there", stamp(from))
	}
	return d.after, o, err
}

// A change is two maps: as it was, and what became of it.
type change struct {
	before view
	after  link.Map
}

// between compares two moments, and says in the options what became of what.
func (i *openIncident) between(ctx context.Context, from, to time.Time, plain bool, o diagram.Options) (change, diagram.Options, error) {
	before, err := i.viewAt(ctx, time.Time{}, from)
	if err != nil {
		return change{}, o, err
	}
	after, err := i.viewAt(ctx, from, to)
	if err != nil {
		return change{}, o, err
	}
	d := link.Compare(before.m, after.m, func(host string) bool { return after.looked[host] })
	o.Hosts, o.Links = d.Hosts, d.Links
	if o.Links == nil {
		o.Links = []link.Change{}
	}
	both := change{before, d.Map}
	if plain {
		return both, o, nil
	}
	was, err := i.marks(ctx, before.fleet, before.m)
	if err != nil {
		return both, o, err
	}
	o.Marks, err = i.marks(ctx, after.fleet, d.Map)
	for host, looked := range after.looked {
		if _, had := before.m.Node(host); had && looked && o.Hosts[host] == link.Same && was[host] != o.Marks[host] {
			o.Hosts[host] = link.Changed
		}
	}
	return both, o, err
}
