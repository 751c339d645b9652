// Package board is the live page for the room: one for those who pay, one for
// those who repair, both told from the same data, on the television and on
// phones.
//
// # Link
//
// A view is reached by a link with a random word, another for each view; whoever
// has it reads it. Where a [Writer] is given, a third link also takes notes and
// ticks. No request changes a host. Any other address answers as if nothing were
// there.
//
// # News
//
// A page is whole when it comes, and listens to server-sent events from then on:
// what is counted comes every second, the rest when something happened. It needs
// nothing from elsewhere.
package board

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/report"
)

// How often the page is looked after.
const (
	countEach   = time.Second            // the glance
	lookEach    = 100 * time.Millisecond // whether something happened
	renewEach   = time.Minute            // the page, of which some grows older too
	maxClients  = 500
	writeLimit  = 10 * time.Second // for one piece of news to one client
	headerLimit = 10 * time.Second
)

// A Source is where the board's data comes from.
type Source interface {
	// Count changes when something happened; it is cheap.
	Count(ctx context.Context) (int, error)

	// Data is everything there is to tell. What an earlier call returned need not
	// hold any longer.
	Data(ctx context.Context) (report.Data, error)

	// Now is the time, in the zone in which times are told.
	Now() time.Time
}

// A Board serves one incident.
type Board struct {
	source Source
	writer Writer    // or nil
	words  [3]string // of the views' links, which never change

	data report.Data // only for whoever refreshes

	mu      sync.Mutex
	views   [3]view
	glance  string
	svg     []byte // who talks to whom
	open    string // the questions that can be ticked, as options of a form
	clients map[*client]bool
}

// A view is one of the pages.
type view struct {
	html string // as it is now
	news string // the same, as an event
}

// The views.
const (
	executive = iota
	technical
	joined // the technical one, with forms
)

// A client is a page that listens. Its channel holds at most one piece of news of
// each kind: who reads slowly misses what is out of date already.
type client struct {
	view   int
	wake   chan struct{}
	glance bool
	page   bool
}

// New reads the data once, and returns a board that does not serve yet. With a
// writer, people may join.
func New(ctx context.Context, source Source, writer Writer) (*Board, error) {
	b := &Board{source: source, writer: writer, clients: map[*client]bool{}}
	for n := range b.words {
		b.words[n] = word()
	}
	return b, b.refresh(ctx)
}

// word is what nobody guesses.
func word() string {
	random := make([]byte, 18)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

// Paths are the paths of the links: for those who pay, for those who repair, and
// for those who join, which is empty when nobody may.
func (b *Board) Paths() (pay, repair, join string) {
	path := func(n int) string { return "/" + b.words[n] + "/" }
	if b.writer != nil {
		join = path(joined)
	}
	return path(executive), path(technical), join
}

// refresh makes the pages anew.
func (b *Board) refresh(ctx context.Context) error {
	d, err := b.source.Data(ctx)
	if err != nil {
		return err
	}
	pay, repair, glance, open := report.Executive(d), report.Technical(d), report.Glance(d), openItems(d.Incident)
	b.data = d
	b.mu.Lock()
	defer b.mu.Unlock()
	b.glance, b.svg, b.open = glance, d.Picture.SVG, open
	b.views[executive].html, b.views[technical].html, b.views[joined].html = pay, repair, repair
	for n := range b.views {
		b.views[n].news = event("page", b.views[n].html)
	}
	b.tell(func(c *client) { c.glance, c.page = true, true })
	return nil
}

// count makes the glance anew.
func (b *Board) count() {
	b.data.At = b.source.Now()
	glance := report.Glance(b.data)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.glance = glance
	b.tell(func(c *client) { c.glance = true })
}

// tell marks what is new for every client and wakes it. The board is locked.
func (b *Board) tell(mark func(*client)) {
	for c := range b.clients {
		mark(c)
		select {
		case c.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

// watch keeps the pages up to date until ctx ends. What cannot be read now is
// read the next time.
func (b *Board) watch(ctx context.Context, known int) {
	counting, looking, renewing := time.NewTicker(countEach), time.NewTicker(lookEach), time.NewTicker(renewEach)
	defer counting.Stop()
	defer looking.Stop()
	defer renewing.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-counting.C:
			b.count()
		case <-renewing.C:
			known = -1
		case <-looking.C:
			n, err := b.source.Count(ctx)
			if err == nil && n != known && b.refresh(ctx) == nil {
				known = n
			}
		}
	}
}

// Serve answers on the listener until ctx ends, over TLS where a certificate is
// given.
func (b *Board) Serve(ctx context.Context, listener net.Listener, certificate *tls.Certificate) error {
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
	}
	server := &http.Server{
		Handler: b, ReadHeaderTimeout: headerLimit, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // of strangers' handshakes nobody wants to read
	}
	known, err := b.source.Count(ctx)
	if err != nil {
		return err
	}
	if err := b.refresh(ctx); err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() { b.watch(ctx, known) })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err = server.Serve(listener)
	watching.Wait()
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return err
}

