// Package timeline is the record of an incident: append-only entries, written
// before the deed they announce, merged between laptops by id, never rewritten.
//
// # Entry
//
// An [Entry] is dated twice: At by the clock of whoever it is about, Seen by
// ours. Order is by Seen; people are shown At. Kinds that this version does not
// know keep their data as it came and are still described.
package timeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
)

// An Entry is one line of the record.
type Entry struct {
	ID       string          `json:"id"`       // ULID: unique everywhere, sortable
	Incident string          `json:"incident"` // the incident's id
	Host     string          `json:"host,omitempty"`
	At       time.Time       `json:"at"`   // when it happened, by the clock of its source
	Seen     time.Time       `json:"seen"` // when we wrote it down, by ours
	Actor    string          `json:"actor"`
	Trigger  Trigger         `json:"trigger"`
	Kind     Kind            `json:"kind"`
	V        int             `json:"v"` // version of Data's shape
	Data     json.RawMessage `json:"data,omitempty"`
}

// A Trigger is what made it happen.
type Trigger string

// The triggers.
const (
	Manual   Trigger = "manual"
	Interval Trigger = "interval"
	Event    Trigger = "event"
)

// A Kind says what the entry is about and what its Data holds.
type Kind string

// The kinds, with the type that Data decodes to.
const (
	IncidentOpened   Kind = "incident.opened"   // Opened
	IncidentClosed   Kind = "incident.closed"   // Closed
	IncidentReopened Kind = "incident.reopened" // none
	IncidentMerged   Kind = "incident.merged"   // Merge
	IncidentLinked   Kind = "incident.linked"   // Page
	NoteAdded        Kind = "note"              // Note
	ScanStarted      Kind = "scan.started"      // ScanStart
	ScanFinished     Kind = "scan.finished"     // ScanEnd
	HostScanned      Kind = "host.scanned"      // HostVisit
	HostKeyAccepted  Kind = "hostkey.accepted"  // HostKey
	HostKeyChanged   Kind = "hostkey.changed"   // HostKey
	PasswordTried    Kind = "password.tried"    // Password
	PasswordAccepted Kind = "password.accepted" // Password
	PasswordRefused  Kind = "password.refused"  // Password
	LineStopped      Kind = "line.stopped"      // Stop
	LineReleased     Kind = "line.released"     // none
	CommandStarted   Kind = "command.started"   // CommandStart
	CommandFinished  Kind = "command.finished"  // CommandEnd
	Exported         Kind = "export.written"    // Export
	HostDeclared     Kind = "host.declared"     // HostDraft
	HostRetracted    Kind = "host.retracted"    // HostDraft, of which the name counts
	LinkDeclared     Kind = "link.declared"     // LinkDraft
	LinkRetracted    Kind = "link.retracted"    // LinkDraft, of which the ends count
	NetBoxWriting    Kind = "netbox.writing"    // NetBoxBatch, durable before the request
	NetBoxWrote      Kind = "netbox.wrote"      // NetBoxBatch
	ReachTested      Kind = "reach.tested"      // Reach
	ServicesAsked    Kind = "services.asked"    // Asked
	EvidenceAdded    Kind = "evidence.added"    // EvidenceFile, durable before the entry
)

// Kinds lists every kind that this version knows.
var Kinds = append([]Kind{
	IncidentOpened, IncidentClosed, IncidentReopened, IncidentMerged, IncidentLinked, NoteAdded, ScanStarted, ScanFinished, HostScanned,
	HostKeyAccepted, HostKeyChanged, PasswordTried, PasswordAccepted, PasswordRefused, LineStopped, LineReleased,
	CommandStarted, CommandFinished, Exported,
	LossStated, MitigationProposed, MitigationApplied, MitigationReverted, MitigationDropped, DiagnosisEstimated,
	StepTicked, StepSkipped, StepReopened, HostDeclared, HostRetracted, LinkDeclared, LinkRetracted, ReachTested, ServicesAsked,
	NetBoxWriting, NetBoxWrote, EvidenceAdded,
}, slices.Concat(technicalKinds, muteKinds)...)

// Opened is the data of IncidentOpened.
type Opened struct {
	Title string `json:"title"`
}

// Closed is the data of IncidentClosed.
type Closed struct {
	Reason string `json:"reason,omitempty"`
}

// Merge is the data of IncidentMerged: what another laptop's record brought.
type Merge struct {
	From    string `json:"from"`
	Entries int    `json:"entries"` // that were not there
	Hosts   int    `json:"hosts"`
}

// Page is the data of IncidentLinked: where people read about the incident, such as
// a ticket. An empty address takes back the one before.
type Page struct {
	URL string `json:"url"`
}

// Note is the data of NoteAdded.
type Note struct {
	Text string `json:"text"`
}

// ScanStart is the data of ScanStarted.
type ScanStart struct {
	Scan    string   `json:"scan"`
	Targets []string `json:"targets"`
}

// ScanEnd is the data of ScanFinished: how many hosts ended in each class.
type ScanEnd struct {
	Scan    string         `json:"scan"`
	Classes map[string]int `json:"classes"`
	Took    time.Duration  `json:"took"`
	Stopped string         `json:"stopped,omitempty"` // why it ended early
}

// HostVisit is the data of HostScanned.
type HostVisit struct {
	Scan   string        `json:"scan"`
	Class  string        `json:"class"`
	Reason string        `json:"reason,omitempty"`
	Took   time.Duration `json:"took"`
	Root   bool          `json:"root"`
}

