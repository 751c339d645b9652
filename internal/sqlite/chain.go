package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A Journal is what one copy of the incident wrote.
type Journal struct {
	timeline.Seal      // of its last entry
	Ours          bool // it is this database's own
	Entries       int  // of it that are here
}

// beginChain completes the migration that brought seals: it gives the database a
// journal, and the entries that it had a seal each. Those are in no chain, so
// that two laptops give the same entry the same seal.
func beginChain(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO journal (id, ours, number) VALUES (?, 1, 0)`, timeline.NewJournal()); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, selectEntry)
	if err != nil {
		return err
	}
	entries, err := readEntries(rows)
	if err != nil {
		return err
	}
	update, err := tx.PrepareContext(ctx, `UPDATE entry SET hash = ? WHERE id = ?`)
	if err != nil {
		return err
	}
	defer update.Close()
	for _, e := range entries {
		alone, err := e.Alone()
		if err != nil {
			return err
		}
		if _, err := update.ExecContext(ctx, digest(alone.Seal.Hash), e.ID); err != nil {
			return err
		}
	}
	return nil
}

// appendEntries makes entries the next ones of our journal.
func (db *DB) appendEntries(ctx context.Context, tx *sql.Tx, entries []timeline.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	last, err := scanSeal(tx.StmtContext(ctx, db.stmts.ours).QueryRowContext(ctx))
	if err != nil {
		return fmt.Errorf("our journal: %w", err)
	}
	for _, e := range entries {
		next, err := e.Follow(last)
		if err != nil {
			return err
		}
		added, err := db.insert(ctx, tx, next)
		if err != nil {
			return err
		}
		if added {
			last = next.Seal
		}
	}
	return db.advance(ctx, tx, last)
}

// Merge stores entries that another copy of the incident wrote, with the seals
// that they have there. One that is here already stays as it is. It returns how
// many were not.
func (db *DB) Merge(ctx context.Context, entries ...timeline.Sealed) (added int, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		last := map[string]timeline.Seal{}
		for _, e := range entries {
			if e.Seal.Hash == "" { // from before there were seals
				if e, err = e.Alone(); err != nil {
					return err
				}
			}
			isNew, err := db.insert(ctx, tx, e)
			if err != nil {
				return err
			}
			if isNew {
				added++
			}
			if e.Seal.Number > last[e.Seal.Journal].Number {
				last[e.Seal.Journal] = e.Seal
			}
		}
		for _, s := range last {
			if err := db.advance(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("merge into the timeline: %w", err)
	}
	return added, nil
}

// insert stores an entry, and tells whether it was new.
func (db *DB) insert(ctx context.Context, tx *sql.Tx, e timeline.Sealed) (bool, error) {
	if err := acceptable(e.Entry); err != nil {
		return false, err
	}
	result, err := tx.StmtContext(ctx, db.stmts.entry).ExecContext(ctx,
		e.ID, e.Incident, e.Host, stamp{e.At}, stamp{e.Seen}, e.Actor, string(e.Trigger), string(e.Kind), e.V, []byte(e.Data),
		e.Seal.Journal, e.Seal.Number, digest(e.Seal.Prev), digest(e.Seal.Hash))
	if err != nil {
		return false, fmt.Errorf("entry %s: %w", e.ID, err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// advance remembers the last seal of a journal, unless a later one is known.
func (db *DB) advance(ctx context.Context, tx *sql.Tx, last timeline.Seal) error {
	_, err := tx.StmtContext(ctx, db.stmts.advance).ExecContext(ctx, last.Journal, last.Number, digest(last.Hash))
	return err
}

// Journals returns the journals whose entries are here, by id.
func (db *DB) Journals(ctx context.Context) ([]Journal, error) {
	var all []Journal
	err := db.look(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, number, hash, ours,
			(SELECT count(*) FROM entry WHERE journal = journal.id) FROM journal ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var j Journal
			var hash []byte
			if err := rows.Scan(&j.Journal, &j.Number, &hash, &j.Ours, &j.Entries); err != nil {
				return err
			}
			j.Hash = hex.EncodeToString(hash)
			all = append(all, j)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read the journals: %w", err)
	}
	return all, nil
}

// Sealed returns all entries with their seals, in order. What follows an error
// is not read.
func (db *DB) Sealed(ctx context.Context) iter.Seq2[timeline.Sealed, error] {
	return func(yield func(timeline.Sealed, error) bool) {
		rows, err := db.read.QueryContext(ctx, `SELECT id, incident, host, at, seen, actor, cause, kind, v, data, journal, number, prev, hash
			FROM entry ORDER BY seen, id`)
		if err != nil {
			yield(timeline.Sealed{}, fmt.Errorf("read the timeline: %w", because(err)))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var s timeline.Sealed
			var prev, hash []byte
			s.Entry, err = scanEntry(rows, &s.Seal.Journal, &s.Seal.Number, &prev, &hash)
			s.Seal.Prev, s.Seal.Hash = hex.EncodeToString(prev), hex.EncodeToString(hash)
			if !yield(s, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(timeline.Sealed{}, fmt.Errorf("read the timeline: %w", because(err)))
		}
	}
}

func scanSeal(row *sql.Row) (timeline.Seal, error) {
	var s timeline.Seal
	var hash []byte
	err := row.Scan(&s.Journal, &s.Number, &hash)
	s.Hash = hex.EncodeToString(hash)
	return s, err
}

// digest is a hash as it is stored; what is none is stored as none, and Verify
// says so.
func digest(hexadecimal string) []byte {
	raw, err := hex.DecodeString(hexadecimal)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}
