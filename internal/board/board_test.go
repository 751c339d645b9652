package board

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/report"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var t0 = time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)

// A story is a source in memory.
type story struct {
	t       testing.TB
	mu      sync.Mutex
	entries []timeline.Entry
}

func (s *story) add(kind timeline.Kind, data any) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := timeline.New("incident-1", "kim", kind, t0.Add(time.Duration(len(s.entries))*time.Minute), data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.entries = append(s.entries, e)
}

func (s *story) Count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries), nil
}

func (s *story) Data(context.Context) (report.Data, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return report.Data{
		Incident: incident.Fold(s.entries), Entries: s.entries[:len(s.entries):len(s.entries)], At: s.Now(), Program: "nightcall test",
		Fleet: inventory.Fleet{Hosts: []inventory.Host{{Name: "shamefulhost", Class: "timeout"}}},
	}, nil
}

func (s *story) Now() time.Time { return t0.Add(time.Hour) }

// night has had a few words said.
func night(t testing.TB) *story {
	t.Helper()
	s := &story{t: t}
	s.add(timeline.IncidentOpened, timeline.Opened{Title: "checkout <script>alert(1)</script> is down"})
	rate, err := money.ParseRate("USD 24k/day", "")
	if err != nil {
		t.Fatal(err)
	}
	s.add(timeline.LossStated, timeline.Loss{Rate: rate, From: t0, SaidBy: "Ana"})
	s.add(timeline.NoteAdded, timeline.Note{Text: "a note"})
	return s
}

// A desk is a board that is served.
type desk struct {
	base            string
	client          *http.Client
	exec, all, join string // the paths
}

func serve(t testing.TB, s *story, certificate *tls.Certificate, writers ...Writer) desk {
	t.Helper()
	b, err := New(t.Context(), s, append(writers, nil)[0])
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, listener, certificate) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d := desk{base: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 1, //nolint:gosec // the fingerprint is compared
	}}}
	t.Cleanup(d.client.CloseIdleConnections)
	if certificate != nil {
		d.base = "https://" + listener.Addr().String()
	}
	d.exec, d.all, d.join = b.Paths()
	return d
}

func (d desk) ask(t testing.TB, method, path string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := d.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestPages(t *testing.T) {
	t.Parallel()
	d := serve(t, night(t), nil)
	answer, pay := d.ask(t, http.MethodGet, d.exec)
	for _, want := range []string{"checkout &lt;script&gt;", "USD 1,000 lost", "now USD 24,000/day", "update overdue since 30 min", "<li>Business situation: 1 of 4"} {
		if !strings.Contains(pay, want) {
			t.Errorf("the executive page does not tell %q:\n%s", want, pay)
		}
	}
	for _, never := range []string{"shamefulhost", "Ana", "kim", "a note", "https://", "http://"} {
		if strings.Contains(pay, never) {
			t.Errorf("the executive page tells %q", never)
		}
	}
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, scriptHash) || strings.Count(pay, "<script>") != 1 {
		t.Errorf("policy %q", policy)
	}
	_, repair := d.ask(t, http.MethodGet, d.all)
	for _, want := range []string{"shamefulhost", "Ana", "a note", "How much are you losing"} {
		if !strings.Contains(repair, want) {
			t.Errorf("the technical page does not tell %q", want)
		}
	}
}

// Whoever has no link finds nothing, and nobody changes anything.
func TestRefuses(t *testing.T) {
	t.Parallel()
	d := serve(t, night(t), nil)
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "//", http.StatusNotFound},
		{http.MethodGet, "/events", http.StatusNotFound},
		{http.MethodGet, d.exec[:len(d.exec)-2] + "/", http.StatusNotFound},
		{http.MethodGet, d.exec + "notes", http.StatusNotFound},
		{http.MethodGet, d.exec + "events/x", http.StatusNotFound},
		{http.MethodPost, d.exec, http.StatusMethodNotAllowed},
		{http.MethodDelete, d.all + "events", http.StatusMethodNotAllowed},
		{http.MethodOptions, d.all, http.StatusMethodNotAllowed},
	} {
		answer, body := d.ask(t, tt.method, tt.path)
		if answer.StatusCode != tt.want || strings.Contains(body, "checkout") {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, answer.StatusCode, body)
		}
	}
	if d.exec == d.all || len(d.exec) < 20 {
		t.Errorf("links %s and %s", d.exec, d.all)
	}
}

// listen follows a page's news until one has the text, or until it must have had it.
func (d desk) listen(t testing.TB, path, text string, ready func()) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+path+"events", nil)
	if err != nil {
		return err
	}
	answer, err := d.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if ready != nil {
			ready()
			ready = nil
		}
		if strings.Contains(lines.Text(), text) {
			return nil
		}
	}
	return fmt.Errorf("the news ended before %q: %w", text, lines.Err())
}

