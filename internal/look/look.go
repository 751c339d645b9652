// Package look asks the services of a host one harmless question each: whether
// they answer somebody who has not authenticated, and what they are.
//
// The questions travel through the host's own SSH server, so that nothing is
// needed there, and a service that listens on loopback only is asked too. A
// service is known by its process, its port, or by what it says about itself;
// what speaks a protocol that counts strangers' calls as attacks is never asked.
//
// Nothing is tried: no password, no exploit, no write. Of what comes back only a
// bounded part is read, and only the line that proves something is kept.
package look

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Dial connects to host:port from some place.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Bounds of one host.
const (
	maxServices = 64       // that are asked
	atOnce      = 6        // a server allows few channels
	maxAnswer   = 64 << 10 // bytes that are read of one answer
	askTimeout  = 3 * time.Second
)

// Ask asks the services that listen on a host, from itself, and returns its
// replies and what its Redis servers said.
func Ask(ctx context.Context, dial Dial, sockets fact.Sockets) ([]fact.Reply, []fact.Cache) {
	targets := targetsOf(sockets)
	found := make([]answer, len(targets))
	var wait sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for n, t := range targets {
		wait.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			found[n] = t.ask(ctx, dial)
		})
	}
	wait.Wait()
	replies, caches := []fact.Reply{}, []fact.Cache{}
	for _, a := range found {
		if a.reply.Service != "" {
			replies = append(replies, a.reply)
		}
		if a.cache.Port != 0 {
			caches = append(caches, a.cache)
		}
	}
	return replies, caches
}

// Again asks the question of a reply from another place, and reports whether the
// service is as open there; ok is false where nobody could find out.
func Again(ctx context.Context, dial Dial, r fact.Reply, address string) (open, ok bool) {
	for _, q := range questions {
		if q.service != r.Service {
			continue
		}
		t := target{listener: fact.Listener{Port: r.Port, Process: r.Process}, address: address}
		now := q.ask(ctx, dial, t)
		return now.reply.Access == r.Access, true
	}
	return false, false
}

// A target is one service to ask.
type target struct {
	listener fact.Listener
	address  string // host:port, from inside the host
}

// answer is what came of one question; a reply without a service is none.
type answer struct {
	reply fact.Reply
	cache fact.Cache
}

// targetsOf are the listeners worth a question, each port once.
func targetsOf(sockets fact.Sockets) []target {
	var targets []target
	for _, l := range sockets.Listeners {
		known := func(t target) bool { return t.listener.Port == l.Port }
		if l.Proto != "tcp" || len(targets) == maxServices || !worthAsking(l) {
			continue
		}
		if n := slices.IndexFunc(targets, known); n >= 0 {
			targets[n].listener.All = targets[n].listener.All || l.All
			targets[n].listener.Local = targets[n].listener.Local && l.Local
			continue
		}
		targets = append(targets, targetOf(l))
	}
	return targets
}

// ask puts the question of the service's protocol. What speaks HTTP first says
// what it is.
func (t target) ask(ctx context.Context, dial Dial) answer {
	for _, q := range questions {
		if q.protocol != nil && q.knows(t.listener) {
			return t.finish(q.protocol(ctx, dial, t), q)
		}
	}
	home, err := get(ctx, dial, t.address, "/")
	if err != nil {
		return answer{}
	}
	for _, q := range questions {
		if q.protocol == nil && (q.recognise(home) || q.certain(t.listener)) {
			return t.finish(q.judge(ctx, dial, t, home), q)
		}
	}
	return answer{}
}

// ask is the question from another place.
func (q question) ask(ctx context.Context, dial Dial, t target) answer {
	if q.protocol != nil {
		return t.finish(q.protocol(ctx, dial, t), q)
	}
	return t.finish(q.judge(ctx, dial, t, page{}), q)
}

// finish completes a reply with what is known of the listener.
func (t target) finish(a answer, q question) answer {
	r := &a.reply
	if r.Access == "" {
		return answer{}
	}
	host, _, _ := net.SplitHostPort(t.address)
	r.Service, r.Port, r.Address, r.Process = q.service, t.listener.Port, host, plain.Clip(t.listener.Process, 80)
	r.Why, r.Everyone, r.OpenTo, r.ShutTo = q.why, !t.listener.Local, []string{}, []string{}
	if r.Access == fact.ReplyReadable {
		r.Why = q.reads
	}
	r.Said, r.Version = plain.Clip(redact.Text(r.Said), 200), plain.Clip(r.Version, 60)
	return a
}

// A page is one answer over HTTP.
type page struct {
	status  int
	headers string // lower-case names, one a line
	body    string
}

func (p page) has(part string) bool { return strings.Contains(p.body, part) }

// header is the value of a header, or nothing.
func (p page) header(name string) string {
	for line := range strings.Lines(p.headers) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

var errNoHTTP = errors.New("it does not speak HTTP")

// get asks for one page. HTTP/1.0 has the server end the answer by closing.
func get(ctx context.Context, dial Dial, address, path string) (page, error) {
	host, _, _ := net.SplitHostPort(address)
	data, err := exchange(ctx, dial, address, "GET "+path+" HTTP/1.0\r\nHost: "+host+"\r\nUser-Agent: nightcall\r\nAccept: */*\r\nConnection: close\r\n\r\n")
	if err != nil {
		return page{}, err
	}
	return parsePage(data)
}

// parsePage reads an answer of HTTP/1.
func parsePage(data []byte) (page, error) {
	head, body, _ := strings.Cut(strings.ToValidUTF8(string(data), "\uFFFD"), "\r\n\r\n")
	line, headers, _ := strings.Cut(head, "\r\n")
	f := strings.SplitN(line, " ", 3)
	if len(f) < 2 || !strings.HasPrefix(f[0], "HTTP/") {
		return page{}, errNoHTTP
	}
	status, err := strconv.Atoi(f[1])
	if err != nil || status < 100 || status > 599 {
		return page{}, errNoHTTP
	}
	p := page{status: status, body: body}
	for h := range strings.SplitSeq(headers, "\r\n") {
		if name, value, ok := strings.Cut(h, ":"); ok {
			p.headers += strings.ToLower(name) + ":" + strings.TrimSpace(value) + "\n"
		}
	}
	return p, nil
}

// exchange says one thing and reads what comes back, until the other side has
// ended, falls silent or has said enough.
func exchange(ctx context.Context, dial Dial, address, say string) ([]byte, error) {
	var data []byte
	err := talk(ctx, dial, address, func(c net.Conn) (err error) {
		if _, err = io.WriteString(c, say); err != nil {
			return err
		}
		data, err = io.ReadAll(io.LimitReader(c, maxAnswer))
		return err
	})
	if len(data) > 0 {
		return data, nil // what came before it broke off tells enough
	}
	if err == nil {
		err = errNoHTTP
	}
	return nil, err
}

// talk holds one conversation, which ends in time whatever the other side does.
func talk(ctx context.Context, dial Dial, address string, with func(net.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })() // a forwarded connection has no deadlines
	return with(c)
}

// line reads one line of a text protocol, bounded.
func line(r *bufio.Reader) (string, error) {
	text, err := r.ReadSlice('\n')
	if err != nil {
		return "", fmt.Errorf("no whole line: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
