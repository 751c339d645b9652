package netbox

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

// dial makes a client that does not wait between its tries.
func dial(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Token == "" {
		o.Token = netboxtest.AdminToken
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.pauses = []time.Duration{0}
	return c
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(netboxtest.New())
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, test := range []struct {
		name    string
		options Options
		want    string
	}{
		{"unknown", Options{}, "certificate"},
		{"a file of authorities", Options{CA: ca}, ""},
		{"insecure, when asked for", Options{Insecure: true}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.options.URL = server.URL
			_, err := dial(t, test.options).Status(context.Background())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if _, err := New(Options{URL: server.URL, Token: "x", CA: []byte("no certificate")}); err == nil {
		t.Error("a file without certificates is accepted")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var said atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said.Store(r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"netbox-version": "4.7.3"}`))
	}))
	t.Cleanup(server.Close)
	old := strings.Repeat("a1", 20)
	for token, want := range map[string]string{"nbt_key.secret": "Bearer nbt_key.secret", old: "Token " + old} {
		if _, err := dial(t, Options{URL: server.URL + "/api/", Token: token}).Status(context.Background()); err != nil || said.Load() != want {
			t.Errorf("%s: %v, %v", token, said.Load(), err)
		}
	}
	for _, token := range []string{"", " ", "a b", "a\nb"} {
		if _, err := New(Options{URL: server.URL, Token: token}); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// A redirect is an error before anything is sent to where it leads: a POST would
// arrive there as a GET, and the token with it.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusMovedPermanently))
	t.Cleanup(server.Close)
	c := dial(t, Options{URL: server.URL})
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		err := c.do(context.Background(), method, "dcim/sites", nil, []any{}, nil)
		if !errors.Is(err, ErrRedirect) || !strings.Contains(err.Error(), elsewhere.URL) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	memory := netboxtest.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		memory.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c := dial(t, Options{URL: server.URL, Budget: 3})
	_, err := c.Read(context.Background(), Map([]inventory.Host{guest("web1", "u1", "10.0.0.11")}, Placing{Site: "dc1"}, Notes{}))
	if !errors.Is(err, ErrBudget) || asked.Load() != 3 {
		t.Errorf("%d requests, %v", asked.Load(), err)
	}
}

// A server that never answers costs no more than the time allowed for a request,
// twice for a read.
func TestTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	_, err := dial(t, Options{URL: server.URL, Timeout: 50 * time.Millisecond}).Status(context.Background())
	if !errors.Is(err, ErrUnheard) {
		t.Error(err)
	}
}

// A ledger is a record in memory.
type ledger struct{ writing, wrote []Batch }

func (l *ledger) Writing(b Batch) error { l.writing = append(l.writing, b); return nil }
func (l *ledger) Wrote(b Batch) error   { l.wrote = append(l.wrote, b); return nil }

// A laptop that dies after a request and before its reply leaves a batch of which
// nobody knows. Undo asks NetBox.
func TestUndoOfWhatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(netboxtest.New())
	t.Cleanup(server.Close)
	c, l := dial(t, Options{URL: server.URL}), &ledger{}
	wanted := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web2", "u2", "10.0.0.12")}, Placing{Site: "dc1"}, Notes{})
	there, err := c.Read(context.Background(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Apply(context.Background(), Compare(wanted, there, nil), "test", l); err != nil {
		t.Fatal(err)
	}
	if len(l.writing) != len(l.wrote) {
		t.Fatalf("%d batches were begun and %d ended", len(l.writing), len(l.wrote))
	}
	for n, b := range l.wrote {
		known := append(append([]Batch{}, l.wrote[:n]...), l.wrote[n+1:]...)
		plan, err := c.PlanUndo(context.Background(), known, []Batch{forgetful(b)})
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Count(Delete); got != len(wanted) {
			t.Errorf("%s %s unheard of: %d of %d objects would go", b.Op, b.Kind, got, len(wanted))
		}
	}
	nothing := Batch{Op: Create, Kind: VM, Objects: []Written{{Key: "web9", Host: "web9", After: map[string]any{"name": "web9", "site": int64(1)}}}}
	plan, err := c.PlanUndo(context.Background(), nil, []Batch{nothing})
	if err != nil || len(plan.Steps) != 0 {
		t.Errorf("what was not done is taken back: %+v, %v", plan.Steps, err)
	}
}

// forgetful is a batch as it was before its reply: without the ids of what it made.
func forgetful(b Batch) Batch {
	objects := append([]Written{}, b.Objects...)
	for i := range objects {
		if b.Op == Create {
			objects[i].ID = 0
		}
	}
	b.Objects = objects
	return b
}
