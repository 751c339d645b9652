package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A screen is nightcall on a terminal of its own.
type screen struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	read   string // since the last wait
}

// onScreen starts nightcall without arguments at the desk, on a terminal of 80 by
// 24.
func (d desk) onScreen(t testing.TB, args ...string) *screen {
	t.Helper()
	master, slave := terminal(t)
	cmd := exec.Command(os.Args[0], args...)
	cmd.Args[0] = "nightcall" // by which the test binary knows what to be
	cmd.Env = []string{"HOME=" + d.home, "NIGHTCALL_HOME=" + filepath.Join(d.home, "nightcall"), "NIGHTCALL_ACTOR=kim", "TERM=xterm", "NO_COLOR=1", "TZ=UTC"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s := &screen{t: t, cmd: cmd, master: master}
	t.Cleanup(func() { s.kill(); master.Close() })
	return s
}

// terminal opens a pair of a pseudo-terminal.
func terminal(t testing.TB) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw := int(master.Fd())
	if err := unix.IoctlSetPointerInt(raw, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(raw, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(raw, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// noted is of "noted at 2026-11-21": what stood in its place may begin as it does, and
// what stays is not written again.
const noted = "d at 20"

// wait reads until each word was written, in this order.
func (s *screen) wait(words ...string) {
	s.t.Helper()
	late := time.AfterFunc(30*time.Second, s.kill) // which ends the reading
	defer late.Stop()
	buf := make([]byte, 4096)
	for _, word := range words {
		for !strings.Contains(s.read, word) {
			n, err := s.master.Read(buf)
			if err != nil {
				s.t.Fatalf("%q never came, but %q: %v", word, s.read, err)
			}
			s.read += string(buf[:n])
		}
		s.read = s.read[strings.Index(s.read, word)+len(word):]
	}
}

func (s *screen) press(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// kill ends it as a power cut would.
func (s *screen) kill() { _ = s.cmd.Process.Kill() }

// left waits until it ended by itself.
func (s *screen) left() {
	s.t.Helper()
	go func() { // what it still writes has to go somewhere
		buf := make([]byte, 4096)
		for {
			if _, err := s.master.Read(buf); err != nil {
				return
			}
		}
	}()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("it ended with %v", err)
	}
}

// What was acknowledged on the screen is there after a power cut, and the screen
// goes on where it was.
func TestScreenKilled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("checkout", "losing")
	s.press("nAna called\r")
	s.wait(noted)
	s.press("\r1M USD/day\r")
	s.wait("1,000,000/day")
	s.kill()
	_ = s.cmd.Wait()
	if notes := d.entries(t, timeline.NoteAdded); len(notes) != 1 || notes[0].Actor != "kim" {
		t.Errorf("%+v", notes)
	}
	if losses := d.entries(t, timeline.LossStated); len(losses) != 1 {
		t.Errorf("%+v", losses)
	}
	s = d.onScreen(t, "--incident", d.incident)
	s.wait("LOST", "[x]")
	s.press("q")
	s.left()
}

// Two screens and commands write at once: nothing is lost or doubled, and each
// sees what the other wrote.
func TestTwoScreens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	one, two := d.onScreen(t, "--incident", d.incident), d.onScreen(t, "--incident", d.incident)
	one.wait("losing")
	two.wait("losing")
	one.press("2")
	two.press("2")
	const rounds = 5
	for n := range rounds {
		one.press(fmt.Sprintf("nfirst%d\r", n))
		two.press(fmt.Sprintf("nsecond%d\r", n))
		d.must(t, "note", fmt.Sprintf("third%d", n))
	}
	late := time.Now().Add(30 * time.Second)
	for len(d.entries(t, timeline.NoteAdded)) < 3*rounds {
		if time.Now().After(late) {
			t.Fatalf("%d notes of %d", len(d.entries(t, timeline.NoteAdded)), 3*rounds)
		}
	}
	d.must(t, "note", "lastword")
	one.wait("lastword")
	two.wait("lastword")
	seen := map[string]int{}
	for _, e := range d.entries(t, timeline.NoteAdded) {
		seen[timeline.Describe(e)]++
	}
	for n := range rounds {
		for _, who := range []string{"first", "second", "third"} {
			if text := fmt.Sprint(who, n); seen[text] != 1 {
				t.Errorf("%q is there %d times", text, seen[text])
			}
		}
	}
	one.press("q")
	one.left()
}

// Without an incident it offers to open one; a command has the terminal for
// itself.
func TestScreenOffersToOpen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.onScreen(t)
	s.wait("What is wrong?")
	s.press("orders are stuck\r")
	s.wait("losing")
	s.press(":list\r")
	s.wait("$ nightcall list", "CURRENT", "orders-are-stuck", "enter goes back")
	s.press("\r")
	s.wait("losing")
	s.press("q")
	s.left()
}

// ^C while a command has the terminal ends that command, and not the screen.
func TestScreenOutlivesACommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.WriteFile(filepath.Join(d.incident, "known_hosts"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("losing")
	silent, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}) // a host that never greets
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := silent.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	s.press(":scan " + silent.Addr().String() + "\r")
	s.wait("\x1b[?1049l") // the screen stepped aside
	called, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer called.Close()
	s.press("\x03")
	s.wait("enter goes back")
	s.press("\x03\r")
	s.wait("losing")
	s.press("nstill here\r")
	s.wait(noted)
	s.press("\x03") // where nothing is asked and nothing runs, it leaves
	s.left()
	if notes := d.entries(t, timeline.NoteAdded); len(notes) != 1 || timeline.Describe(notes[0]) != "still here" {
		t.Errorf("%+v", notes)
	}
}

