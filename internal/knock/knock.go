// Package knock finds out, from inside a host, whether a service answers there.
//
// The host's own SSH server makes the connection: nothing is needed on the host
// and nothing is sent to the service. Where the server forwards nothing, a shell
// there tries with what it has. What a service says by itself, before anybody
// asks it, is kept: it tells what it is.
package knock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// An Outcome is how a knock ended.
type Outcome string

// The outcomes.
const (
	Open    Outcome = "open"
	Closed  Outcome = "closed"   // accepted, and hung up at once
	Refused Outcome = "refused"  // nothing listens, or something rejects
	Timeout Outcome = "timeout"  // no answer: dropped by a firewall, or the host is gone
	NoRoute Outcome = "no route" // the network says that there is no way
	NoName  Outcome = "no name"  // the host cannot resolve it
	Unclear Outcome = "unclear"  // nobody could find out
)

// A Result is what a knock found.
type Result struct {
	Outcome  Outcome       `json:"outcome"`
	How      string        `json:"how"`                // ssh: by the host's SSH server; shell: by its shell
	Detail   string        `json:"detail,omitempty"`   // in the words of whoever refused
	Greeting string        `json:"greeting,omitempty"` // what the service said by itself
	Took     time.Duration `json:"took"`
}

// A Forwarder can make a connection from the host onward. The error of one that
// may not, or cannot say why it failed, wraps [host.ErrRefused].
type Forwarder interface {
	Forward(ctx context.Context, address string) (net.Conn, error)
}

// listenTime is how long a service may take to greet.
const listenTime = 300 * time.Millisecond

// Try knocks at host:port from inside a host. wire may be a Forwarder; shell may
// be nil.
func Try(ctx context.Context, wire any, shell host.Reader, address string, timeout time.Duration) Result {
	if f, ok := wire.(Forwarder); ok {
		if r, ok := forward(ctx, f, address, timeout); ok {
			return r
		}
	}
	if shell == nil {
		return Result{Outcome: Unclear, How: "ssh", Detail: "its SSH server forwards nothing"}
	}
	return byShell(ctx, shell, address, timeout)
}

// forward knocks through the SSH server. It reports false when that cannot tell.
func forward(ctx context.Context, f Forwarder, address string, timeout time.Duration) (Result, bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := f.Forward(ctx, address)
	switch {
	case err == nil:
		defer conn.Close()
		return greet(conn), true
	case errors.Is(err, context.DeadlineExceeded):
		return Result{Outcome: Timeout, How: "ssh", Detail: fmt.Sprintf("no answer in %s", timeout)}, true
	case errors.Is(err, host.ErrRefused):
		return Result{}, false
	}
	r := Result{Outcome: outcomeOf(err.Error()), How: "ssh", Detail: plain.Clip(err.Error(), maxDetail)}
	return r, r.Outcome != Unclear
}

// Bounds of what is kept, in runes and bytes.
const (
	maxDetail   = 200
	maxGreeting = 256
)

// greet listens to what the service says by itself.
func greet(conn net.Conn) Result {
	r := Result{Outcome: Open, How: "ssh"}
	said := make(chan Result, 1)
	go func() {
		buf := make([]byte, maxGreeting)
		n, err := conn.Read(buf)
		if n == 0 && errors.Is(err, io.EOF) {
			r.Outcome, r.Detail = Closed, "accepted, and closed without a word"
		}
		r.Greeting = greeting(buf[:n])
		said <- r
	}()
	timer := time.NewTimer(listenTime)
	defer timer.Stop()
	select {
	case r := <-said:
		return r
	case <-timer.C:
		return Result{Outcome: Open, How: "ssh"}
	}
}

// greeting is the first line of readable text: a database puts numbers around its
// version.
func greeting(data []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '\n'
		}
		return r
	}, string(bytes.ToValidUTF8(data, nil)))
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 3 {
			return plain.Clip(line, 80)
		}
	}
	return ""
}

// outcomeOf reads what a kernel or a resolver says, as SSH servers and shells
// hand it on.
func outcomeOf(text string) Outcome {
	text = strings.ToLower(text)
	for _, known := range []struct {
		part    string
		outcome Outcome
	}{
		{"refused", Refused},
		{"no route to host", NoRoute},
		{"network is unreachable", NoRoute},
		{"host is unreachable", NoRoute},
		{"host unreachable", NoRoute},
		{"not known", NoName},
		{"unknown host", NoName},
		{"bad address", NoName},
		{"not resolve", NoName},
		{"name resolution", NoName},
		{"no address associated", NoName},
		{"reset by peer", Closed},
		{"timed out", Timeout},
		{"timeout", Timeout},
	} {
		if strings.Contains(text, known.part) {
			return known.outcome
		}
	}
	return Unclear
}

// tryScript connects with bash or netcat, whichever is there, and sends nothing.
const tryScript = `LC_ALL=C; export LC_ALL
if command -v bash >/dev/null 2>&1; then bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" && echo "#open"
elif command -v nc >/dev/null 2>&1; then nc -v -w "$3" "$1" "$2" </dev/null && echo "#open"
else echo "#neither"; fi`

// byShell has a shell on the host connect.
func byShell(ctx context.Context, shell host.Reader, address string, timeout time.Duration) Result {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return Result{Outcome: Unclear, How: "shell", Detail: plain.Clip(err.Error(), maxDetail)}
	}
	seconds := fmt.Sprint(max(1, int(timeout.Seconds())))
	out, err := shell.Probe(ctx, host.Command{Argv: []string{"sh", "-c", tryScript, "sh", name, port, seconds}, Timeout: timeout})
	r := Result{How: "shell"}
	said := string(out.Stdout) + string(out.Stderr)
	switch {
	case errors.Is(err, host.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded):
		r.Outcome, r.Detail = Timeout, fmt.Sprintf("no answer in %s", timeout)
	case err != nil:
		r.Outcome, r.Detail = Unclear, plain.Clip(err.Error(), maxDetail)
	case strings.Contains(said, "#open"):
		r.Outcome = Open
	case strings.Contains(said, "#neither"):
		r.Outcome, r.Detail = Unclear, "its SSH server forwards nothing, and there is neither bash nor nc"
	default:
		r.Outcome, r.Detail = outcomeOf(said), plain.Clip(lastLine(said), maxDetail)
	}
	return r
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
