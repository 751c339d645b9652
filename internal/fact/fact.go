// Package fact knows what can be observed on a host: each fact is a probe (files
// to read, POSIX sh to run) and a pure parser of what came back.
//
// # Fact and Observed
//
// A [Fact] has a name, a [Probe] and a parser. Its value is stored in one field
// of a [Set] as an [Observed]: the value, the source it was read from (several
// are tried in order), when, and how complete it is. A fact that could not be
// read is unknown with a reason; it is never an empty value that looks fine.
//
// # Probes look only
//
// A probe names files and holds POSIX sh that needs no bash, Python, GNU tool or
// root, and writes nothing; a test over the whole catalogue proves it.
//
// # Parsers are pure
//
// A parser sees a [Raw] and nothing else: no clock, no I/O. Every one has
// captured real output in testdata and a fuzz target, because its input is
// bytes that a stranger's machine wrote.
package fact

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Probe is what is asked of the host for one fact.
type Probe struct {
	// Files are read verbatim, all facts' files in one process on the host. Shell
	// globs are allowed; names contain no spaces. A missing file is normal.
	Files []string

	// Again are files read a second time at the end of the visit, about
	// [SampleInterval] later, so that counters become rates.
	Again []string

	// Script is POSIX sh whose standard output is the answer, for what no file
	// tells. Its standard input is /dev/null and its standard error is dropped.
	// The shell functions `has NAME`, true when NAME can be run, `say TEXT`, which
	// prints a line together with what follows, and `said`, due before a command that
	// prints by itself, are there for it. Empty when files are enough.
	Script string

	// Elsewhere is run instead of Script on a host without Linux's /proc; empty means
	// that Script is run there too. With Elsewhere and no Script, Files are enough on
	// Linux.
	Elsewhere string

	// Dpkg is run instead of Script on a host whose /var/lib/dpkg/status can be read;
	// empty means that Script is run there too.
	Dpkg string

	// From names the fact whose script's output this one is read from as well. Such a
	// fact has no script of its own; a visit that asks for it runs the other's.
	From string

	// Brief marks a script that answers at once. It is run by the shell that then
	// reads all facts' files, so it must not exit; on Linux it uses the shell's own
	// commands alone, which start no process, and says what it prints.
	Brief bool

	// Heavy probes cost the host real work (a walk over a tree, a package
	// database); on a host that is overloaded they are skipped, and Raw.Missing says so.
	Heavy bool

	// Deep probes ask the services that run on the host; a scan leaves them out, and
	// only a deep look asks them.
	Deep bool

	// Asks says in words what a deep look asks over the network, through the host's
	// SSH server, instead of a script.
	Asks []string

	// Timeout bounds the script; zero means the visit's default.
	Timeout time.Duration
}

// SampleInterval is how long after the beginning of a visit the counters are read
// again, at the earliest.
const SampleInterval = 250 * time.Millisecond

// Raw is what came back for one fact.
type Raw struct {
	Files map[string]File // by path, those that exist
	Again map[string]File // the second reading, by path

	Now     string // the clock fact's output in this visit: Unix seconds, nanoseconds, zone
	Out     string // the script's standard output
	Exit    int    // the script's exit status
	Dropped int64  // bytes cut from the middle of Out
	Missing string // why the script has no answer: "timed out after 20s", "skipped: load 40"; empty when it ran

	Root     bool          // whether it was asked as root
	Began    time.Time     // when the script's answer began, by the laptop's clock
	Ended    time.Time     // and when it ended
	Interval time.Duration // between the readings of Files and Again, by the host's clock

	shared *sharedReading // by the facts that one Read reads; nil for one that is read alone
}

// A File is one file's content, or why it could not be read.
type File struct {
	Content string
	Denied  bool // it exists and we may not read it
}

// Text returns the content of the first of the paths that could be read, and that
// path; both are empty when none could.
func (r Raw) Text(paths ...string) (content, path string) {
	for _, p := range paths {
		if f, ok := r.Files[p]; ok && !f.Denied {
			return f.Content, p
		}
	}
	return "", ""
}

// A State is how much of a fact was read.
type State string

// The states. The zero State means that nobody asked.
const (
	OK      State = "ok"
	Partial State = "partial" // a part is missing; Reason says which
	Unknown State = "unknown" // nothing usable; Reason says why
)

// Observed is a value as it was seen on a host.
type Observed[T any] struct {
	Value  T         `json:"value"`
	State  State     `json:"state,omitempty"`
	Source string    `json:"source,omitempty"` // "/etc/os-release", "ss", "df"
	Reason string    `json:"reason,omitempty"` // why partial or unknown
	At     time.Time `json:"at,omitzero"`      // laptop's clock
}

