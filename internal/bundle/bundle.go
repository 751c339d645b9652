// Package bundle writes an incident into one file and reads it back, for a second
// laptop that joins: the whole timeline, the hosts as they were last seen, their
// keys, and the evidence.
//
// # File
//
// A bundle is lines of JSON: a head, entries, hosts, host keys, files in pieces,
// and an end that counts them, by which a file that was cut off is known. Around
// it may be an envelope of age (age-encryption.org/v1).
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

// The errors of reading.
var (
	ErrNotBundle = errors.New("not an exported incident")
	ErrNewer     = errors.New("written by a newer nightcall")
	ErrCutOff    = errors.New("the file is cut off")
)

// version is of the file's shape. The first had no seals, keys and files.
const version = 2

// maxLine bounds one line: a host with everything that is on it. A file comes in
// pieces of pieceSize.
const (
	maxLine   = 128 << 20
	pieceSize = 512 << 10
)

// A Bundle is an incident in one piece.
type Bundle struct {
	ID         string // the incident's
	Title      string
	Redacted   bool              // it is a copy for strangers
	Entries    []timeline.Sealed // in the order of the log
	Hosts      []inventory.Host
	KnownHosts []string // lines
	Files      []timeline.EvidenceFile
}

// A line is one of the file's; exactly one of its fields is set, but for a seal,
// which stands beside its entry.
type line struct {
	Head  *head                  `json:"nightcall_incident,omitempty"`
	Entry *timeline.Entry        `json:"entry,omitempty"`
	Seal  *timeline.Seal         `json:"seal,omitempty"`
	Host  *inventory.Host        `json:"host,omitempty"`
	Key   string                 `json:"known_host,omitempty"`
	File  *timeline.EvidenceFile `json:"file,omitempty"`
	Piece []byte                 `json:"piece,omitempty"` // of the file before it
	End   *end                   `json:"end,omitempty"`
}

type head struct {
	Version  int    `json:"version"`
	ID       string `json:"id"`
	Title    string `json:"title"`
	Redacted bool   `json:"redacted,omitempty"`
}

type end struct {
	Entries int `json:"entries"`
	Hosts   int `json:"hosts"`
	Keys    int `json:"known_hosts,omitempty"`
	Files   int `json:"files,omitempty"`
}

// Write writes the bundle; open opens its files.
func Write(w io.Writer, b Bundle, open func(timeline.EvidenceFile) (io.ReadCloser, error)) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	err := enc.Encode(line{Head: &head{version, b.ID, b.Title, b.Redacted}})
	for n := range b.Entries {
		l := line{Entry: &b.Entries[n].Entry}
		if b.Entries[n].Seal.Hash != "" {
			l.Seal = &b.Entries[n].Seal
		}
		err = errors.Join(err, enc.Encode(l))
	}
	for n := range b.Hosts {
		err = errors.Join(err, enc.Encode(line{Host: &b.Hosts[n]}))
	}
	for _, key := range b.KnownHosts {
		err = errors.Join(err, enc.Encode(line{Key: key}))
	}
	for _, f := range b.Files {
		err = errors.Join(err, writeFile(enc, f, open))
	}
	err = errors.Join(err, enc.Encode(line{End: &end{len(b.Entries), len(b.Hosts), len(b.KnownHosts), len(b.Files)}}))
	return errors.Join(err, out.Flush())
}

// writeFile writes one file in pieces.
func writeFile(enc *json.Encoder, f timeline.EvidenceFile, open func(timeline.EvidenceFile) (io.ReadCloser, error)) error {
	content, err := open(f)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := enc.Encode(line{File: &f}); err != nil {
		return err
	}
	piece := make([]byte, pieceSize)
	for left := f.Bytes; left > 0; {
		n, err := io.ReadFull(content, piece[:min(left, pieceSize)])
		if err != nil {
			return fmt.Errorf("%s: it is shorter than it was: %w", f.Name, err)
		}
		if err := enc.Encode(line{Piece: piece[:n]}); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// A Reader reads a bundle. What it is of is known before the rest is read.
type Reader struct {
	ID       string
	Title    string
	Redacted bool
	lines    *bufio.Scanner
}

// NewReader reads the head of a bundle. The error wraps ErrNotBundle or ErrNewer
// where that is the cause.
func NewReader(r io.Reader) (*Reader, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var l line
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &l) != nil || l.Head == nil || l.Head.ID == "" {
		return nil, errors.Join(ErrNotBundle, lines.Err())
	}
	if l.Head.Version > version {
		return nil, ErrNewer
	}
	return &Reader{l.Head.ID, l.Head.Title, l.Head.Redacted, lines}, nil
}

// Rest reads what follows the head. keep is given each file, and reads it to its
// end. The error wraps ErrNotBundle or ErrCutOff where that is the cause; what
// was kept by then is not of use.
func (r *Reader) Rest(keep func(f timeline.EvidenceFile, content io.Reader) error) (Bundle, error) {
	b := Bundle{ID: r.ID, Title: r.Title, Redacted: r.Redacted}
	for r.lines.Scan() {
		var l line
		if err := json.Unmarshal(r.lines.Bytes(), &l); err != nil {
			return Bundle{}, fmt.Errorf("%w: %w", ErrCutOff, err)
		}
		switch {
		case l.End != nil:
			return b, b.check(*l.End)
		case l.Entry != nil:
			e := timeline.Sealed{Entry: *l.Entry}
			if l.Seal != nil {
				e.Seal = *l.Seal
			}
			b.Entries = append(b.Entries, e)
		case l.Host != nil:
			b.Hosts = append(b.Hosts, *l.Host)
		case l.Key != "":
			b.KnownHosts = append(b.KnownHosts, l.Key)
		case l.File != nil:
			if err := r.file(*l.File, keep); err != nil {
				return Bundle{}, err
			}
			b.Files = append(b.Files, *l.File)
		}
	}
	return Bundle{}, errors.Join(ErrCutOff, r.lines.Err())
}

// file hands over one file, and passes over what was not read of it.
func (r *Reader) file(f timeline.EvidenceFile, keep func(timeline.EvidenceFile, io.Reader) error) error {
	content := &content{lines: r.lines, left: f.Bytes}
	if err := keep(f, content); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, content)
	return err
}

// A content reads the pieces of a file.
type content struct {
	lines *bufio.Scanner
	left  int64
	piece []byte
}

func (c *content) Read(p []byte) (int, error) {
	if len(c.piece) == 0 {
		if c.left <= 0 {
			return 0, io.EOF
		}
		var l line
		if !c.lines.Scan() || json.Unmarshal(c.lines.Bytes(), &l) != nil || len(l.Piece) == 0 || int64(len(l.Piece)) > c.left {
			return 0, errors.Join(ErrCutOff, c.lines.Err())
		}
		c.piece = l.Piece
	}
	n := copy(p, c.piece)
	c.piece, c.left = c.piece[n:], c.left-int64(n)
	return n, nil
}

// check refuses what is not all of one incident.
func (b Bundle) check(e end) error {
	if e != (end{len(b.Entries), len(b.Hosts), len(b.KnownHosts), len(b.Files)}) {
		return fmt.Errorf("%w: %d of %d entries, %d of %d hosts, %d of %d files", ErrCutOff,
			len(b.Entries), e.Entries, len(b.Hosts), e.Hosts, len(b.Files), e.Files)
	}
	for _, x := range b.Entries {
		if x.Incident != b.ID {
			return fmt.Errorf("%w: entry %q is of incident %q", ErrNotBundle, x.ID, x.Incident)
		}
	}
	return nil
}
