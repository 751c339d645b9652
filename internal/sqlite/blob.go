package sqlite

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

const (
	zipAbove = 512      // bytes; compressing less is not worth the reader's time
	maxBlob  = 64 << 20 // bytes of JSON; more is no fact of ours
)

// A stored fact is one field of a fact.Set on its way to or from the database:
// its JSON without the date, which is all that differs between two readings of
// what has not changed.
type stored struct {
	fact  fact.Fact
	state fact.State
	at    stamp
	json  []byte
}

// encode takes what the set holds of f, and reports false when nobody asked. A
// value that JSON cannot say (a date of the year 12000) is stored as unknown.
func encode(f fact.Fact, set *fact.Set) (stored, bool, error) {
	status := f.Status(set)
	if status.State == "" {
		return stored{}, false, nil
	}
	var undated struct {
		Value  json.RawMessage `json:"value,omitempty"`
		State  fact.State      `json:"state"`
		Source string          `json:"source,omitempty"`
		Reason string          `json:"reason,omitempty"`
	}
	whole, err := f.Encode(set)
	if err == nil {
		err = json.Unmarshal(whole, &undated)
	}
	if err != nil {
		undated.Value, undated.Source = nil, status.Source
		undated.State, undated.Reason = fact.Unknown, "cannot be stored: "+err.Error()
	}
	text, err := json.Marshal(undated)
	return stored{fact: f, state: undated.State, at: stamp{status.At}, json: text}, true, err
}

// encodeAll takes everything that the set holds.
func encodeAll(set *fact.Set) ([]stored, error) {
	var all []stored
	for _, f := range fact.All() {
		s, asked, err := encode(f, set)
		if err != nil {
			return nil, fmt.Errorf("fact %s: %w", f.Name, err)
		}
		if asked {
			all = append(all, s)
		}
	}
	return all, nil
}

// decode puts the fact back into a set.
func (s stored) decode(set *fact.Set) error {
	if err := s.fact.Decode(s.json, set); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if s.at.IsZero() {
		return nil
	}
	date, err := json.Marshal(map[string]any{"at": s.at.Time})
	if err != nil {
		return err
	}
	return s.fact.Decode(date, set) // fills one field and leaves the others
}

// A packer compresses; the zero packer is ready. It is reused because a
// compressor costs more to make than a fact takes to compress.
type packer struct{ w *flate.Writer }

// pack compresses what is worth it.
func (p *packer) pack(text []byte) (data []byte, zip bool, err error) {
	if len(text) <= zipAbove {
		return text, false, nil
	}
	var b bytes.Buffer
	if p.w == nil {
		if p.w, err = flate.NewWriter(&b, flate.BestSpeed); err != nil {
			return nil, false, err
		}
	} else {
		p.w.Reset(&b)
	}
	if _, err := p.w.Write(text); err != nil {
		return nil, false, err
	}
	if err := p.w.Close(); err != nil {
		return nil, false, err
	}
	return b.Bytes(), true, nil
}

// unpack is the reverse of packer.pack. It returns ErrCorrupt for anything that is not
// size bytes of JSON in the end.
func unpack(data []byte, zip bool, size int64) ([]byte, error) {
	if size < 0 || size > maxBlob {
		return nil, fmt.Errorf("%w: a fact of %d bytes", ErrCorrupt, size)
	}
	if zip {
		text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), size+1))
		if err != nil {
			return nil, fmt.Errorf("%w: decompress a fact: %w", ErrCorrupt, err)
		}
		data = text
	}
	if int64(len(data)) != size {
		return nil, fmt.Errorf("%w: a fact of %d bytes has another length", ErrCorrupt, size)
	}
	return data, nil
}