// ServeHTTP answers the two pages and their news, and nothing else.
func (b *Board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // without any, a browser does not say where a form comes from
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; script-src '"+scriptHash+"'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	word, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	n := b.view(word)
	if n == joined && r.Method == http.MethodPost && (rest == "note" || rest == "tick") {
		b.write(w, r, rest)
		return
	}
	if r.Method != http.MethodGet {
		http.Error(w, "this page is for reading", http.StatusMethodNotAllowed)
		return
	}
	switch {
	case n < 0:
		http.NotFound(w, r)
	case rest == "":
		b.page(w, r, n)
	case rest == "events":
		b.events(w, r, n)
	case rest == report.PictureName && n != executive:
		b.picture(w)
	default:
		http.NotFound(w, r)
	}
}

// view is the number of the view with this word, or -1. How long it takes tells
// nothing of the word.
func (b *Board) view(word string) int {
	found := -1
	for n, own := range b.words {
		if subtle.ConstantTimeCompare([]byte(own), []byte(word)) == 1 && (n != joined || b.writer != nil) {
			found = n
		}
	}
	return found
}

func (b *Board) page(w http.ResponseWriter, r *http.Request, n int) {
	b.mu.Lock()
	glance, page, forms, whose := b.glance, b.views[n].html, "", "repair"
	if n == executive {
		whose = "pay"
	}
	if n == joined {
		forms = b.forms(r.URL.Query().Get("name"))
	}
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, pageShape, report.Style+style, glance, forms, whose, page, script)
}

// picture answers who talks to whom. Opened alone it can run nothing either.
func (b *Board) picture(w http.ResponseWriter) {
	b.mu.Lock()
	svg := b.svg
	b.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox")
	h.Set("Cache-Control", "private, max-age=3600") // its link changes with it
	_, _ = w.Write(svg)
}

// events sends news for as long as the client listens.
func (b *Board) events(w http.ResponseWriter, r *http.Request, n int) {
	c := &client{view: n, wake: make(chan struct{}, 1), glance: true, page: true}
	if !b.join(c) {
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer b.leave(c)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	for {
		text := b.news(c)
		if err := control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return
		}
		if _, err := w.Write([]byte(text)); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.wake:
		}
	}
}

func (b *Board) join(c *client) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.clients) >= maxClients {
		return false
	}
	b.clients[c] = true
	return true
}

func (b *Board) leave(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clients, c)
}

// news is what the client was not sent yet, as events.
func (b *Board) news(c *client) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := ""
	if c.glance {
		text += event("glance", b.glance)
	}
	if c.page {
		text += b.views[c.view].news
	}
	c.glance, c.page = false, false
	return text
}

// event is a server-sent event; each line of its data is one of the event's.
func event(name, data string) string {
	return "event: " + name + "\ndata: " + strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n"
}