// What happens reaches every page that is open.
func TestNewsReachEverybody(t *testing.T) {
	t.Parallel()
	s := night(t)
	d := serve(t, s, nil)
	const clients = 200
	var listening, told sync.WaitGroup
	listening.Add(clients)
	errs := make(chan error, clients)
	for range clients {
		told.Go(func() { errs <- d.listen(t, d.all, "it came later", listening.Done) })
	}
	listening.Wait()
	began := time.Now()
	s.add(timeline.NoteAdded, timeline.Note{Text: "it came later"})
	told.Wait()
	t.Logf("%d pages had it after %v", clients, time.Since(began))
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A page may be read at the moment it is made anew: the race detector is the judge.
func TestReadWhileMadeAnew(t *testing.T) {
	t.Parallel()
	b, err := New(t.Context(), night(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := b.Paths()
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for range 20 {
				w := httptest.NewRecorder()
				b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, all, nil))
				if w.Code != http.StatusOK {
					t.Errorf("answered %d", w.Code)
				}
			}
		})
	}
	for range 20 {
		if err := b.refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
	reading.Wait()
}

// On a network it is encrypted, by the certificate whose fingerprint was told.
func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, told, err := SelfSigned(time.Now(), net.IPv4(127, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	d := serve(t, night(t), &certificate)
	answer, body := d.ask(t, http.MethodGet, d.exec)
	if !strings.Contains(body, "lost") {
		t.Error(body)
	}
	sum := sha256.Sum256(answer.TLS.PeerCertificates[0].Raw)
	if got := strings.ToLower(strings.ReplaceAll(told, ":", "")); got != hex.EncodeToString(sum[:]) {
		t.Errorf("told %s, shown %x", told, sum)
	}
	if err := answer.TLS.PeerCertificates[0].VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
}

// Note implements Writer.
func (s *story) Note(_ context.Context, name, text string) error {
	s.add(timeline.NoteAdded, timeline.Note{Text: name + " says " + text})
	return nil
}

// Tick implements Writer.
func (s *story) Tick(_ context.Context, name, item string) error {
	if item != "technical.together" {
		return errors.New("no such question")
	}
	s.add(timeline.StepTicked, timeline.Step{Item: item, Reason: name})
	return nil
}

// send posts a form.
func (d desk) send(t testing.TB, path string, form url.Values, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	answer, err := d.client.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestJoin(t *testing.T) {
	t.Parallel()
	s := night(t)
	d := serve(t, s, nil, s)
	if _, page := d.ask(t, http.MethodGet, d.join+"?name=%22%3E%3Cscript%3E"); !strings.Contains(page, `value="&#34;&gt;&lt;script&gt;"`) || !strings.Contains(page, `value="technical.together"`) {
		t.Error(page)
	}
	note := url.Values{"name": {"Ana"}, "text": {"it works"}}
	tick := url.Values{"name": {"Ana"}, "item": {"technical.together"}}
	for _, tt := range []struct {
		name    string
		path    string
		form    url.Values
		want    int
		headers []string
	}{
		{"note", d.join + "note", note, http.StatusSeeOther, []string{"Sec-Fetch-Site", "same-origin", "Origin", d.base}},
		{"tick", d.join + "tick", tick, http.StatusSeeOther, nil},
		{"no such question", d.join + "tick", url.Values{"name": {"Ana"}, "item": {"x"}}, http.StatusUnprocessableEntity, nil},
		{"nobody", d.join + "note", url.Values{"text": {"x"}}, http.StatusUnprocessableEntity, nil},
		{"nothing", d.join + "note", url.Values{"name": {"Ana"}, "text": {" "}}, http.StatusUnprocessableEntity, nil},
		{"too much", d.join + "note", url.Values{"name": {"Ana"}, "text": {strings.Repeat("x", maxText+1)}}, http.StatusUnprocessableEntity, nil},
		{"far too much", d.join + "note", url.Values{"name": {"Ana"}, "text": {strings.Repeat("x", 2*maxForm)}}, http.StatusBadRequest, nil},
		{"another page", d.join + "note", note, http.StatusForbidden, []string{"Sec-Fetch-Site", "cross-site"}},
		{"another origin", d.join + "note", note, http.StatusForbidden, []string{"Origin", "https://example.org"}},
		{"no origin", d.join + "note", note, http.StatusForbidden, []string{"Origin", "null"}},
		{"a reader", d.all + "note", note, http.StatusMethodNotAllowed, nil},
		{"a payer", d.exec + "tick", tick, http.StatusMethodNotAllowed, nil},
		{"something else", d.join + "run", note, http.StatusMethodNotAllowed, nil},
	} {
		if got, body := d.send(t, tt.path, tt.form, tt.headers...); got != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, got, body, tt.want)
		}
	}
	if n, _ := s.Count(t.Context()); n != 5 {
		t.Errorf("%d entries, want 5", n)
	}
	if err := d.listen(t, d.exec, "<li>Technical situation: 1 of 5", nil); err != nil {
		t.Error(err)
	}
}

// Where nobody may join, no link does.
func TestNobodyJoins(t *testing.T) {
	t.Parallel()
	s := night(t)
	b, err := New(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, join := b.Paths(); join != "" || b.view(b.words[joined]) >= 0 {
		t.Errorf("the link is %q", join)
	}
}
