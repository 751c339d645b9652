package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// Append implements timeline.Log. An entry without an id or a date, or whose
// data is not JSON, is refused, and the others with it.
func (db *DB) Append(ctx context.Context, entries ...timeline.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	err := db.change(ctx, func(tx *sql.Tx) error { return db.appendEntries(ctx, tx, entries) })
	if err != nil {
		return fmt.Errorf("append to the timeline: %w", err)
	}
	return nil
}

// acceptable refuses what could not be read back.
func acceptable(e timeline.Entry) error {
	switch {
	case e.ID == "":
		return fmt.Errorf("entry of kind %s: it has no id", e.Kind)
	case e.At.IsZero() || e.Seen.IsZero():
		return fmt.Errorf("entry %s: it has no date", e.ID)
	case len(e.Data) > 0 && !json.Valid(e.Data):
		return fmt.Errorf("entry %s: its data is not JSON", e.ID)
	}
	return nil
}

const selectEntry = `SELECT id, incident, host, at, seen, actor, cause, kind, v, data FROM entry `

// Since implements timeline.Log. It returns ErrNoEntry for an unknown id.
func (db *DB) Since(ctx context.Context, id string) ([]timeline.Entry, error) {
	var entries []timeline.Entry
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		entries, err = since(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the timeline: %w", err)
	}
	return entries, nil
}

func since(ctx context.Context, tx *sql.Tx, id string) ([]timeline.Entry, error) {
	var seen stamp // for the empty id: before every other
	if id != "" {
		err := tx.QueryRowContext(ctx, `SELECT seen FROM entry WHERE id = ?`, id).Scan(&seen)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("entry %q: %w", id, ErrNoEntry)
		}
		if err != nil {
			return nil, err
		}
	}
	rows, err := tx.QueryContext(ctx, selectEntry+`WHERE (seen, id) > (coalesce(?, ''), ?) ORDER BY seen, id`, seen, id)
	if err != nil {
		return nil, err
	}
	return readEntries(rows)
}

func readEntries(rows *sql.Rows) ([]timeline.Entry, error) {
	defer rows.Close()
	var entries []timeline.Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Kinds returns the entries of these kinds that were written down at or after a
// time, in order.
func (db *DB) Kinds(ctx context.Context, after time.Time, kinds ...timeline.Kind) ([]timeline.Entry, error) {
	var entries []timeline.Entry
	err := db.look(ctx, func(tx *sql.Tx) error {
		for _, kind := range kinds {
			rows, err := tx.QueryContext(ctx, selectEntry+`WHERE kind = ? AND seen >= ? ORDER BY seen, id`, string(kind), stamp{after})
			if err != nil {
				return err
			}
			of, err := readEntries(rows)
			if err != nil {
				return err
			}
			entries = append(entries, of...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the timeline: %w", err)
	}
	slices.SortFunc(entries, func(a, b timeline.Entry) int {
		return cmp.Or(a.Seen.Compare(b.Seen), cmp.Compare(a.ID, b.ID))
	})
	return entries, nil
}

// Count is how many entries there are.
func (db *DB) Count(ctx context.Context) (n int, err error) {
	if err = db.read.QueryRowContext(ctx, `SELECT count(*) FROM entry`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the timeline: %w", because(err))
	}
	return n, nil
}

// First returns the earliest entry of a kind, or ErrNoEntry.
func (db *DB) First(ctx context.Context, kind timeline.Kind) (timeline.Entry, error) {
	row := db.read.QueryRowContext(ctx, selectEntry+`WHERE kind = ? ORDER BY seen, id LIMIT 1`, string(kind))
	e, err := scanEntry(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoEntry
	}
	if err != nil {
		return timeline.Entry{}, fmt.Errorf("read the timeline: first %s: %w", kind, because(err))
	}
	return e, nil
}

// scanEntry reads the columns of selectEntry, and those that follow them.
func scanEntry(row interface{ Scan(dest ...any) error }, more ...any) (timeline.Entry, error) {
	var e timeline.Entry
	var at, seen stamp
	var data []byte
	err := row.Scan(append([]any{&e.ID, &e.Incident, &e.Host, &at, &seen, &e.Actor, &e.Trigger, &e.Kind, &e.V, &data}, more...)...)
	if err != nil {
		return timeline.Entry{}, err
	}
	e.At, e.Seen, e.Data = at.Time, seen.Time, data
	if err := acceptable(e); err != nil {
		return timeline.Entry{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return e, nil
}
