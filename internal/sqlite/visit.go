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

// SaveVisit stores how a visit to a host ended. Facts that the visit read
// replace the current ones; the others stay (fact.Merge), and the visit's own
// facts are kept under its scan for comparison. A visit that did not reach the
// host (its Seen is zero) says why and leaves what was known: when the host was
// seen, its facts, its keys and algorithms. The entries, which are about this
// visit, are appended with it: all is stored, durably, or nothing.
func (db *DB) SaveVisit(ctx context.Context, h inventory.Host, entries ...timeline.Entry) error {
	readings, err := encodeAll(&h.Facts)
	if err == nil {
		err = db.change(ctx, func(tx *sql.Tx) error { return saveVisit(ctx, tx, h, readings, entries) })
	}
	if err != nil {
		return fmt.Errorf("store the visit to %s: %w", h.Name, err)
	}
	return nil
}

func saveVisit(ctx context.Context, tx *sql.Tx, h inventory.Host, readings []stored, entries []timeline.Entry) error {
	if err := saveHost(ctx, tx, h); err != nil {
		return err
	}
	if err := appendEntries(ctx, tx, entries); err != nil {
		return err
	}
	if len(readings) == 0 && h.Seen.IsZero() {
		return nil
	}
	visit, err := newVisit(ctx, tx, h)
	if err != nil {
		return err
	}
	current, err := merged(ctx, tx, h.Name, readings)
	if err != nil {
		return err
	}
	w, err := newReadingWriter(ctx, tx)
	if err != nil {
		return err
	}
	for _, r := range readings {
		if err := w.save(ctx, h.Name, visit, r, current[r.fact.Name]); err != nil {
			return fmt.Errorf("fact %s: %w", r.fact.Name, err)
		}
	}
	return prune(ctx, tx, h.Name)
}

// saveHost stores everything but the facts.
func saveHost(ctx context.Context, tx *sql.Tx, h inventory.Host) error {
	access, err := json.Marshal(h.Access)
	if err != nil {
		return err
	}
	if h.Seen.IsZero() {
		if access, err = learned(ctx, tx, h, access); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO host (name, access, class, reason, scan, visited, seen, took, root, no_root)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET access = excluded.access, class = excluded.class, reason = excluded.reason,
			scan = excluded.scan, visited = excluded.visited, seen = coalesce(excluded.seen, seen),
			took = excluded.took, root = excluded.root, no_root = excluded.no_root`,
		h.Name, string(access), string(h.Class), h.Reason, h.Scan, stamp{h.Visited}, stamp{h.Seen}, h.Took, h.Root, h.NoRoot)
	return err
}

// learned completes the access of a host that was not reached by what an earlier
// visit to the same address had learned there.
func learned(ctx context.Context, tx *sql.Tx, h inventory.Host, access []byte) ([]byte, error) {
	var text string
	err := tx.QueryRowContext(ctx, `SELECT access FROM host WHERE name = ?`, h.Name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return access, nil
	}
	if err != nil {
		return nil, err
	}
	var old inventory.Access
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		return nil, fmt.Errorf("%w: access of %s: %w", ErrCorrupt, h.Name, err)
	}
	if old.Address != h.Access.Address || old.Port != h.Access.Port || old.Server == "" || h.Access.Server != "" {
		return access, nil
	}
	a := h.Access
	a.HostKeys, a.Server, a.Algorithms, a.Legacy = old.HostKeys, old.Server, old.Algorithms, old.Legacy
	return json.Marshal(a)
}

// newVisit makes room for what this scan read on the host, in place of an
// earlier visit by the same scan.
func newVisit(ctx context.Context, tx *sql.Tx, h inventory.Host) (number int64, err error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM visit WHERE host = ? AND scan = ?`, h.Name, h.Scan); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO visit (host, scan) VALUES (?, ?) RETURNING number`, h.Name, h.Scan).Scan(&number)
	return number, err
}

// merged tells which of the readings become current, by name. The rule is that
// of fact.Merge, applied to sets that hold states and no values.
func merged(ctx context.Context, tx *sql.Tx, host string, readings []stored) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT fact, state FROM current WHERE host = ?`, host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var old, fresh fact.Set
	for rows.Next() {
		var name string
		var state fact.State
		if err := rows.Scan(&name, &state); err != nil {
			return nil, err
		}
		if f, known := fact.Lookup(name); known {
			if err := mark(f, &old, state, "old"); err != nil {
				return nil, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, r := range readings {
		if err := mark(r.fact, &fresh, r.state, "fresh"); err != nil {
			return nil, err
		}
	}
	result := fact.Merge(old, fresh)
	current := map[string]bool{}
	for _, r := range readings {
		current[r.fact.Name] = r.fact.Status(&result).Source == "fresh"
	}
	return current, nil
}

// mark gives a fact a state, and a source to know it by.
func mark(f fact.Fact, set *fact.Set, state fact.State, source string) error {
	text, err := json.Marshal(map[string]string{"state": string(state), "source": source})
	if err != nil {
		return err
	}
	return f.Decode(text, set)
}

// prune forgets the facts of all but the last visits. The current ones stay.
func prune(ctx context.Context, tx *sql.Tx, host string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM visit WHERE host = ?1 AND number NOT IN
		(SELECT number FROM visit WHERE host = ?1 ORDER BY number DESC LIMIT ?2)`, host, keptVisits)
	return err
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
	var set fact.Set
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		set, err = visitFacts(ctx, tx, host, scan)
		return err
	})
	if err != nil {
		return fact.Set{}, fmt.Errorf("read what scan %s saw on %s: %w", scan, host, err)
	}
	return set, nil
}

func visitFacts(ctx context.Context, tx *sql.Tx, host, scan string) (fact.Set, error) {
	var visit int64
	err := tx.QueryRowContext(ctx, `SELECT number FROM visit WHERE host = ? AND scan = ?`, host, scan).Scan(&visit)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoVisit
	}
	if err != nil {
		return fact.Set{}, err
	}
	var set fact.Set
	err = eachFact(ctx, tx, func(string) *fact.Set { return &set },
		`SELECT '', fact, at, size, zip, data FROM reading JOIN blob ON blob.id = reading.blob WHERE visit = ?`, visit)
	return set, err
}