// A finding is muted and shown again on the screen; the record is that of the
// commands, and both see what the other did.
func TestScreenMutes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, inventory.Host{Name: "gone", Class: host.ClassUnreachable, Reason: "connection refused", Visited: lookAt})
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("losing")
	s.press("3")
	s.wait("gone: The host could not be looked at", "m mute")
	s.press("\r") // the whole finding, on a terminal for itself
	s.wait("connection refused", "enter goes back")
	s.press("\r")
	s.wait("m mute")
	s.press("mticket 4711, password=canary\r")
	s.wait("until", "8h")
	s.press("\r")
	s.wait("by kim: ticket 4711", "u unmute")
	muted := d.entries(t, timeline.FindingMuted)
	if len(muted) != 1 {
		t.Fatalf("%+v", muted)
	}
	mute, _ := timeline.Decode[timeline.Mute](muted[0])
	if muted[0].Actor != "kim" || mute.Host != "gone" || mute.Status != "critical" || !strings.HasPrefix(mute.Reason, "ticket 4711") || strings.Contains(mute.Reason, "canary") {
		t.Errorf("%+v by %s", mute, muted[0].Actor)
	}
	if span := mute.Until.Sub(muted[0].At).Round(time.Minute); span != 8*time.Hour {
		t.Errorf("muted for %v", span)
	}
	s.press("u")
	s.wait("no longer muted", "CRITICAL")
	if said := d.must(t, "findings", "muted"); strings.Contains(said, "4711") {
		t.Error(said)
	}
	elsewhere := d.onScreen(t, "--incident", d.incident, "findings", "mute", mute.Finding, "--reason", "by a command", "--until", "8h")
	elsewhere.left()
	s.wait("by a command")
	s.press("q")
	s.left()
}

