package cli

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// maxInWork is how many hosts in work are shown at once on a terminal.
const maxInWork = 8

// A progress shows on standard error how many hosts are through: on a terminal a
// living block, elsewhere one plain line for each host as it ends.
type progress struct {
	io    stdio.Streams
	total int
	now   func() time.Time
	quiet bool

	turn    sync.Mutex // of who asks
	mu      sync.Mutex
	began   time.Time
	done    int
	silent  int // addresses of ranges where nothing answered
	inWork  map[string]time.Time
	drawn   int // lines on the screen that are ours
	asking  bool
	held    []string // lines that wait until the person has answered
	stop    chan struct{}
	stopped sync.WaitGroup
}

func newProgress(io stdio.Streams, total int, now func() time.Time) *progress {
	p := &progress{io: io, total: total, now: now, began: now(), inWork: map[string]time.Time{}, stop: make(chan struct{})}
	if io.ErrMoves {
		p.stopped.Go(p.animate)
	}
	return p
}

// animate redraws until the end, often enough to look alive and seldom enough
// for a slow line.
func (p *progress) animate() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			if !p.asking {
				p.draw()
			}
			p.mu.Unlock()
		}
	}
}

// began notes that a host's visit starts.
func (p *progress) hostBegan(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inWork[name] = p.now()
}

// hostEnded prints how a host's visit ended, with the whole of the reason: on a
// terminal it is printed nowhere else.
func (p *progress) hostEnded(h inventory.Host, show bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inWork, h.Name)
	p.done++
	if !show {
		p.silent++
		return
	}
	if p.quiet {
		return
	}
	p.say("%s %-11s %s%s", p.count(), h.Class, printable(h.Name), afterColon(printable(h.Reason)))
}

// say writes a line above the block, or keeps it while a person types.
func (p *progress) say(format string, args ...any) {
	p.held = append(p.held, fmt.Sprintf(format, args...))
	if p.asking {
		return
	}
	p.erase()
	p.flush()
}

// flush writes the lines that wait.
func (p *progress) flush() {
	if len(p.held) > 0 {
		fmt.Fprintln(p.io.Err, strings.Join(p.held, "\n"))
		p.held = nil
	}
}

func afterColon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// count is "[ 3/12]", as wide for every host.
func (p *progress) count() string {
	width := len(fmt.Sprint(p.total))
	return fmt.Sprintf("[%*d/%d]", width, p.done, p.total)
}

// hold takes the block off the screen while a person is asked something, and says
// that they are waited for. Visits go on, and what they come to is said afterwards.
func (p *progress) hold(ask func()) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.mu.Lock()
	if p.io.InTTY {
		p.say("%s waiting for you; no host's time runs out meanwhile", p.count())
	}
	p.erase()
	p.asking = true
	p.mu.Unlock()
	ask()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = false
	p.flush()
}

// close takes the block off the screen for good.
func (p *progress) close() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

func (p *progress) erase() {
	if p.drawn > 0 {
		fmt.Fprintf(p.io.Err, "\r\x1b[%dA\x1b[J", p.drawn) // a terminal may have echoed ^C
		p.drawn = 0
	}
}

func (p *progress) draw() {
	p.erase()
	lines := p.block()
	fmt.Fprint(p.io.Err, strings.Join(lines, "\n")+"\n")
	p.drawn = len(lines)
}

// block is one line for each host in work, the longest first, and a total.
func (p *progress) block() []string {
	names := make([]string, 0, len(p.inWork))
	for name := range p.inWork {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := p.inWork[names[i]], p.inWork[names[j]]
		return a.Before(b) || a.Equal(b) && names[i] < names[j]
	})
	var lines []string
	for i, name := range names {
		if i == maxInWork {
			lines = append(lines, fmt.Sprintf("  … and %d more in work", len(names)-maxInWork))
			break
		}
		lines = append(lines, p.clip(fmt.Sprintf("  %5.1fs  %s", p.now().Sub(p.inWork[name]).Seconds(), printable(name))))
	}
	return append(lines, p.clip(fmt.Sprintf("%s hosts, %s%s", p.count(), round(p.now().Sub(p.began)), p.eta())))
}

// eta guesses the rest from the pace so far.
func (p *progress) eta() string {
	if p.done < 3 || p.done == p.total {
		return ""
	}
	rest := time.Duration(float64(p.now().Sub(p.began)) / float64(p.done) * float64(p.total-p.done))
	return ", about " + round(rest) + " left"
}

func (p *progress) clip(text string) string {
	if p.io.Width <= 0 || !p.io.ErrTTY {
		return text
	}
	return runewidth.Truncate(text, p.io.Width-1, "…")
}

func round(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// classCounts is "11 ok, 1 partial, 1 timeout", in the order of host.Classes.
func classCounts(counts map[host.Class]int) string {
	var parts []string
	for _, c := range host.Classes {
		if counts[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[c], c))
		}
	}
	return strings.Join(parts, ", ")
}
