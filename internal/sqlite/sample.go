package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A Sample is what one visit read of a host's sockets and addresses.
type Sample struct {
	Host       string
	Sockets    fact.Observed[fact.Sockets]
	Interfaces fact.Observed[[]fact.Interface]
}

// Samples calls each with the sockets that the kept visits read, the newest
// first. What does not decode is an error.
func (db *DB) Samples(ctx context.Context, each func(Sample)) error {
	err := db.look(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT host, facts FROM visit ORDER BY number DESC`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			s, err := scanSample(rows)
			if err != nil {
				return err
			}
			if s.Sockets.Known() {
				each(s)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read the sockets of visits: %w", err)
	}
	return nil
}

func scanSample(rows *sql.Rows) (Sample, error) {
	var s Sample
	var facts sql.RawBytes
	if err := rows.Scan(&s.Host, &facts); err != nil {
		return s, err
	}
	text, err := unpack(facts)
	if err == nil {
		var set struct {
			Sockets    *fact.Observed[fact.Sockets]     `json:"sockets"`
			Interfaces *fact.Observed[[]fact.Interface] `json:"interfaces"`
		}
		set.Sockets, set.Interfaces = &s.Sockets, &s.Interfaces
		err = parse(text, &set)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.Host, err)
	}
	return s, err
}