// The first frame does not wait for a long timeline.
func TestFirstFrameDoesNotWait(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	entries := make([]timeline.Entry, 20_000)
	for n := range entries {
		entries[n], err = timeline.New("01JNSAMPLE00000000000000000", "kim", timeline.NoteAdded, lookAt.Add(time.Duration(n)*time.Millisecond), timeline.Note{Text: "a note"})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Append(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("checkout", "reading")
	t.Logf("the first frame came after %v", time.Since(began))
	s.wait("LOST")
	t.Logf("the timeline was read after %v", time.Since(began))
	s.press("q")
	s.left()
}

// startBoard starts a board at the desk as a process of its own.
func (d desk) startBoard(t testing.TB) (cmd *exec.Cmd, join string) {
	t.Helper()
	cmd = exec.Command(os.Args[0], "--incident", d.incident, "board", "--join", "--json")
	cmd.Args[0] = "nightcall"
	cmd.Env = []string{"HOME=" + d.home, "TZ=UTC"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var told struct{ Join string }
	if err := json.NewDecoder(out).Decode(&told); err != nil {
		t.Fatal(err)
	}
	return cmd, told.Join
}

// What a board, a screen and commands write at once is there once each, also when
// the board is killed in the middle; and the record is as it was written.
func TestKilledBoardAmongWriters(t *testing.T) {
	t.Parallel()
	const rounds = 8
	d := newDesk(t)
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("checkout", "losing")
	var acknowledged sync.Map
	var writing sync.WaitGroup
	board, join := d.startBoard(t)
	writing.Go(func() {
		for n := 0; ; n++ {
			text := fmt.Sprintf("from the board %d", n)
			answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).
				PostForm(join+"note", url.Values{"name": {"Ana"}, "text": {text}})
			if err != nil {
				return // it was killed
			}
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusSeeOther {
				acknowledged.Store(text, true)
			}
			if n == rounds {
				_ = board.Process.Kill()
			}
		}
	})
	writing.Go(func() {
		for n := range rounds {
			text := fmt.Sprintf("from a command %d", n)
			d.must(t, "note", text)
			acknowledged.Store(text, true)
		}
	})
	for n := range rounds {
		text := fmt.Sprintf("from the screen %d", n)
		acknowledged.Store(text, true)
		s.press("n" + text + "\r")
		for late := time.Now().Add(30 * time.Second); !slices.ContainsFunc(d.entries(t, timeline.NoteAdded), func(e timeline.Entry) bool { return timeline.Describe(e) == text }); {
			if time.Now().After(late) {
				t.Fatalf("%q was never written", text)
			}
		}
	}
	writing.Wait()
	times := map[string]int{}
	for _, e := range d.entries(t, timeline.NoteAdded) {
		times[timeline.Describe(e)]++
	}
	acknowledged.Range(func(text, _ any) bool {
		if times[text.(string)] != 1 {
			t.Errorf("%q is there %d times", text, times[text.(string)])
		}
		return true
	})
	if len(times) < 3*rounds {
		t.Errorf("%d notes", len(times))
	}
	if said := d.must(t, "verify"); !strings.Contains(said, "as they were written") {
		t.Error(said)
	}
}

// What is typed on a real terminal is edited with the keys that it sends, also where a
// paste brought several lines.
func TestScreenEdits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("losing")
	const left, wordLeft, remove, paste, pasted = "\x1b[D", "\x1b[1;5D", "\x1b[3~", "\x1b[200~", "\x1b[201~"
	s.press("nweb1  down, 結帳e\u0301" + left + left + remove + wordLeft + wordLeft + left + "is" + "\x01" + paste + "kim\nsays: " + pasted + "\x05!\r")
	s.wait(noted)
	if notes := d.entries(t, timeline.NoteAdded); len(notes) != 1 || timeline.Describe(notes[0]) != "kim says: web1 is down, 結e\u0301!" {
		t.Errorf("%q", timeline.Describe(notes[0]))
	}
	s.press("q")
	s.left()
}

// Who talks to whom is drawn on the screen as soon as anybody says it, and narrowed to
// the hosts that are asked for.
func TestScreenDraws(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.onScreen(t, "--incident", d.incident)
	s.wait("losing")
	s.press("7")
	s.wait("No such host is known yet")
	d.must(t, "link", "add", "web1", "db1:3306")
	s.wait("db1", "declared, never seen")
	s.press("/nobody\r")
	s.wait("No such host is known yet")
	s.press("/\x15\r")
	s.wait("db1", "declared, never seen")
	s.press("8")
	s.wait("No host is known to need another yet")
	s.press("q")
	s.left()
}
