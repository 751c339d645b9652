package sqlite

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// Bounds of what is stored, in bytes of JSON. Every fact at its largest still
// makes a document that is read back.
const (
	maxFact     = 4 << 20
	maxDocument = 192 << 20
)

// A reading is one fact as it is stored: a member of a document, which is the
// JSON object of what a visit read, or of what is known of a host now.
type reading struct {
	name  string
	state fact.State
	json  []byte
}

// encode takes everything that the set holds.
func encode(set *fact.Set) ([]reading, error) {
	var all []reading
	for _, f := range fact.All() {
		status := f.Status(set)
		if status.State == "" {
			continue
		}
		r := reading{name: f.Name, state: status.State}
		var err error
		if r.json, err = f.Encode(set); err == nil && len(r.json) > maxFact {
			err = fmt.Errorf("%d bytes are too many", len(r.json))
		}
		if err != nil {
			r, err = withoutValue(f.Name, status, err)
		}
		if err != nil {
			return nil, fmt.Errorf("fact %s: %w", f.Name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// withoutValue stores a fact as unknown whose value JSON cannot say (a date of
// the year 12000), or says at too great a length.
func withoutValue(name string, s fact.Status, cause error) (reading, error) {
	text, err := json.Marshal(fact.Observed[any]{
		State: fact.Unknown, Source: s.Source, Reason: "cannot be stored: " + cause.Error(), At: s.At,
	})
	return reading{name, fact.Unknown, text}, err
}

// decode fills a set from a packed document. Facts that this version does not
// know are left out. It returns ErrCorrupt for anything but a document.
func decode(data []byte, set *fact.Set) error {
	text, err := unpack(data)
	if err != nil {
		return err
	}
	return parse(text, set)
}

func parse(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: stored facts: %w", ErrCorrupt, err)
	}
	return nil
}

// merge does what fact.Merge does, on readings, so that no value is decoded and
// facts that this version does not know stay. The old document is a packed one.
func merge(old []byte, fresh []reading) ([]reading, error) {
	text, err := unpack(old)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := parse(text, &members); err != nil {
		return nil, err
	}
	merged := map[string]reading{}
	for name, value := range members {
		merged[name] = reading{name: name, json: value}
	}
	for _, r := range fresh {
		if _, have := merged[r.name]; !have || r.state != fact.Unknown {
			merged[r.name] = r
		}
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b reading) int { return strings.Compare(a.name, b.name) }), nil
}

// replaces reports whether merging into a document of these members would leave
// nothing of it.
func replaces(fresh []reading, members string) bool {
	read := map[string]bool{}
	for _, r := range fresh {
		read[r.name] = r.state != fact.Unknown
	}
	for name := range strings.FieldsSeq(members) {
		if !read[name] {
			return false
		}
	}
	return true
}

// names lists the members of a document, with spaces between them.
func names(readings []reading) string {
	all := make([]string, len(readings))
	for i, r := range readings {
		all[i] = r.name
	}
	return strings.Join(all, " ")
}

// A packer is a compressor with room for what it reads. It is used again: one
// costs more to make than a document takes to compress.
type packer struct {
	text bytes.Buffer
	zip  *flate.Writer
}

var packers = sync.Pool{New: func() any {
	zip, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // refuses only levels that do not exist
	return &packer{zip: zip}
}}

// pack makes a document of the readings and compresses it.
func pack(readings []reading) ([]byte, error) {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.text.Reset()
	p.text.WriteByte('{')
	for i, r := range readings {
		name, err := json.Marshal(r.name)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			p.text.WriteByte(',')
		}
		p.text.Write(name)
		p.text.WriteByte(':')
		p.text.Write(r.json)
	}
	p.text.WriteByte('}')
	return p.compress()
}

func (p *packer) compress() ([]byte, error) {
	var data bytes.Buffer
	p.zip.Reset(&data)
	if _, err := p.zip.Write(p.text.Bytes()); err != nil {
		return nil, err
	}
	if err := p.zip.Close(); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// unpack returns the text of a packed document. It returns ErrCorrupt for what
// is no compressed data, breaks off, or is larger than any of ours.
func unpack(data []byte) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%w: decompress facts: %w", ErrCorrupt, err)
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("%w: facts of more than %d bytes", ErrCorrupt, maxDocument)
	}
	return text, nil
}
