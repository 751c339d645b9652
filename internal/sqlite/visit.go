package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// keptVisits is how many visits of each host keep their facts for comparison.
const keptVisits = 10

// A Visit is how a visit to a host ended, and the entries about it.
type Visit struct {
	Host    inventory.Host
	Entries []timeline.Entry
}

// SaveVisit stores how a visit to a host ended. Facts that the visit read
// replace the current ones; the others stay (fact.Merge), and the visit's own
// facts are kept under its scan for comparison. A visit that did not reach the
// host (its Seen is zero) says why and leaves what was known: when the host was
// seen, its facts, its keys and algorithms. The entries, which are about this
// visit, are appended with it: all is stored, durably, or nothing.
func (db *DB) SaveVisit(ctx context.Context, h inventory.Host, entries ...timeline.Entry) error {
	return db.SaveVisits(ctx, []Visit{{h, entries}})
}

// SaveVisits stores many visits as SaveVisit does one, in the order given: all
// of them, durably, or nothing. It waits for the disk once.
func (db *DB) SaveVisits(ctx context.Context, visits []Visit) error {
	if len(visits) == 0 {
		return nil
	}
	if err := db.saveVisits(ctx, visits); err != nil {
		return fmt.Errorf("store %s: %w", which(visits), err)
	}
	return nil
}

// which names the visits, of which there is at least one.
func which(visits []Visit) string {
	first := visits[0].Host.Name
	if len(visits) == 1 {
		return "the visit to " + first
	}
	return fmt.Sprintf("the visits to %s and %d more", first, len(visits)-1)
}

func (db *DB) saveVisits(ctx context.Context, visits []Visit) error {
	var all []packed // before the transaction, which keeps others waiting
	for _, v := range visits {
		p, err := packVisit(v)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, p := range all {
			if err := db.saveVisit(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// A packed visit has its facts ready to be stored. It has none when it neither
// reached the host nor read anything.
type packed struct {
	Visit

	readings []reading
	facts    []byte // the document of the readings
}

func packVisit(v Visit) (packed, error) {
	readings, err := encode(&v.Host.Facts)
	if err != nil || len(readings) == 0 && v.Host.Seen.IsZero() {
		return packed{Visit: v}, err
	}
	facts, err := pack(readings)
	return packed{v, readings, facts}, err
}

func (db *DB) saveVisit(ctx context.Context, tx *sql.Tx, p packed) error {
	if err := db.saveHost(ctx, tx, p); err != nil {
		return err
	}
	if err := db.appendEntries(ctx, tx, p.Entries); err != nil || p.facts == nil {
		return err
	}
	// A visit takes the place of an earlier one by the same scan.
	if _, err := tx.StmtContext(ctx, db.stmts.visit).ExecContext(ctx, p.Host.Name, p.Host.Scan, p.facts); err != nil {
		return err
	}
	_, err := tx.StmtContext(ctx, db.stmts.prune).ExecContext(ctx, p.Host.Name, keptVisits)
	return err
}

// saveHost stores how the visit ended and what is known of the host now.
func (db *DB) saveHost(ctx context.Context, tx *sql.Tx, p packed) error {
	h := p.Host
	var old, members sql.NullString
	err := tx.StmtContext(ctx, db.stmts.known).QueryRowContext(ctx, h.Name).Scan(&old, &members)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if old.Valid && h.Seen.IsZero() {
		if h.Access, err = learned(h, old.String); err != nil {
			return err
		}
	}
	access, err := json.Marshal(h.Access)
	if err != nil {
		return err
	}
	members, facts, err := db.current(ctx, tx, p, members)
	if err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, db.stmts.host).ExecContext(ctx, h.Name, string(access), string(h.Class), h.Reason,
		h.Scan, stamp{h.Visited}, stamp{h.Seen}, h.Took, h.Root, h.NoRoot, members, facts)
	return err
}

// learned completes the access of a host that was not reached by what an earlier
// visit to the same address had learned there.
func learned(h inventory.Host, text string) (inventory.Access, error) {
	var old inventory.Access
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		return old, fmt.Errorf("%w: access of %s: %w", ErrCorrupt, h.Name, err)
	}
	a := h.Access
	if old.Address != a.Address || old.Port != a.Port || old.Server == "" || a.Server != "" {
		return a, nil
	}
	a.HostKeys, a.Server, a.Algorithms, a.Legacy = old.HostKeys, old.Server, old.Algorithms, old.Legacy
	return a, nil
}

// current returns the document of what is known of the host after the visit, and
// its members; both are NULL where the visit changes nothing. A visit that read
// all that was known needs no merging: its document is the current one.
func (db *DB) current(ctx context.Context, tx *sql.Tx, p packed, members sql.NullString) (sql.NullString, []byte, error) {
	if p.facts == nil {
		return sql.NullString{}, nil, nil
	}
	if replaces(p.readings, members.String) {
		return sql.NullString{String: names(p.readings), Valid: true}, p.facts, nil
	}
	var old []byte
	if err := tx.StmtContext(ctx, db.stmts.facts).QueryRowContext(ctx, p.Host.Name).Scan(&old); err != nil {
		return members, nil, err
	}
	merged, err := merge(old, p.readings)
	if err != nil {
		return members, nil, fmt.Errorf("%s: %w", p.Host.Name, err)
	}
	facts, err := pack(merged)
	return sql.NullString{String: names(merged), Valid: true}, facts, err
}

// Visits returns the ids of the scans that reached the host and whose facts are
// kept, newest first. A host nobody knows has none.
func (db *DB) Visits(ctx context.Context, host string) ([]string, error) {
	scans, err := column(db.read.QueryContext(ctx, `SELECT scan FROM visit WHERE host = ? ORDER BY number DESC`, host))
	if err != nil {
		return nil, fmt.Errorf("read the visits to %s: %w", host, because(err))
	}
	return scans, nil
}

// VisitFacts returns what one scan read on one host. It returns ErrNoVisit when
// that visit is not kept.
func (db *DB) VisitFacts(ctx context.Context, host, scan string) (fact.Set, error) {
	set, err := visitFacts(ctx, db.read, host, scan)
	if err != nil {
		return fact.Set{}, fmt.Errorf("read what scan %s saw on %s: %w", scan, host, err)
	}
	return set, nil
}

func visitFacts(ctx context.Context, db *sql.DB, host, scan string) (fact.Set, error) {
	var set fact.Set
	var facts []byte
	err := db.QueryRowContext(ctx, `SELECT facts FROM visit WHERE host = ? AND scan = ?`, host, scan).Scan(&facts)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoVisit
	}
	if err != nil {
		return set, because(err)
	}
	return set, decode(facts, &set)
}
