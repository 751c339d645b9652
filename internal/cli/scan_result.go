package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// finish prints the result and chooses the exit status.
func (s *scanRun) finish() error {
	slices.SortFunc(s.hosts, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	if err := s.print(); err != nil {
		return err
	}
	missed := 0
	for class, n := range s.counts {
		if !class.Reached() {
			missed += n
		}
	}
	if !s.app.json {
		s.summarise(missed)
	}
	if missed > 0 {
		return exitWith(exitNotReached)
	}
	return nil
}

// A scannedHost is a host in the JSON of a scan.
type scannedHost struct {
	Name   string     `json:"name"`
	Class  host.Class `json:"class"`
	Reason string     `json:"reason"`
	Root   bool       `json:"root"`
	TookMS int64      `json:"took_ms"`
}

func (s *scanRun) print() error {
	if s.app.json && !s.opts.partOfMore {
		hosts := []scannedHost{}
		for _, h := range s.hosts {
			hosts = append(hosts, scannedHost{h.Name, h.Class, h.Reason, h.Root, h.Took.Milliseconds()})
		}
		return printJSON(s.app.io, map[string]any{"scan": s.id, "hosts": hosts, "classes": s.counts, "silent_addresses": s.silent})
	}
	if s.opts.partOfMore || s.app.io.OutTTY && s.app.io.ErrTTY {
		return nil // the progress lines have told it
	}
	table := newTable(s.app.io, "HOST", "CLASS", "ROOT", "TOOK", "REASON")
	for _, h := range s.hosts {
		table.row(h.Name, string(h.Class), yesNo(h.Root), h.Took.Round(time.Millisecond).String(), h.Reason)
	}
	return table.flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (s *scanRun) summarise(missed int) {
	if len(s.hosts) > 0 {
		s.say("%s: %s", plural(len(s.hosts), "host"), classCounts(s.counts))
	}
	if s.silent > 0 {
		s.say("%d addresses of the ranges did not answer and are not kept", s.silent)
	}
	if s.opts.partOfMore {
		return
	}
	if missed > 0 {
		s.say("again for those: nightcall scan --retry-failed")
	}
	for _, class := range []host.Class{host.ClassHostKey, host.ClassAuth, host.ClassSudo} {
		if s.counts[class] > 0 {
			s.say("nightcall: hint: %s", hintForClass(class))
		}
	}
	if len(s.hosts) > missed {
		s.say("next: nightcall findings")
	}
}
