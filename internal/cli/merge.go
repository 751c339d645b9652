package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/bundle"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newImportCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "import FILE",
		GroupID: groupIncident,
		Short:   "Join an incident that another laptop exported",
		Long: `Make an incident of a file that "nightcall export incident" wrote on another laptop, and
make it the current one. It is the same incident: what both laptops write is brought
together by "nightcall merge", without a server.

EXIT STATUS
  0  the incident is there
  1  the file is not an incident, is cut off, or the incident is here already
  2  usage`,
		Example: `  nightcall import /media/usb/checkout.jsonl`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runImport(cmd.Context(), a, args[0]) },
	}
}

func runImport(ctx context.Context, a *app, file string) error {
	b, err := readBundle(file)
	if err != nil {
		return err
	}
	h, err := home.Find(a.getenv)
	if err != nil {
		return withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	if dir := a.holding(ctx, b.ID); dir != "" {
		return withHint(fmt.Errorf("this incident is here already, in %s", dir), "nightcall --incident %s merge %s", dir, file)
	}
	dir, err := a.createIncident(ctx, h, b.Title, func(db *sqlite.DB) error {
		if err := db.Append(ctx, b.Entries...); err != nil {
			return err
		}
		if _, err := db.First(ctx, timeline.IncidentOpened); err != nil {
			return fmt.Errorf("%s: %w: it has no beginning", file, bundle.ErrNotBundle)
		}
		_, err := mergeHosts(ctx, db, b.Hosts)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.SetCurrent(dir); err != nil {
		return withHint(err, "nightcall use %s", dir)
	}
	if a.json {
		return printJSON(a.io, map[string]any{"id": b.ID, "name": filepath.Base(dir), "dir": dir, "title": b.Title, "entries": len(b.Entries), "hosts": len(b.Hosts)})
	}
	a.say("incident joined: %s: %d entries, %s", printable(b.Title), len(b.Entries), plural(len(b.Hosts), "host"))
	a.warnOverride(dir)
	_, err = fmt.Fprintln(a.io.Out, dir)
	return err
}

// holding is the directory of the incident with this id, or empty.
func (a *app) holding(ctx context.Context, id string) string {
	dirs, _, _ := a.incidentDirs()
	for _, dir := range dirs {
		i, err := a.openDir(ctx, dir)
		if err != nil {
			continue
		}
		_ = i.Close()
		if i.ID == id {
			return dir
		}
	}
	return ""
}

func newMergeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "merge FILE|DIR",
		GroupID: groupIncident,
		Short:   "Bring in what another laptop wrote about this incident",
		Long: `Add what another laptop wrote about the same incident: from a file of "nightcall export
incident", or from the directory of an incident. Entries are told apart by their id, so
nothing is lost and nothing doubled, however often and in whatever order laptops merge.
Of a host the later visit stands; what only the earlier one read stays known.

EXIT STATUS
  0  both are one now, also when there was nothing new
  1  it is not an incident, or another one
  2  usage`,
		Example: `  nightcall merge /media/usb/checkout.jsonl`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runMerge(cmd.Context(), a, args[0]) },
	}
}

func runMerge(ctx context.Context, a *app, source string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	b, err := a.other(ctx, source)
	if err != nil {
		return err
	}
	if b.ID != i.ID {
		return withHint(fmt.Errorf("%s is another incident: %s", source, printable(b.Title)), "nightcall import %s", source)
	}
	added, hosts, err := i.merge(ctx, b, source)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"from": source, "entries": added, "hosts": hosts})
	}
	a.say("merged from %s: %d entries were new, %s", printable(source), added, plural(hosts, "host"))
	return nil
}

// other reads the other laptop's incident.
func (a *app) other(ctx context.Context, source string) (bundle.Bundle, error) {
	info, err := os.Stat(source)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if !info.IsDir() {
		return readBundle(source)
	}
	i, err := a.openDir(ctx, source)
	if err != nil {
		return bundle.Bundle{}, err
	}
	defer i.Close()
	return i.bundle(ctx)
}

func readBundle(file string) (bundle.Bundle, error) {
	f, err := os.Open(file)
	if err != nil {
		return bundle.Bundle{}, err
	}
	defer f.Close()
	b, err := bundle.Read(f)
	if err != nil {
		return b, withHint(fmt.Errorf("%s: %w", file, err), "nightcall export incident -o FILE writes one")
	}
	return b, nil
}

// merge adds what is not there, and tells how many entries and hosts that were.
func (i *openIncident) merge(ctx context.Context, b bundle.Bundle, source string) (added, hosts int, err error) {
	before, err := i.DB.Count(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := i.DB.Append(ctx, b.Entries...); err != nil {
		return 0, 0, err
	}
	after, err := i.DB.Count(ctx)
	if err != nil {
		return 0, 0, err
	}
	if hosts, err = mergeHosts(ctx, i.DB, b.Hosts); err != nil {
		return 0, 0, err
	}
	added = after - before
	if added == 0 && hosts == 0 {
		return 0, 0, nil
	}
	return added, hosts, i.Append(ctx, timeline.IncidentMerged, "", timeline.Merge{From: source, Entries: added, Hosts: hosts})
}

// mergeHosts stores visits that are not there, each in its place: of two visits
// to a host the earlier one is stored first.
func mergeHosts(ctx context.Context, db *sqlite.DB, hosts []inventory.Host) (changed int, err error) {
	known, err := db.Hosts(ctx)
	if err != nil {
		return 0, err
	}
	fleet := inventory.Fleet{Hosts: known}
	for _, h := range hosts {
		if h.Name == "" || h.Visited.IsZero() {
			return changed, errors.New("a host without a name or a visit")
		}
		visits := []sqlite.Visit{{Host: h}}
		if ours, found := fleet.Find(h.Name); found {
			scans, err := db.Visits(ctx, h.Name)
			if err != nil {
				return changed, err
			}
			later := ours.Visited.After(h.Visited)
			if ours.Scan == h.Scan && !h.Visited.After(ours.Visited) || later && (h.Seen.IsZero() || slices.Contains(scans, h.Scan)) {
				continue // it tells nothing new
			}
			if later {
				visits = append(visits, sqlite.Visit{Host: ours})
			}
		}
		if err := db.SaveVisits(ctx, visits); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
