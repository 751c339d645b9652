//go:build browser

package board

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A browser is a headless Chromium with one page, spoken to over its pipe.
type browser struct {
	t       testing.TB
	in      *os.File
	session string

	mu      sync.Mutex
	number  int
	waiting map[int]chan answer
}

type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startBrowser opens a page in a Chromium of its own.
func startBrowser(t *testing.T, url string, width int) *browser {
	t.Helper()
	toRead, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toRead, toWrite} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = toRead.Close(), toWrite.Close()
	b := &browser{t: t, in: in, waiting: map[int]chan answer{}}
	go b.listen(bufio.NewReader(out))
	t.Cleanup(func() {
		b.ask("", "Browser.close", nil, nil)
		_ = cmd.Wait()
		_, _ = in.Close(), out.Close()
	})
	var target struct {
		ID string `json:"targetId"`
	}
	b.ask("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.ask("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	b.session = attached.Session
	b.ask(b.session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.ask(b.session, "Page.navigate", map[string]any{"url": url}, nil)
	b.await(`document.readyState === "complete" && document.getElementById("glance") !== null`)
	return b
}

// listen hands answers to whoever asked.
func (b *browser) listen(out *bufio.Reader) {
	for {
		text, err := out.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID int `json:"id"`
			answer
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil || m.ID == 0 {
			continue
		}
		b.mu.Lock()
		waiting := b.waiting[m.ID]
		b.mu.Unlock()
		waiting <- m.answer
	}
}

// ask calls a method of the browser and decodes what it answers.
func (b *browser) ask(session, method string, params, result any) {
	b.t.Helper()
	if params == nil {
		params = struct{}{}
	}
	b.mu.Lock()
	b.number++
	done := make(chan answer, 1)
	b.waiting[b.number] = done
	call := map[string]any{"id": b.number, "method": method, "params": params}
	b.mu.Unlock()
	if session != "" {
		call["sessionId"] = session
	}
	text, err := json.Marshal(call)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case a := <-done:
		if a.Error != nil {
			b.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
	case <-time.After(30 * time.Second):
		b.t.Fatalf("%s: no answer", method)
	}
}

// eval returns the value of an expression, which may be a promise.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	b.ask(b.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s", expression, got.Exception.Text)
	}
	if value != nil {
		if err := json.Unmarshal(got.Result.Value, value); err != nil {
			b.t.Fatalf("%s: %v", expression, err)
		}
	}
}

// await asks until the condition holds. It is for what no event of the page tells.
func (b *browser) await(condition string) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		var holds bool
		if b.eval(condition, &holds); holds {
			return
		}
	}
	b.t.Fatalf("never: %s", condition)
}

// see waits, as the page changes, until the text is on it.
func (b *browser) see(text string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`new Promise((done) => {
		const there = () => document.getElementById("page").innerText.includes(%q);
		if (there()) { done(true); return; }
		const watch = new MutationObserver(() => { if (there()) { watch.disconnect(); done(true); } });
		watch.observe(document.body, {subtree: true, childList: true, characterData: true});
	})`, text), nil)
}