// HostKey is the data of HostKeyAccepted and HostKeyChanged.
type HostKey struct {
	Address     string `json:"address"`
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"`
	How         string `json:"how,omitempty"` // "accept-new", "confirmed by a person", "user's known_hosts"
}

// Password is the data of PasswordTried, durable before an unproved password is
// sent, and of PasswordAccepted and PasswordRefused. It never holds the password.
type Password struct {
	Account string `json:"account"`
	For     string `json:"for"` // login, sudo, doas or su
}

// Stop is the data of LineStopped.
type Stop struct {
	Reason string `json:"reason,omitempty"`
}

// CommandStart is the data of CommandStarted, durable before the command runs.
type CommandStart struct {
	Run    string   `json:"run"`
	Argv   []string `json:"argv"`
	Change bool     `json:"change"` // declared as one that alters the host
	Stdin  string   `json:"stdin,omitempty"`
	Root   bool     `json:"root,omitempty"`
}

// CommandEnd is the data of CommandFinished.
type CommandEnd struct {
	Run     string        `json:"run"`
	Exit    int           `json:"exit"`
	Error   string        `json:"error,omitempty"`
	Took    time.Duration `json:"took"`
	Stdout  string        `json:"stdout,omitempty"` // scrubbed, head and tail
	Stderr  string        `json:"stderr,omitempty"`
	Dropped int64         `json:"dropped,omitempty"`
	SHA256  string        `json:"sha256,omitempty"` // of the whole output

	// Evidence are the files with more of the output than fits here.
	Evidence []string `json:"evidence,omitempty"`
}

// Export is the data of Exported.
type Export struct {
	Format string `json:"format"`
	Path   string `json:"path"`
	Hosts  int    `json:"hosts"`
}

// EvidenceFile is the data of EvidenceAdded: a file of the incident as it has to
// be, and where it came from.
type EvidenceFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Source string `json:"source,omitempty"`
	Binary bool   `json:"binary,omitempty"` // nobody could look for secrets in it
}

// HostDraft is the data of HostDeclared: a host as a person described it.
type HostDraft struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Runs    string `json:"runs,omitempty"`   // what it is there for: haproxy, mysql …
	Group   string `json:"group,omitempty"`  // what it belongs to: "Database HA"
	Domain  string `json:"domain,omitempty"` // what it falls together with: a rack, a site
}

// LinkDraft is the data of LinkDeclared: who talks to what, as a person said.
type LinkDraft struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Port  int    `json:"port,omitempty"`
	Label string `json:"label,omitempty"`
	Style string `json:"style,omitempty"` // solid, dashed, dotted
	Color string `json:"color,omitempty"`
}

// Key is what two declarations of one link have in common.
func (d LinkDraft) Key() [3]string { return [3]string{d.From, d.To, strconv.Itoa(d.Port)} }

// NetBoxBatch is the data of NetBoxWriting and NetBoxWrote: one bulk request.
type NetBoxBatch struct {
	Batch   int             `json:"batch,omitempty"` // its number in the run
	Server  string          `json:"server"`
	Op      string          `json:"op"`   // create, update, delete
	Kind    string          `json:"kind"` // of NetBox's objects
	Count   int             `json:"count"`
	Objects json.RawMessage `json:"objects"` // each with its fields before and after
}

// Reach is the data of ReachTested: which services the host could connect to.
type Reach struct {
	Run     string        `json:"run"`
	Results []ReachResult `json:"results"`
}

// ReachResult is one test.
type ReachResult struct {
	To       string        `json:"to"` // host, or address
	Address  string        `json:"address"`
	Port     int           `json:"port"`
	Outcome  string        `json:"outcome"`
	How      string        `json:"how"`
	Detail   string        `json:"detail,omitempty"`
	Greeting string        `json:"greeting,omitempty"`
	Took     time.Duration `json:"took"`
}

// Asked is the data of ServicesAsked: which services of the host were asked
// something that anybody may ask.
type Asked struct {
	Questions []string `json:"questions"` // "Jenkins 8080: GET /script"
	Open      []string `json:"open"`      // services that let strangers in
}

// A Log is where entries are kept.
type Log interface {
	// Append stores entries durably, all or none, before it returns. An entry
	// whose ID is already there is left as it is: appending twice is harmless,
	// and that is the whole merge protocol.
	Append(ctx context.Context, entries ...Entry) error

	// Since returns the entries after the one with this id in the order of Seen,
	// or all of them for the empty id. An unknown id is an error.
	Since(ctx context.Context, id string) ([]Entry, error)
}

// New makes an entry about something that happens now. data must encode.
func New(incident, actor string, kind Kind, now time.Time, data any) (Entry, error) {
	var raw json.RawMessage
	if data != nil {
		encoded, err := json.Marshal(data)
		if err != nil {
			return Entry{}, fmt.Errorf("timeline entry %s: %w", kind, err)
		}
		raw = encoded
	}
	now = now.UTC()
	id, err := ulid.New(ulid.Timestamp(now), rand.Reader)
	if err != nil {
		return Entry{}, fmt.Errorf("timeline entry %s: %w", kind, err)
	}
	return Entry{
		ID: id.String(), Incident: incident, At: now, Seen: now,
		Actor: actor, Trigger: Manual, Kind: kind, V: 1, Data: raw,
	}, nil
}

// About returns the entry with its host set.
func (e Entry) About(host string) Entry {
	e.Host = host
	return e
}
