package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
)

// A readingWriter stores the facts of one visit. Its statements are read once
// and not for each fact; they end with the transaction.
type readingWriter struct {
	find, blob, reading, current *sql.Stmt

	packer packer
}

func newReadingWriter(ctx context.Context, tx *sql.Tx) (*readingWriter, error) {
	var w readingWriter
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.find, `SELECT id FROM blob WHERE hash = ?`},
		{&w.blob, `INSERT INTO blob (hash, size, zip, data) VALUES (?, ?, ?, ?) RETURNING id`},
		{&w.reading, `INSERT INTO reading (visit, fact, at, blob) VALUES (?, ?, ?, ?)`},
		{&w.current, `INSERT INTO current (host, fact, state, at, blob) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (host, fact) DO UPDATE SET state = excluded.state, at = excluded.at, blob = excluded.blob`},
	} {
		stmt, err := tx.PrepareContext(ctx, s.text)
		if err != nil {
			return nil, err
		}
		*s.stmt = stmt
	}
	return &w, nil
}

// save stores what the visit read, also as what is current where it is.
func (w *readingWriter) save(ctx context.Context, host string, visit int64, r stored, current bool) error {
	blob, err := w.put(ctx, r.json)
	if err != nil {
		return err
	}
	if _, err := w.reading.ExecContext(ctx, visit, r.fact.Name, r.at, blob); err != nil || !current {
		return err
	}
	_, err = w.current.ExecContext(ctx, host, r.fact.Name, string(r.state), r.at, blob)
	return err
}

// put stores JSON, unless an equal one is there, and returns its id.
func (w *readingWriter) put(ctx context.Context, text []byte) (id int64, err error) {
	hash := sha256.Sum256(text)
	err = w.find.QueryRowContext(ctx, hash[:]).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	data, zip, err := w.packer.pack(text)
	if err != nil {
		return 0, err
	}
	err = w.blob.QueryRowContext(ctx, hash[:], len(text), zip, data).Scan(&id)
	return id, err
}
