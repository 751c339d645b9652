package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// Hosts returns every host with its current facts, sorted by name. Facts that
// this version does not know are left out.
func (db *DB) Hosts(ctx context.Context) ([]inventory.Host, error) {
	var hosts []inventory.Host
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		hosts, err = selectHosts(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the hosts: %w", err)
	}
	return hosts, nil
}

// Host returns one host. It returns ErrNoHost when the incident knows none of
// that name.
func (db *DB) Host(ctx context.Context, name string) (inventory.Host, error) {
	var hosts []inventory.Host
	err := db.look(ctx, func(tx *sql.Tx) (err error) {
		hosts, err = selectHosts(ctx, tx, ` WHERE host.name = ?`, name)
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

// selectHosts reads hosts with their facts, sorted by name.
func selectHosts(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]inventory.Host, error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, access, class, reason, scan, visited, seen, took, root, no_root
		FROM host`+where+` ORDER BY name`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hosts []inventory.Host
	index := map[string]int{}
	for rows.Next() {
		h, err := scanHost(rows)
		if err != nil {
			return nil, err
		}
		index[h.Name] = len(hosts)
		hosts = append(hosts, h)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	err = eachFact(ctx, tx, func(name string) *fact.Set { return &hosts[index[name]].Facts },
		`SELECT host.name, fact, at, size, zip, data FROM current
		JOIN host ON host.name = current.host JOIN blob ON blob.id = current.blob`+where, args...)
	return hosts, err
}

func scanHost(rows *sql.Rows) (inventory.Host, error) {
	var h inventory.Host
	var access string
	var visited, seen stamp
	err := rows.Scan(&h.Name, &access, &h.Class, &h.Reason, &h.Scan, &visited, &seen, &h.Took, &h.Root, &h.NoRoot)
	if err != nil {
		return h, err
	}
	h.Visited, h.Seen = visited.Time, seen.Time
	if err := json.Unmarshal([]byte(access), &h.Access); err != nil {
		return h, fmt.Errorf("%w: access of %s: %w", ErrCorrupt, h.Name, err)
	}
	return h, nil
}

// eachFact decodes the facts that a query for host, fact, at, size, zip and data
// finds, each into the set of its host.
func eachFact(ctx context.Context, tx *sql.Tx, set func(host string) *fact.Set, query string, args ...any) error {
	known := map[string]fact.Fact{}
	for _, f := range fact.All() {
		known[f.Name] = f
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var host, name string
		var s stored
		var size int64
		var zip bool
		var data sql.RawBytes
		if err := rows.Scan(&host, &name, &s.at, &size, &zip, &data); err != nil {
			return err
		}
		f, ok := known[name]
		if !ok {
			continue
		}
		s.fact = f
		if s.json, err = unpack(data, zip, size); err != nil {
			return err
		}
		if err := s.decode(set(host)); err != nil {
			return err
		}
	}
	return rows.Err()
}
