package cli

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/incident"
)

func newListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		GroupID: groupIncident,
		Short:   "List the incidents on this laptop",
		Long: `List the incidents of $NIGHTCALL_HOME, oldest first. The one that commands work on is
marked, also when it is elsewhere. An incident that cannot be read is listed with the
reason in place of its title.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incidents cannot be listed
  2  usage`,
		Example: `  nightcall list
  nightcall list --json | jq -r '.incidents[] | select(.state == "open") | .dir'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runList(cmd.Context(), a) },
	}
}

// A listedIncident is an incident in the JSON of the list. State is open, closed
// or unreadable.
type listedIncident struct {
	Name    string     `json:"name"`
	Dir     string     `json:"dir"`
	Current bool       `json:"current"`
	State   string     `json:"state"`
	Title   string     `json:"title"`
	Opened  *time.Time `json:"opened"`
	Closed  *time.Time `json:"closed"`
	Hosts   int        `json:"hosts"`
	Error   string     `json:"error,omitempty"`
}

const stateUnreadable = "unreadable"

func runList(ctx context.Context, a *app) error {
	dirs, current, err := a.incidentDirs()
	if err != nil {
		return err
	}
	rows := []listedIncident{}
	for _, dir := range dirs {
		row := a.listed(ctx, dir)
		row.Current = dir == current
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b listedIncident) int { return a.sortKey().Compare(b.sortKey()) })
	if a.json {
		return printJSON(a.io, map[string]any{"incidents": rows})
	}
	if len(rows) == 0 {
		a.say(`no incident yet: nightcall open "what is wrong"`)
	}
	table := newTable(a.io, "CURRENT", "NAME", "STATE", "OPENED", "HOSTS", "TITLE")
	for _, r := range rows {
		table.row(r.cells(a)...)
	}
	return table.flush()
}

// incidentDirs lists the directories of all incidents, with the current one.
func (a *app) incidentDirs() (dirs []string, current string, err error) {
	h, err := home.Find(a.getenv)
	if err != nil {
		return nil, "", withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	if dirs, err = h.List(); err != nil {
		return nil, "", withHint(err, "export NIGHTCALL_HOME=DIR has incidents looked for elsewhere")
	}
	current, err = a.currentDir()
	if err != nil {
		return dirs, "", nil // there need be none
	}
	if !slices.Contains(dirs, current) {
		dirs = append(dirs, current)
	}
	return dirs, current, nil
}

// listed reads one incident; what cannot be read is told and not an error.
func (a *app) listed(ctx context.Context, dir string) listedIncident {
	row := listedIncident{Name: filepath.Base(dir), Dir: dir, State: stateUnreadable}
	i, err := a.readIncident(ctx, dir)
	if err != nil {
		row.Error = err.Error()
		return row
	}
	row.State, row.Title, row.Hosts = string(i.State), i.Title, i.HostCount()
	row.Opened, row.Closed = someTime(i.Opened.At), someTime(i.Closed.At)
	return row
}

// readIncident folds the timeline of an incident that is not kept open.
func (a *app) readIncident(ctx context.Context, dir string) (incident.Incident, error) {
	i, err := a.openDir(ctx, dir)
	if err != nil {
		return incident.Incident{}, err
	}
	defer i.Close()
	return i.fold(ctx)
}

func (i *openIncident) fold(ctx context.Context) (incident.Incident, error) {
	entries, err := i.DB.Since(ctx, "")
	return incident.Fold(entries), err
}

// someTime is nil for the zero time, which JSON has as null.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// sortKey is when it was opened; what cannot be read comes first.
func (r listedIncident) sortKey() time.Time {
	if r.Opened == nil {
		return time.Time{}
	}
	return *r.Opened
}

func (r listedIncident) cells(a *app) []string {
	mark := ""
	if r.Current {
		mark = "*"
	}
	if r.State == stateUnreadable {
		return []string{mark, r.Name, r.State, unknownCell, unknownCell, r.Error}
	}
	return []string{mark, r.Name, r.State, a.momentText(*r.Opened), strconv.Itoa(r.Hosts), r.Title}
}
