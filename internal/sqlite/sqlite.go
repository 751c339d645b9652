// Package sqlite is the incident database: migrations, the timeline, the
// inventory and the facts of every scan.
package sqlite

import (
	"context"
	"database/sql"

	_ "modernc.org/sqlite" // the driver

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// DB is one incident's database.
type DB struct{ sql *sql.DB }

var _ timeline.Log = (*DB)(nil)

// Open opens or creates the database and brings it to this version's shape.
func Open(ctx context.Context, path string) (*DB, error) { panic("replaced") }

// Close closes the database.
func (db *DB) Close() error { return db.sql.Close() }

// Append implements timeline.Log.
func (db *DB) Append(ctx context.Context, entries ...timeline.Entry) error { panic("replaced") }

// Since implements timeline.Log.
func (db *DB) Since(ctx context.Context, id string) ([]timeline.Entry, error) { panic("replaced") }

// SaveVisit stores how a visit to a host ended. Facts that the visit read
// replace the current ones; the others stay (fact.Merge), and the visit's own
// facts are kept under its scan for comparison.
func (db *DB) SaveVisit(ctx context.Context, h inventory.Host) error { panic("replaced") }

// Hosts returns every host with its current facts, sorted by name.
func (db *DB) Hosts(ctx context.Context) ([]inventory.Host, error) { panic("replaced") }

// Host returns one host. It returns ErrNoHost when the incident knows none of
// that name.
func (db *DB) Host(ctx context.Context, name string) (inventory.Host, error) { panic("replaced") }

// Visits returns the ids of the scans that reached the host, newest first.
func (db *DB) Visits(ctx context.Context, host string) ([]string, error) { panic("replaced") }

// VisitFacts returns what one scan read on one host.
func (db *DB) VisitFacts(ctx context.Context, host, scan string) (fact.Set, error) {
	panic("replaced")
}
