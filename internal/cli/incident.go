package cli

import (
	"context"
	"path/filepath"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// An openIncident is the incident a command works on.
type openIncident struct {
	ID  string
	Dir string // the incident's directory
	DB  *sqlite.DB
	app *app
}

// openCurrent opens the incident that --incident, $NIGHTCALL_INCIDENT or the
// last `open` or `use` names. The caller closes it.
func (a *app) openCurrent(ctx context.Context) (*openIncident, error) {
	dir := a.incident
	if dir == "" {
		dir = a.getenv("NIGHTCALL_INCIDENT")
	}
	db, err := sqlite.Open(ctx, filepath.Join(dir, "incident.db"))
	if err != nil {
		return nil, err
	}
	return &openIncident{ID: "x", Dir: dir, DB: db, app: a}, nil
}

// Close closes the incident's database.
func (i *openIncident) Close() error { return i.DB.Close() }

// Append writes one entry to the timeline, durably, before it returns.
func (i *openIncident) Append(ctx context.Context, kind timeline.Kind, host string, data any) error {
	e, err := timeline.New(i.ID, "me", kind, i.app.now(), data)
	if err != nil {
		return err
	}
	return i.DB.Append(ctx, e.About(host))
}

// Fleet returns every host with its current facts.
func (i *openIncident) Fleet(ctx context.Context) (inventory.Fleet, error) {
	hosts, err := i.DB.Hosts(ctx)
	return inventory.Fleet{Hosts: hosts}, err
}
