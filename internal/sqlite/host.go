package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// Hosts returns every host with its current facts, sorted by name. Facts that
// this version does not know are left out.
func (db *DB) Hosts(ctx context.Context) ([]inventory.Host, error) {
	var hosts []inventory.Host
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		hosts, err = selectHosts(ctx, tx, "facts", "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the hosts: %w", err)
	}
	return hosts, nil
}

// Roster returns every host without its facts, sorted by name: how each is
// reached and how its last visit ended. Facts are nearly all of what a host
// weighs and costs to read.
func (db *DB) Roster(ctx context.Context) ([]inventory.Host, error) {
	var hosts []inventory.Host
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		hosts, err = selectHosts(ctx, tx, "NULL", "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how the hosts are reached: %w", err)
	}
	return hosts, nil
}

// Host returns one host. It returns ErrNoHost when the incident knows none of
// that name.
func (db *DB) Host(ctx context.Context, name string) (inventory.Host, error) {
	var hosts []inventory.Host
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		hosts, err = selectHosts(ctx, tx, "facts", ` WHERE host.name = ?`, name)
		return err
	})
	if err == nil && len(hosts) == 0 {
		err = ErrNoHost
	}
	if err != nil {
		return inventory.Host{}, fmt.Errorf("host %s: %w", name, err)
	}
	return hosts[0], nil
}

// selectHosts reads hosts, sorted by name, with the facts of an expression.
func selectHosts(ctx context.Context, tx *sql.Tx, facts, where string, args ...any) ([]inventory.Host, error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, access, class, reason, scan, visited, seen, took, root, no_root,
		`+facts+` IS NOT NULL, `+facts+`
		FROM host`+where+` ORDER BY name`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hosts []inventory.Host
	for rows.Next() {
		h, err := scanHost(rows)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	return hosts, rows.Err()
}

func scanHost(rows *sql.Rows) (inventory.Host, error) {
	var h inventory.Host
	var access, facts sql.RawBytes
	var visited, seen stamp
	var known bool // the driver reads an empty value like none
	err := rows.Scan(&h.Name, &access, &h.Class, &h.Reason, &h.Scan, &visited, &seen, &h.Took, &h.Root, &h.NoRoot, &known, &facts)
	if err != nil {
		return h, err
	}
	h.Visited, h.Seen = visited.Time, seen.Time
	if err := json.Unmarshal(access, &h.Access); err != nil {
		return h, fmt.Errorf("%w: access of %s: %w", ErrCorrupt, h.Name, err)
	}
	if !known { // never reached
		return h, nil
	}
	if err := decode(facts, &h.Facts); err != nil {
		return h, fmt.Errorf("%s: %w", h.Name, err)
	}
	return h, nil
}
