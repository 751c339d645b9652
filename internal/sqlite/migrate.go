package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// migrations are the steps from an empty file to this version's shape, in the
// order of their names. A released one is never edited.
//
//go:embed migration/*.sql
var migrations embed.FS

// completions do what SQL cannot, in the transaction of the step they belong to.
var completions = map[string]func(context.Context, *sql.Tx) error{"0003_chain.sql": beginChain}

// applicationID marks the file as ours; the first migration sets it.
const applicationID = 0x6e63616c

// migrate brings the database to this version's shape, each step in its own
// transaction. It returns ErrNotDatabase for another program's database and
// ErrNewer for one that has steps we do not know.
func (db *DB) migrate(ctx context.Context) error {
	names, err := db.due(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := db.apply(ctx, name); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// due are the names of the steps that the database has not been through. One that
// has been through a step of a newer nightcall's is refused.
func (db *DB) due(ctx context.Context) ([]string, error) {
	files, err := migrations.ReadDir("migration")
	if err != nil {
		return nil, err
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.Name()
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range applied {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w: it has been through %s", ErrNewer, strings.TrimSuffix(name, ".sql"))
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(applied, name) }), nil
}

// applied lists the steps that the database has been through. It only reads: a
// file that is refused stays as it is.
func (db *DB) applied(ctx context.Context) ([]string, error) {
	var id, tables int
	var known bool
	err := db.read.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		count(*), coalesce(max(name = 'migration'), 0) FROM sqlite_schema WHERE type = 'table'`).Scan(&id, &tables, &known)
	switch {
	case err != nil:
		return nil, err
	case tables == 0:
		return nil, nil // a new file
	case id != applicationID || !known:
		return nil, fmt.Errorf("%w: it belongs to another program", ErrNotDatabase)
	}
	return column(db.read.QueryContext(ctx, `SELECT name FROM migration ORDER BY name`))
}

// apply runs one step, unless another process has done so meanwhile.
func (db *DB) apply(ctx context.Context, name string) error {
	script, err := migrations.ReadFile("migration/" + name)
	if err != nil {
		return err
	}
	if err := db.writeAhead(ctx); err != nil {
		return err
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`); err != nil {
			return err
		}
		var done bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM migration WHERE name = ?)`, name).Scan(&done)
		if err != nil || done {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(script)); err != nil {
			return err
		}
		if complete := completions[name]; complete != nil {
			if err := complete(ctx, tx); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO migration (name) VALUES (?)`, name)
		return err
	})
}

// writeAhead has the connection that writes, which turns the write-ahead log on
// where it is off. When several processes do that at once, each may stand in the
// way of another; SQLite then returns without waiting, and whoever gave way has to
// come again.
func (db *DB) writeAhead(ctx context.Context) error {
	const again = 5 * time.Millisecond
	for until := time.Now().Add(busyTimeout); ; {
		err := db.write.PingContext(ctx)
		if !errors.Is(because(err), ErrBusy) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// column collects the rows of a query for one text column.
func column(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
