// Package incident folds a timeline into what the incident is now. The fold is
// pure: the same entries give the same incident, on every laptop.
//
// # Orphan
//
// A command or a scan that was started and of which no end was written. It may
// still be at work, or its nightcall was killed; what it did is not known.
//
// # Loss
//
// What is lost is a curve of steps, each as somebody stated it. A later statement
// changes the curve from its own moment on and nothing before it.
package incident

import (
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A State says whether people still work on the incident.
type State string

// The states.
const (
	Open   State = "open"
	Closed State = "closed"
)

// An Incident is one outage, as its timeline tells it.
type Incident struct {
	ID        string
	Title     string
	State     State
	Opened    Moment
	Closed    Moment // the last time it was; zero when it is open
	Reason    string // why it was closed, where one was given
	Notes     int
	Hosts     map[host.Class]int // every host by how its last visit ended
	LastScan  Scan               // zero when there was none
	Commands  []Command          // orphans, oldest first
	Scans     []Scan             // orphans, oldest first; the last scan may be one
	Business  Business
	Technical Technical
	Steps     []Step    // the checklist
	Last      time.Time // of the last entry, by our clock
}

// A Moment is when something was written down, and who did it.
type Moment struct {
	At time.Time
	By string
}

// A Scan is one pass over hosts.
type Scan struct {
	ID      string
	Started Moment
	Ended   time.Time // zero for an orphan
	Targets int
	Stopped string // why it ended early
	Classes map[host.Class]int
}

// A Command is one that was run on a host.
type Command struct {
	Run     string
	Host    string
	Argv    []string
	Change  bool // declared as one that alters the host
	Started Moment
}

// Fold reads entries in the order of the log. Entries of unknown kinds, or whose
// data is not what their kind promises, count for nothing but the last date.
func Fold(entries []timeline.Entry) Incident {
	f := NewFolder()
	f.Add(entries...)
	return f.Incident()
}

// A Folder folds entries as they come. It is not safe for concurrent use, and
// what it returned may change when more is added.
type Folder struct{ f folder }

// NewFolder returns a Folder that has read nothing.
func NewFolder() *Folder {
	return &Folder{folder{incident: Incident{Steps: Checklist()}, classes: map[string]host.Class{}, scans: map[string]*Scan{}}}
}

// Add reads more entries, later in the order of the log than all before.
func (f *Folder) Add(entries ...timeline.Entry) {
	for _, e := range entries {
		f.f.add(e)
	}
}

// Incident is what the incident is by now.
func (f *Folder) Incident() Incident { return f.f.result() }

// A folder holds what is under way while entries are read.
type folder struct {
	incident Incident
	classes  map[string]host.Class // by host
	scans    map[string]*Scan      // by id
	order    []*Scan               // as they were started
	commands []Command             // without an end, in order
}

func (f *folder) add(e timeline.Entry) {
	if e.Seen.After(f.incident.Last) {
		f.incident.Last = e.Seen
	}
	moment := Moment{At: e.At, By: e.Actor}
	switch e.Kind {
	case timeline.IncidentOpened:
		f.open(e, moment)
	case timeline.IncidentClosed:
		data, _ := timeline.Decode[timeline.Closed](e)
		f.incident.Closed, f.incident.Reason = moment, data.Reason
	case timeline.IncidentReopened:
		f.incident.Closed, f.incident.Reason = Moment{}, ""
	case timeline.NoteAdded:
		f.incident.Notes++
	case timeline.HostScanned:
		if data, ok := timeline.Decode[timeline.HostVisit](e); ok {
			f.classes[e.Host] = host.Class(data.Class)
		}
	case timeline.ScanStarted, timeline.ScanFinished:
		f.scan(e, moment)
	case timeline.CommandStarted, timeline.CommandFinished:
		f.command(e, moment)
	default:
		f.business(e, moment)
		f.technical(e, moment)
	}
	f.step(e, moment)
}

// open takes the title of the first entry that has one: after a merge there may
// be several.
func (f *folder) open(e timeline.Entry, moment Moment) {
	data, ok := timeline.Decode[timeline.Opened](e)
	if !ok || f.incident.ID != "" {
		return
	}
	f.incident.ID, f.incident.Title, f.incident.Opened = e.Incident, data.Title, moment
}

func (f *folder) scan(e timeline.Entry, moment Moment) {
	if data, ok := timeline.Decode[timeline.ScanStart](e); ok && e.Kind == timeline.ScanStarted && f.scans[data.Scan] == nil {
		s := &Scan{ID: data.Scan, Started: moment, Targets: len(data.Targets)}
		f.scans[data.Scan] = s
		f.order = append(f.order, s)
		return
	}
	data, ok := timeline.Decode[timeline.ScanEnd](e)
	s := f.scans[data.Scan]
	if !ok || e.Kind != timeline.ScanFinished || s == nil {
		return
	}
	s.Ended, s.Stopped = moment.At, data.Stopped
	if s.Classes == nil {
		s.Classes = map[host.Class]int{}
	}
	for class, n := range data.Classes { // a scan that was gone on with ends more than once
		s.Classes[host.Class(class)] += n
	}
}

func (f *folder) command(e timeline.Entry, moment Moment) {
	if e.Kind == timeline.CommandStarted {
		if data, ok := timeline.Decode[timeline.CommandStart](e); ok {
			f.commands = append(f.commands, Command{Run: data.Run, Host: e.Host, Argv: data.Argv, Change: data.Change, Started: moment})
		}
		return
	}
	if data, ok := timeline.Decode[timeline.CommandEnd](e); ok {
		f.commands = slices.DeleteFunc(f.commands, func(c Command) bool { return c.Run == data.Run && c.Host == e.Host })
	}
}

func (f *folder) result() Incident {
	i := f.incident
	i.State = Open
	if !i.Closed.At.IsZero() {
		i.State = Closed
	}
	i.Hosts = map[host.Class]int{}
	for _, class := range f.classes {
		i.Hosts[class]++
	}
	i.Commands = f.commands
	i.Business.settle()
	for _, s := range f.order {
		if s.Ended.IsZero() {
			i.Scans = append(i.Scans, *s)
		}
		i.LastScan = *s
	}
	return i
}

// HostCount is how many hosts have been visited, however that ended.
func (i Incident) HostCount() (n int) {
	for _, count := range i.Hosts {
		n += count
	}
	return n
}

// Line is the command as a person would type it.
func (c Command) Line() string { return host.Quote(c.Argv...) }