// Known reports whether there is a value to judge: ok or partial.
func (o Observed[T]) Known() bool { return o.State == OK || o.State == Partial }

// found is a complete value from source.
func found[T any](value T, source string) Observed[T] {
	return Observed[T]{Value: value, State: OK, Source: source}
}

// partly is a value with something missing.
func partly[T any](value T, source, reason string) Observed[T] {
	return Observed[T]{Value: value, State: Partial, Source: source, Reason: reason}
}

// unknown is no value, and why.
func unknown[T any](reason string, args ...any) Observed[T] {
	return Observed[T]{State: Unknown, Reason: fmt.Sprintf(reason, args...)}
}

// A Fact is one named observation.
type Fact struct {
	Name  string // snake_case, the key in JSON and in check files
	Title string // a noun phrase for people
	Probe Probe

	read  func(Raw, time.Time, *Set)
	field func(*Set) slot
}

// Read returns what came back for each of the facts, parsed and dated at, and
// completes facts from one another. A script that tells several of them is parsed
// once.
func Read(facts []Fact, raw func(Fact) Raw, at time.Time) Set {
	var set Set
	var shared sharedReading
	for _, f := range facts {
		r := raw(f)
		r.shared = &shared
		f.Read(r, at, &set)
	}
	set.join()
	return set
}

// Read parses raw into the fact's field of set, dated at.
func (f Fact) Read(raw Raw, at time.Time, set *Set) { f.read(raw, at, set) }

// Status returns how the fact stands in set, without its value.
func (f Fact) Status(set *Set) Status { return f.field(set).status() }

// Value returns the fact's value in set, or nil when there is none to judge.
func (f Fact) Value(set *Set) any { return f.field(set).value() }

// Encode returns the fact's field of set as JSON, for storage.
func (f Fact) Encode(set *Set) ([]byte, error) { return json.Marshal(f.field(set)) }

// Decode puts what Encode returned back into the fact's field of set. Its error
// names the fact.
func (f Fact) Decode(data []byte, set *Set) error {
	if err := json.Unmarshal(data, f.field(set)); err != nil {
		return fmt.Errorf("stored fact %s: %w", f.Name, err)
	}
	return nil
}

// Copy sets the fact's field of to to what it is in from.
func (f Fact) Copy(to, from *Set) { f.field(to).set(f.field(from)) }

// Status is an Observed without its value.
type Status struct {
	State  State
	Source string
	Reason string
	At     time.Time
}

// slot is one field of a Set, whatever its type.
type slot interface {
	status() Status
	value() any
	set(slot)
}

func (o *Observed[T]) status() Status { return Status{o.State, o.Source, o.Reason, o.At} }

func (o *Observed[T]) value() any {
	if !o.Known() {
		return nil
	}
	return o.Value
}

func (o *Observed[T]) set(from slot) { *o = *from.(*Observed[T]) }

// define makes a Fact out of a probe, a parser and the field it fills. A parser
// that meets a script without an answer is not called, unless files may do.
func define[T any](name, title string, probe Probe, field func(*Set) *Observed[T], parse func(Raw) Observed[T]) Fact {
	return Fact{
		Name: name, Title: title, Probe: probe,
		read: func(raw Raw, at time.Time, set *Set) {
			var o Observed[T]
			if raw.Missing != "" && len(raw.Files) == 0 {
				o = unknown[T]("%s", raw.Missing)
			} else {
				o = parse(raw)
			}
			if raw.Missing != "" && o.State == OK {
				o.State, o.Reason = Partial, raw.Missing
			}
			if raw.Dropped > 0 && o.State == OK {
				o.State, o.Reason = Partial, fmt.Sprintf("output too long: %d bytes dropped from its middle", raw.Dropped)
			}
			o.Source, o.Reason, o.At = clean(o.Source), clean(o.Reason), at // both may name the host's files
			*field(set) = o
		},
		field: func(set *Set) slot { return field(set) },
	}
}

// Merge returns old with every field that fresh has read anew. What fresh did
// not ask, or could not find out, stays as it was, with its own date.
func Merge(old, fresh Set) Set {
	for _, f := range All() {
		state := f.Status(&fresh).State
		if state == "" || state == Unknown && f.Status(&old).State != "" {
			continue
		}
		f.Copy(&old, &fresh)
	}
	return old
}

// Lookup finds a fact by name.
func Lookup(name string) (Fact, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Fact{}, false
}
