// Package report tells an incident: as a status update in business words, and as
// a report in HTML, Markdown or JSON, at any minute of it.
//
// # Data
//
// Everything is told from one [Data], so that no two pages can contradict each
// other. Nothing here reads a clock or a file.
//
// # Two audiences
//
// The executive page says what happened, what it costs and what is done, in words
// that need no technician; of itself it names no person and no host. The
// technical part has all of it, with evidence. What is known is the same in both;
// nothing is softened.
//
// # Untrusted text
//
// Texts come from people, hosts and other laptops. None of them reaches HTML or
// Markdown as anything but text.
package report

import (
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Data is one incident at one moment.
type Data struct {
	Incident incident.Incident
	Entries  []timeline.Entry // in the order of the log
	Fleet    inventory.Fleet
	Findings check.Result
	Picture  Picture
	Before   Before
	At       time.Time // the moment, in the zone in which times are told
	Program  string    // who wrote it: name and version
}

// Before is the architecture as the first scan found it, and what became of it.
// The zero value is none; where nothing changed, Changed is the zero value.
type Before struct {
	At      time.Time // when the first scan ended
	Picture Picture
	Changed Picture
}

// A Picture is the architecture as it was drawn, twice. The zero value is none.
type Picture struct {
	Text string // for readers that show letters only
	SVG  []byte
}
