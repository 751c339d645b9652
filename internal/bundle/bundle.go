// Package bundle writes an incident into one file and reads it back, for a second
// laptop that joins: the whole timeline, and the hosts as they were last seen.
//
// # File
//
// A bundle is lines of JSON: a head, entries, hosts, and an end that counts them,
// by which a file that was cut off is known.
//
// # Untrusted
//
// A bundle comes from somebody else. What is not one, or holds another incident's
// entries, is refused as a whole.
package bundle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// The errors of Read.
var (
	ErrNotBundle = errors.New("not an exported incident")
	ErrNewer     = errors.New("written by a newer nightcall")
	ErrCutOff    = errors.New("the file is cut off")
)

// version is of the file's shape.
const version = 1

// maxLine bounds one line: a host with everything that is on it.
const maxLine = 128 << 20

// A Bundle is an incident in one piece.
type Bundle struct {
	ID      string // the incident's
	Title   string
	Entries []timeline.Entry // in the order of the log
	Hosts   []inventory.Host
}

// A line is one of the file's; exactly one of its fields is set.
type line struct {
	Head  *head           `json:"nightcall_incident,omitempty"`
	Entry *timeline.Entry `json:"entry,omitempty"`
	Host  *inventory.Host `json:"host,omitempty"`
	End   *end            `json:"end,omitempty"`
}

type head struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	Title   string `json:"title"`
}

type end struct {
	Entries int `json:"entries"`
	Hosts   int `json:"hosts"`
}

// Write writes the bundle.
func Write(w io.Writer, b Bundle) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	err := enc.Encode(line{Head: &head{version, b.ID, b.Title}})
	for n := range b.Entries {
		err = errors.Join(err, enc.Encode(line{Entry: &b.Entries[n]}))
	}
	for n := range b.Hosts {
		err = errors.Join(err, enc.Encode(line{Host: &b.Hosts[n]}))
	}
	err = errors.Join(err, enc.Encode(line{End: &end{len(b.Entries), len(b.Hosts)}}))
	return errors.Join(err, out.Flush())
}

// Read reads a bundle. The error wraps ErrNotBundle, ErrNewer or ErrCutOff where
// that is the cause.
func Read(r io.Reader) (Bundle, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	b, err := readHead(lines)
	if err != nil {
		return Bundle{}, err
	}
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return Bundle{}, fmt.Errorf("%w: %w", ErrCutOff, err)
		}
		switch {
		case l.End != nil:
			return b, b.check(*l.End)
		case l.Entry != nil:
			b.Entries = append(b.Entries, *l.Entry)
		case l.Host != nil:
			b.Hosts = append(b.Hosts, *l.Host)
		}
	}
	return Bundle{}, errors.Join(ErrCutOff, lines.Err())
}

func readHead(lines *bufio.Scanner) (Bundle, error) {
	var l line
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &l) != nil || l.Head == nil || l.Head.ID == "" {
		return Bundle{}, errors.Join(ErrNotBundle, lines.Err())
	}
	if l.Head.Version > version {
		return Bundle{}, ErrNewer
	}
	return Bundle{ID: l.Head.ID, Title: l.Head.Title}, nil
}

// check refuses what is not all of one incident.
func (b Bundle) check(e end) error {
	if e.Entries != len(b.Entries) || e.Hosts != len(b.Hosts) {
		return fmt.Errorf("%w: %d of %d entries, %d of %d hosts", ErrCutOff, len(b.Entries), e.Entries, len(b.Hosts), e.Hosts)
	}
	for _, x := range b.Entries {
		if x.Incident != b.ID {
			return fmt.Errorf("%w: entry %q is of incident %q", ErrNotBundle, x.ID, x.Incident)
		}
	}
	return nil
}
