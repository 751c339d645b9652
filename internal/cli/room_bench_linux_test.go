package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// longNight is an incident of 100,000 entries.
func longNight(b *testing.B) desk {
	b.Helper()
	d := newDesk(b, visited("web1", "10.0.0.7", "S1"))
	db, err := sqlite.Open(b.Context(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	entries := make([]timeline.Entry, 100_000)
	for n := range entries {
		entries[n], err = timeline.New("01JNSAMPLE00000000000000000", "kim", timeline.NoteAdded, lookAt.Add(time.Duration(n)*time.Millisecond),
			timeline.Note{Text: fmt.Sprintf("what we were told, number %d: the web tier waits for the database", n)})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Append(b.Context(), entries...); err != nil {
		b.Fatal(err)
	}
	return d
}

// The time from the start of the process to its first frame.
func BenchmarkRoomFirstFrame(b *testing.B) {
	d := longNight(b)
	for b.Loop() {
		s := d.onScreen(b, "--incident", d.incident)
		s.wait("checkout")
		b.StopTimer()
		s.kill()
		_ = s.cmd.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/frame")
}

// The time from a key to the page it asks for.
func BenchmarkRoomKey(b *testing.B) {
	d := longNight(b)
	s := d.onScreen(b, "--incident", d.incident)
	s.wait("LOST", "losing")
	for b.Loop() {
		s.press("2")
		s.wait("number 99999")
		s.press("1")
		s.wait("losing")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/2000, "ms/key")
}

// The report, as a process of its own: how long, and how much memory at most.
func BenchmarkRoomReport(b *testing.B) {
	d := longNight(b)
	file := filepath.Join(b.TempDir(), "report.html")
	peak, cpu := int64(0), time.Duration(0)
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "--incident", d.incident, "report", "-o", file)
		cmd.Args[0] = "nightcall"
		cmd.Env = []string{"HOME=" + d.home, "TZ=UTC"}
		if said, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, said)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/report")
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/report")
	b.ReportMetric(float64(peak)/1024, "MB")
}

// The time from an entry that another process writes until 200 pages have it.
func BenchmarkRoomBoard(b *testing.B) {
	d := longNight(b)
	cmd := exec.Command(os.Args[0], "--incident", d.incident, "board", "--json")
	cmd.Args[0] = "nightcall"
	cmd.Env = []string{"HOME=" + d.home, "TZ=UTC"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var told struct{ Technical string }
	if err := json.NewDecoder(out).Decode(&told); err != nil {
		b.Fatal(err)
	}
	db, err := sqlite.Open(b.Context(), filepath.Join(d.incident, "incident.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	pages := openPages(b, told.Technical+"events", 200)
	before := processorTime(b, cmd.Process.Pid)
	for n := 0; b.Loop(); n++ {
		text := fmt.Sprintf("news %d.", n)
		e, err := timeline.New("01JNSAMPLE00000000000000000", "kim", timeline.NoteAdded, lookAt.Add(time.Hour+time.Duration(n)*time.Second), timeline.Note{Text: text})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Append(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		pages.see(b, text)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/entry")
	b.ReportMetric(float64((processorTime(b, cmd.Process.Pid)-before).Milliseconds())/float64(b.N), "cpu-ms/entry")
}

// processorTime is what a process has had of the processors, which a busy machine
// does not make more.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	var user, system int64
	if _, err := fmt.Sscan(fields[12]+" "+fields[13], &user, &system); err != nil { // in hundredths of a second
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// openedPages are pages that listen.
type openedPages []*bufio.Scanner

func openPages(b *testing.B, url string, n int) openedPages {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	var pages openedPages
	for range n {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = answer.Body.Close() })
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 4<<20)
		pages = append(pages, lines)
	}
	pages.see(b, "number 99999")
	return pages
}

// see waits until each page has the text.
func (p openedPages) see(b *testing.B, text string) {
	b.Helper()
	var seen sync.WaitGroup
	for _, lines := range p {
		seen.Go(func() {
			for lines.Scan() {
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			b.Errorf("a page ended before %q: %v", text, lines.Err())
		})
	}
	seen.Wait()
}
