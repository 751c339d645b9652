package shell

import (
	"bytes"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A run is one script on one host, while it runs: a writer and two readers that
// tell the conductor what they see.
type run struct {
	*Program
	proc  Process
	opts  Options
	visit Visit

	events chan event
	done   chan struct{} // closed when nobody listens to events any more
	input  chan []byte
	stdout *promptWatch
	stderr *promptWatch
	ends   sync.Once

	terminal   bool              // both outputs come on stdout
	ready      <-chan struct{}   // told when the terminal is
	complaints map[Become]string // what the ways to root said
	silent     bool              // standard error has ended
	late       time.Duration     // how late we may read that a section began

	mu    sync.Mutex
	noise capture  // what came before the first frame
	out   *capture // the section that runs; nil between sections
}

// An event is what the readers tell the conductor.
type event struct {
	kind eventKind
	name string
	pid  int
	out  Answer
	err  error
}

type eventKind int

const (
	eventHello     eventKind = iota
	eventBegin               // a section began; name, pid
	eventSkip                // a section was left out; why
	eventStdout              // a section's end with its output
	eventStderr              // a section's standard error is complete
	eventDone                // the script is through
	eventFlood               // the host printed more than we ever read
	eventEnd                 // the process closed its standard output
	eventStderrEnd           // and its standard error
)

func newRun(proc Process, p *Program, opts Options, terminal bool) *run {
	r := &run{
		Program: p, proc: proc, opts: opts,
		events: make(chan event), done: make(chan struct{}), input: make(chan []byte, 32),
		noise: capture{limit: 4096}, terminal: terminal, complaints: map[Become]string{},
		stdout: &promptWatch{r: proc.Stdout()}, stderr: &promptWatch{r: proc.Stderr()},
	}
	if _, batches := proc.(Batcher); batches {
		r.late = host.BatchTime
	}
	if terminal {
		r.ready = r.stdout.watch(readyPattern)
	}
	go r.write()
	go r.readStdout()
	go r.readStderr()
	return r
}

// close ends the process and the goroutines; what the host still prints is not
// waited for.
func (r *run) close() {
	r.ends.Do(func() {
		close(r.done)
		close(r.input)
		r.proc.Kill()
	})
}

func (r *run) send(text string) { r.put([]byte(text)) }

// put never waits: a host that reads nothing must not stop the clocks. What has
// no room any more, after many beats that nobody took, is dropped.
func (r *run) put(data []byte) {
	select {
	case r.input <- data:
	default:
	}
}

// write is the only writer to the host. A broken pipe shows as the end of the
// host's output.
func (r *run) write() {
	w := r.proc.Stdin()
	for data := range r.input {
		if _, err := w.Write(data); err != nil {
			break
		}
	}
	for range r.input { // never block the conductor
	}
}

func (r *run) tell(e event) {
	select {
	case r.events <- e:
	case <-r.done:
	}
}

// maxNoise is how much a login may print before it says hello.
const maxNoise int64 = 1 << 20

// readStdout collects each section between its frames.
func (r *run) readStdout() {
	var (
		began time.Time
		total int64
		flood bool
		limit = maxNoise
	)
	err := readFrames(r.stdout, r.word, func(p []byte) {
		if total += int64(len(p)); total > limit && !flood {
			flood = true
			r.tell(event{kind: eventFlood})
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.out != nil {
			_, _ = r.out.Write(p)
			return
		}
		_, _ = r.noise.Write(p)
	}, func(f frame) {
		switch f.verb {
		case "hello":
			limit = r.opts.Limits.Bytes
			r.tell(event{kind: eventHello, name: f.name})
		case "begin":
			r.capture()
			began = r.opts.Now().Add(-r.late)
			r.tell(event{kind: eventBegin, name: f.name, pid: f.num})
		case "end":
			a := Answer{Section: f.name, Began: began, Ended: r.opts.Now()}
			a.Exit = f.num
			if out := r.captured(); out != nil {
				out.trimNewline()
				a.Stdout, a.StdoutDropped = out.Bytes(), out.dropped
			}
			r.tell(event{kind: eventStdout, name: f.name, out: a})
		case "skip":
			r.tell(event{kind: eventSkip, name: f.name, out: Answer{Section: f.name, Missing: distress(f.text)}})
		case "stderr": // on a terminal
			r.capture()
		case "stderr-end":
			r.tell(event{kind: eventStderr, name: f.name, out: r.stderrOf(f.name, r.captured())})
		case "done":
			r.tell(event{kind: eventDone})
		}
	})
	r.tell(event{kind: eventEnd, err: err})
}

// capture begins to keep what comes on standard output as a section's.
func (r *run) capture() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = &capture{limit: r.opts.Limits.Output}
}

// captured ends that, and returns what was kept; nil when nothing was begun.
func (r *run) captured() *capture {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.out
	r.out = nil
	return out
}

// readStderr collects what the sections that keep it wrote there.
func (r *run) readStderr() {
	out := &capture{limit: r.opts.Limits.Output}
	var total int64
	_ = readFrames(r.stderr, r.word, func(p []byte) {
		if total += int64(len(p)); total > r.opts.Limits.Bytes {
			return
		}
		_, _ = out.Write(p)
	}, func(f frame) {
		if f.verb != "stderr-end" {
			return
		}
		out.trimNewline()
		a := Answer{Section: f.name}
		a.Stderr, a.StderrDropped = out.Bytes(), out.dropped
		out = &capture{limit: r.opts.Limits.Output}
		r.tell(event{kind: eventStderr, name: f.name, out: a})
	})
	r.tell(event{kind: eventStderrEnd})
}

// stderrOf is the standard error of a section as it comes on a terminal. What the
// ways to root say comes before any section.
func (r *run) stderrOf(name string, out *capture) Answer {
	a := Answer{Section: name}
	if out == nil {
		a.Stderr = []byte(r.greetingNoise())
		return a
	}
	out.trimNewline()
	a.Stderr, a.StderrDropped = out.Bytes(), out.dropped
	return a
}

func (r *run) greetingNoise() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	noise := r.noise.Bytes()
	if len(bytes.TrimSpace(noise)) == 0 {
		noise = r.stderr.seen()
	}
	return string(noise)
}
