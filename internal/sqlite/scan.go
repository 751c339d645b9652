package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Scan is a pass over hosts, remembered so that one which was interrupted can
// be gone on with.
type Scan struct {
	ID       string
	Targets  []string // names, in the order they were given
	Started  time.Time
	Finished bool
	Done     []string // hosts whose visit by this scan is stored, sorted by name
}

// StartScan remembers that a scan has begun. Starting one twice is harmless.
func (db *DB) StartScan(ctx context.Context, id string, targets []string, now time.Time) error {
	list, err := json.Marshal(targets)
	if err == nil {
		err = db.change(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO scan (id, targets, started) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`,
				id, string(list), stamp{now})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("start scan %s: %w", id, err)
	}
	return nil
}

// FinishScan remembers that a scan has visited all its targets. It returns
// ErrNoScan for one that was not started.
func (db *DB) FinishScan(ctx context.Context, id string, now time.Time) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE scan SET finished = ? WHERE id = ?`, stamp{now}, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrNoScan, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish scan %s: %w", id, err)
	}
	return nil
}

// LastScan returns the scan that was started last, or the zero Scan when none
// was.
func (db *DB) LastScan(ctx context.Context) (Scan, error) {
	var s Scan
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		s, err = lastScan(ctx, tx)
		return err
	})
	if err != nil {
		return Scan{}, fmt.Errorf("read the last scan: %w", err)
	}
	return s, nil
}

func lastScan(ctx context.Context, tx *sql.Tx) (Scan, error) {
	var s Scan
	var started stamp
	var targets string
	err := tx.QueryRowContext(ctx, `SELECT id, targets, started, finished IS NOT NULL FROM scan ORDER BY number DESC LIMIT 1`).
		Scan(&s.ID, &targets, &started, &s.Finished)
	if errors.Is(err, sql.ErrNoRows) {
		return Scan{}, nil
	}
	if err != nil {
		return Scan{}, err
	}
	s.Started = started.Time
	if err := json.Unmarshal([]byte(targets), &s.Targets); err != nil {
		return Scan{}, fmt.Errorf("%w: targets of scan %s: %w", ErrCorrupt, s.ID, err)
	}
	s.Done, err = column(tx.QueryContext(ctx, `SELECT name FROM host WHERE scan = ? ORDER BY name`, s.ID))
	return s, err
}
