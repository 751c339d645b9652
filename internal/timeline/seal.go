package timeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/oklog/ulid/v2"
)

// A Seal shows whether an entry is what was written, and whether the one before
// it is there. Each copy of an incident that writes has a journal of its own;
// the seals of a journal are a chain, and merging brings chains together without
// touching them.
type Seal struct {
	Journal string `json:"journal,omitempty"` // empty for an entry from before there were seals: it is in no chain
	Number  int    `json:"number,omitempty"`  // its place in the journal, from 1
	Prev    string `json:"prev,omitempty"`    // the hash before it in the journal
	Hash    string `json:"hash"`              // SHA-256 in hexadecimal, of the entry and the fields above
}

// NewJournal makes the id of a journal that nobody else has.
func NewJournal() string { return ulid.Make().String() }

// A Sealed is an entry with its seal.
type Sealed struct {
	Entry
	Seal Seal
}

// sealed is what a hash covers. Its shape is for ever: old seals are read with it.
type sealed struct {
	ID       string          `json:"id"`
	Incident string          `json:"incident"`
	Host     string          `json:"host"`
	At       time.Time       `json:"at"`
	Seen     time.Time       `json:"seen"`
	Actor    string          `json:"actor"`
	Trigger  Trigger         `json:"trigger"`
	Kind     Kind            `json:"kind"`
	V        int             `json:"v"`
	Data     json.RawMessage `json:"data,omitempty"`
	Journal  string          `json:"journal"`
	Number   int             `json:"number"`
	Prev     string          `json:"prev"`
}

// of is what the hash of a seal has to be for this entry, whatever the seal
// says it is. Blank space in the data does not count.
func (s Seal) of(e Entry) (string, error) {
	text, err := json.Marshal(sealed{
		e.ID, e.Incident, e.Host, e.At.UTC(), e.Seen.UTC(), e.Actor, e.Trigger, e.Kind, e.V, e.Data,
		s.Journal, s.Number, s.Prev,
	})
	if err != nil {
		return "", fmt.Errorf("seal entry %s: %w", e.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Follow makes the entry the next one of a journal whose last seal is last.
func (e Entry) Follow(last Seal) (Sealed, error) {
	s := Seal{Journal: last.Journal, Number: last.Number + 1, Prev: last.Hash}
	hash, err := s.of(e)
	s.Hash = hash
	return Sealed{e, s}, err
}

// Alone seals an entry that is in no chain. It is the same wherever it is done.
func (e Entry) Alone() (Sealed, error) {
	hash, err := Seal{}.of(e)
	return Sealed{e, Seal{Hash: hash}}, err
}

// A Flaw is an entry that is not as it was written.
type Flaw struct {
	Entry string `json:"entry"` // its id, or of the one behind it
	What  string `json:"what"`
}

// Verify reads all entries and returns what is wrong with them, in their order.
// last are the last seals that the journals are known to have had.
func Verify(entries iter.Seq2[Sealed, error], last []Seal) ([]Flaw, error) {
	var flaws []Flaw
	var chained []place
	present := map[Seal]bool{} // journal, number, hash
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		hash, err := e.Seal.of(e.Entry)
		if err != nil || hash != e.Seal.Hash {
			flaws = append(flaws, Flaw{e.ID, "it was changed after it was written"})
		}
		if e.Seal.Journal != "" {
			chained = append(chained, place{e.ID, e.Seal})
			present[e.Seal.key()] = true
		}
	}
	for _, p := range chained {
		before := Seal{Journal: p.seal.Journal, Number: p.seal.Number - 1, Hash: p.seal.Prev}
		if before.Number > 0 && !present[before] || before.Number == 0 && before.Hash != "" {
			flaws = append(flaws, Flaw{p.id, fmt.Sprintf("the entry before it, number %d of journal %s, is missing or was changed", before.Number, p.seal.Journal)})
		}
	}
	for _, s := range last {
		if s.Number > 0 && !present[s.key()] {
			flaws = append(flaws, Flaw{"", fmt.Sprintf("the last entry, number %d of journal %s, is missing or was changed", s.Number, s.Journal)})
		}
	}
	return flaws, nil
}

// A place is where an entry stands in its chain.
type place struct {
	id   string
	seal Seal
}

// key is the seal as the next one refers to it.
func (s Seal) key() Seal { return Seal{Journal: s.Journal, Number: s.Number, Hash: s.Hash} }
