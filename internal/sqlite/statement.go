package sqlite

import (
	"context"
	"database/sql"
)

// statements are those that every visit runs. Reading SQL costs more than
// running it, so they are read once.
type statements struct {
	known, facts, host, visit, prune, entry, ours, advance *sql.Stmt
}

// prepare reads the statements. They end with the database.
func (db *DB) prepare(ctx context.Context) error {
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&db.stmts.known, `SELECT access, members FROM host WHERE name = ?`},
		{&db.stmts.facts, `SELECT facts FROM host WHERE name = ?`},
		{&db.stmts.host, `INSERT INTO host (name, access, class, reason, scan, visited, seen, took, root, no_root, members, facts)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET access = excluded.access, class = excluded.class, reason = excluded.reason,
				scan = excluded.scan, visited = excluded.visited, seen = coalesce(excluded.seen, seen),
				took = excluded.took, root = excluded.root, no_root = excluded.no_root,
				members = coalesce(excluded.members, members), facts = coalesce(excluded.facts, facts)`},
		{&db.stmts.visit, `INSERT OR REPLACE INTO visit (host, scan, facts) VALUES (?, ?, ?)`},
		{&db.stmts.prune, `DELETE FROM visit WHERE host = ?1 AND number NOT IN
			(SELECT number FROM visit WHERE host = ?1 ORDER BY number DESC LIMIT ?2)`},
		{&db.stmts.entry, `INSERT INTO entry (id, incident, host, at, seen, actor, cause, kind, v, data, journal, number, prev, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`},
		{&db.stmts.ours, `SELECT id, number, hash FROM journal WHERE ours`},
		{&db.stmts.advance, `INSERT INTO journal (id, ours, number, hash) VALUES (?, 0, ?, ?)
			ON CONFLICT (id) DO UPDATE SET number = excluded.number, hash = excluded.hash WHERE excluded.number > number`},
	} {
		stmt, err := db.write.PrepareContext(ctx, s.text)
		if err != nil {
			return err
		}
		*s.stmt = stmt
	}
	return nil
}