// shoot writes what the page looks like where NIGHTCALL_SCREENSHOTS says.
func (b *browser) shoot(name string) {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.ask(b.session, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": false}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil || len(png) < 1000 {
		b.t.Fatalf("a picture of %d bytes, %v", len(png), err)
	}
	if dir := os.Getenv("NIGHTCALL_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

// print makes a PDF of the page, and returns of how many pages.
func (b *browser) print(name string) int {
	b.t.Helper()
	var printed struct {
		Data string `json:"data"`
	}
	b.ask(b.session, "Page.printToPDF", map[string]any{"preferCSSPageSize": true}, &printed)
	pdf, err := base64.StdEncoding.DecodeString(printed.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if dir := os.Getenv("NIGHTCALL_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), pdf, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	return len(pdfPage.FindAll(pdf, -1))
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page\b`)

// On paper there is nothing to press, nothing covers anything and nothing is cut;
// what stands on red is read without its colour; and who pays gets one page.
func TestBrowserPrints(t *testing.T) {
	s := night(t)
	for n := range 3 {
		rate, err := money.ParseRate("USD 12k/day", "")
		if err != nil {
			t.Fatal(err)
		}
		s.add(timeline.MitigationProposed, timeline.Proposal{Text: fmt.Sprintf("the shop number %d", n), Rate: rate, Takes: time.Hour, Risk: "orders by hand"})
	}
	s.add(timeline.NoteAdded, timeline.Note{Text: "no blank in it: " + strings.Repeat("0123456789abcdef", 20)})
	s.add(timeline.LineStopped, timeline.Stop{})
	d := serve(t, s, nil, s)
	const paper = 680 // of A4 without its margins, at 96 a inch
	for name, path := range map[string]string{"paper-pay": d.exec, "paper-repair": d.all, "paper-join": d.join} {
		b := startBrowser(t, d.base+path, paper)
		b.eval(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`, nil)
		b.ask(b.session, "Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
		var seen []string
		b.eval(`[...document.querySelectorAll("form, input, button, nav, #lost")].filter((e) => e.getClientRects().length > 0).map((e) => e.tagName)`, &seen)
		if len(seen) > 0 {
			t.Errorf("%s: on paper are %q", name, seen)
		}
		var header, red string
		b.eval(`getComputedStyle(document.querySelector("header")).position`, &header)
		b.eval(`getComputedStyle(document.querySelector(".stop")).backgroundColor`, &red)
		if header != "static" || red != "rgba(0, 0, 0, 0)" {
			t.Errorf("%s: the header is %s, the stop on %s", name, header, red)
		}
		var width int
		b.eval(`document.documentElement.scrollWidth`, &width)
		if width > paper {
			t.Errorf("%s: %d wide, on paper of %d", name, width, paper)
		}
		if n := b.print(name); name == "paper-pay" && n != 1 || n == 0 {
			t.Errorf("%s: %d pages", name, n)
		}
	}
}

// Two browsers see an entry within a second of its being written; so does
// everybody else of what one person of the room adds.
func TestBrowsersFollow(t *testing.T) {
	s := night(t)
	d := serve(t, s, nil, s)
	pay, repair, join := d.base+d.exec, d.base+d.all, d.base+d.join
	first, second := startBrowser(t, repair, 1280), startBrowser(t, join, 320)
	money := startBrowser(t, pay, 1280)
	for n := range 3 {
		text := fmt.Sprintf("entry number %d", n)
		var watching sync.WaitGroup
		watching.Go(func() { first.see(text) })
		watching.Go(func() { second.see(text) })
		began := time.Now()
		s.add(timeline.NoteAdded, timeline.Note{Text: text})
		watching.Wait()
		took := time.Since(began)
		t.Logf("two browsers saw it after %s", took)
		if took > time.Second {
			t.Errorf("two browsers saw the entry after %s; the bar is 1 s", took)
		}
	}
	second.eval(`document.querySelector("details").open = true;
		const form = document.querySelector("form[action=note]");
		form.elements.name.value = "Lee"; form.elements.text.value = "written on a phone";
		form.querySelector("button").click()`, nil)
	first.see("written on a phone")

	// A phone shows it all, without moving sideways.
	second.await(`document.readyState === "complete" && location.search === "?name=Lee"`)
	for name, b := range map[string]*browser{"repair": first, "phone": second, "pay": money} {
		var widths [2]int
		b.eval(`[document.documentElement.scrollWidth, window.innerWidth]`, &widths)
		if widths[0] > widths[1] {
			t.Errorf("%s: the page is %d wide in a window of %d", name, widths[0], widths[1])
		}
		b.shoot(name)
	}
	var shown string
	money.eval(`document.body.innerText`, &shown)
	if strings.Contains(shown, "shamefulhost") || !strings.Contains(shown, "lost") {
		t.Errorf("the page for those who pay:\n%s", shown)
	}
}
