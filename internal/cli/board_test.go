package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/stdio"
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
	go func() { done <- runBoard(ctx, a, boardOptions{listen: "127.0.0.1:0"}) }()
	var told struct{ Executive, Technical, Fingerprint string }
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
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
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
