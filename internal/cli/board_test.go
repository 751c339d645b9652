package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/stdio"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// The whole command: it tells its links, shows what another process writes, and
// ends when it is told to.
func TestBoard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"))
	ctx, cancel := context.WithCancel(t.Context())
	links, out := io.Pipe()
	var errs bytes.Buffer
	streams := stdio.Streams{In: strings.NewReader(""), Out: out, Err: &errs}
	a := &app{io: streams, now: func() time.Time { return lookAt }, getenv: func(string) string { return "" }, incident: d.incident, json: true}
	done := make(chan error, 1)
	go func() { done <- runBoard(ctx, a, boardOptions{listen: "127.0.0.1:0", join: true}) }()
	var told struct{ Executive, Technical, Join, Fingerprint string }
	if err := json.NewDecoder(links).Decode(&told); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(told.Technical, "http://127.0.0.1:") || told.Fingerprint != "" {
		t.Errorf("%+v", told)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, told.Technical+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	d.must(t, "note", "written elsewhere")
	var news bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(news.String(), "written elsewhere") {
		n, err := answer.Body.Read(buf)
		if err != nil {
			t.Fatalf("the news ended: %v", err)
		}
		news.Write(buf[:n])
	}
	if !strings.Contains(news.String(), "web1") {
		t.Error("the host is not told")
	}
	for path, form := range map[string]url.Values{
		"note": {"name": {"Ana"}, "text": {"password=hunter2xyz"}}, "tick": {"name": {"Ana"}, "item": {"technical.together"}},
	} {
		answer, err := http.PostForm(told.Join+path, form)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK { // after the way back to the page
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	written := func(e timeline.Entry) bool {
		return e.Actor == "Ana (board)" && timeline.Describe(e) == "password=[secret]"
	}
	if notes := d.entries(t, timeline.NoteAdded); !slices.ContainsFunc(notes, written) {
		t.Errorf("%+v", notes)
	}
	if ticks := d.entries(t, timeline.StepTicked); len(ticks) != 1 {
		t.Errorf("%+v", ticks)
	}
	early, err := http.PostForm(told.Join+"tick", url.Values{"name": {"Ana"}, "item": {"inventory.scan"}})
	if err != nil {
		t.Fatal(err)
	}
	defer early.Body.Close()
	if early.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a tick before its time: %s", early.Status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
}

// What a person mutes is muted on the board at once, and not at its next look at the
// hosts.
func TestBoardSeesMutes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, inventory.Host{Name: "gone", Class: host.ClassUnreachable, Reason: "connection refused", Visited: lookAt})
	a := &app{io: stdio.Streams{Err: io.Discard}, now: func() time.Time { return lookAt }, getenv: func(string) string { return "" }, incident: d.incident}
	i, err := a.openCurrent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	source := &boardSource{incident: i}
	shows := func(findings, muted int) string {
		t.Helper()
		now, err := source.Data(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(now.Findings.Findings) != findings || len(now.Findings.Muted) != muted {
			t.Errorf("%d findings, %d muted", len(now.Findings.Findings), len(now.Findings.Muted))
		}
		return append(everything(now.Findings), check.Finding{})[0].ID
	}
	id := shows(1, 0)
	d.must(t, "findings", "mute", id, "--reason", "known", "--until", "8h")
	shows(0, 1)
}

func TestBoardRefusesAnAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, listen := range []string{"8080", "nowhere"} {
		if code, _, stderr := d.nightcall(t, "board", "--listen", listen); code != exitUsage || !strings.Contains(stderr, "--listen") {
			t.Errorf("%s: exit %d: %s", listen, code, stderr)
		}
	}
	if code, _, _ := d.nightcall(t, "board", "--listen", "192.0.2.1:0"); code != exitFailed {
		t.Errorf("an address of somebody else: exit %d", code)
	}
}
