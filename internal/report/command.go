package report

import (
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A command is one that was run on a host, from its two entries.
type command struct {
	started time.Time
	by      string
	host    string
	line    string
	change  bool
	root    bool
	ended   bool
	exit    int
	failure string // why there was no answer
	took    time.Duration
	stdout  string
	stderr  string
	files   []string // with all of a long output
}

// commands pairs the beginnings and ends of commands, in the order in which they
// began.
func commands(entries []timeline.Entry) []*command {
	var all []*command
	open := map[[2]string]*command{}
	for _, e := range entries {
		switch e.Kind {
		case timeline.CommandStarted:
			if d, ok := timeline.Decode[timeline.CommandStart](e); ok {
				c := &command{started: e.At, by: e.Actor, host: e.Host, line: commandLine(d.Argv), change: d.Change, root: d.Root}
				all = append(all, c)
				open[[2]string{d.Run, e.Host}] = c
			}
		case timeline.CommandFinished:
			d, ok := timeline.Decode[timeline.CommandEnd](e)
			if c := open[[2]string{d.Run, e.Host}]; ok && c != nil {
				c.ended, c.exit, c.failure, c.took, c.stdout, c.stderr = true, d.Exit, d.Error, d.Took, d.Stdout, d.Stderr
				c.files = d.Evidence
			}
		}
	}
	return all
}

// commandLine is the command as a person would type it. Secrets are masked before
// quoting, which would take them apart, and after it, where the program tells.
func commandLine(argv []string) string {
	return redact.Args(host.Quote(redact.Argv(argv)...))
}
