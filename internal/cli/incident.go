package cli

import (
	"context"

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
func (a *app) openCurrent(ctx context.Context) (*openIncident, error) { panic("replaced") }

// Close closes the incident's database.
func (i *openIncident) Close() error { return i.DB.Close() }

// Append writes one entry to the timeline, durably, before it returns.
func (i *openIncident) Append(ctx context.Context, kind timeline.Kind, host string, data any) error {
	panic("replaced")
}

// Fleet returns every host with its current facts.
func (i *openIncident) Fleet(ctx context.Context) (inventory.Fleet, error) { panic("replaced") }
