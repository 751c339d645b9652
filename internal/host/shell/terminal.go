package shell

import (
	"context"
	"fmt"
	"regexp"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A Terminal is a Wire that can give a process a terminal, which some hosts
// demand of whoever wants root. There is one output then, and both of the
// process's are on it.
type Terminal interface {
	// StartOnTerminal is Start on a terminal of its own, set to pass every byte as
	// it is and to echo none.
	StartOnTerminal(ctx context.Context, command string) (Process, error)
}

// nextText reads lines to the end mark and runs them. A shell that is given its
// commands on a terminal would be an interactive one, with prompts and jobs.
const nextText = `nc_t=; while IFS= read -r nc_l; do [ "$nc_l" = "#nightcall go" ] && break; nc_t="$nc_t$nc_l$nc_n"; done; eval "$nc_t"`

// setNewline gives nextText its newline.
const setNewline = `nc_n=$(printf "\nx"); nc_n=${nc_n%x}; `

// endText is the end mark.
const endText = "#nightcall go\n"

// ready is what a shell on a terminal says once the terminal passes every byte;
// what is sent before may be lost or echoed.
const ready = mark + "ready"

// commandOnTerminal is what a wire is asked to start on a terminal. It ends where
// it has got none, which a wire may learn late.
var commandOnTerminal = fmt.Sprintf("exec sh -c %s", host.Quote(fmt.Sprintf(
	`[ -t 0 ] || exit 1; stty raw -echo 2>/dev/null; %sprintf "\n%%s\n" %s; %s`, setNewline, ready, nextText,
)))

// startTerminal starts the program's shell on a terminal and waits for it.
func (p *Program) startTerminal(ctx context.Context, wire Wire, opts Options) (*run, error) {
	t, ok := wire.(Terminal)
	if !ok {
		return nil, fmt.Errorf("%w: this way to the host has none", host.ErrRefused)
	}
	proc, err := t.StartOnTerminal(ctx, commandOnTerminal)
	if err != nil {
		return nil, err
	}
	return newRun(proc, p, opts, true), nil
}

// awaitReady waits for the terminal.
func (r *run) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.Limits.Hello,
		fmt.Errorf("%w: the shell on a terminal said nothing for %s", host.ErrTimeout, r.opts.Limits.Hello))
	defer cancel()
	for {
		select {
		case <-r.ready:
			return nil
		case e := <-r.events:
			if e.kind == eventEnd {
				return r.noShell(ctx, e.err)
			}
		case <-ctx.Done():
			return cause(ctx)
		}
	}
}

var readyPattern = regexp.MustCompile(regexp.QuoteMeta(ready) + `\r?\n`)

// sendText sends commands to the shell, which goes on reading when they are done.
func (r *run) sendText(text string) {
	if r.terminal {
		text += "eval \"$next\"\n" + endText
	}
	r.send(text)
}
