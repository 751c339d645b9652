package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/bundle"
	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newImportCmd(a *app) *cobra.Command {
	var identity string
	cmd := &cobra.Command{
		Use:     "import FILE",
		GroupID: groupIncident,
		Short:   "Join an incident that another laptop exported",
		Long: `Make an incident of a file that "nightcall export incident" wrote on another laptop, and
make it the current one, with its host keys and its evidence. It is the same incident: what
both laptops write is brought together by "nightcall merge", without a server. A copy that
was made with --redact becomes an incident of its own, to look at.

EXIT STATUS
  0  the incident is there
  1  the file is not an incident, is cut off, or the incident is here already
  2  usage`,
		Example: `  nightcall import /media/usb/checkout.jsonl
  nightcall import checkout.age --identity ~/.ssh/id_ed25519`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd.Context(), a, args[0], identity) },
	}
	identityFlag(cmd, &identity)
	return cmd
}

func runImport(ctx context.Context, a *app, file, identity string) error {
	r, err := a.readBundle(ctx, file, identity)
	if err != nil {
		return err
	}
	defer r.Close()
	h, err := home.Find(a.getenv)
	if err != nil {
		return withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	if dir := a.holding(ctx, r.ID); dir != "" {
		return withHint(fmt.Errorf("this incident is here already, in %s", dir), "nightcall --incident %s merge %s", dir, file)
	}
	var b bundle.Bundle
	dir, err := a.createIncident(ctx, h, r.Title, func(dir string, db *sqlite.DB) error {
		var err error
		b, err = r.into(ctx, dir, db)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.SetCurrent(dir); err != nil {
		return withHint(err, "nightcall use %s", dir)
	}
	if a.json {
		return printJSON(a.io, map[string]any{"id": b.ID, "name": filepath.Base(dir), "dir": dir, "title": b.Title, "entries": len(b.Entries), "hosts": len(b.Hosts), "files": len(b.Files)})
	}
	a.say("incident joined: %s: %d entries, %s, %s", printable(b.Title), len(b.Entries), plural(len(b.Hosts), "host"), plural(len(b.Files), "file"))
	a.warnOverride(dir)
	_, err = fmt.Fprintln(a.io.Out, dir)
	return err
}

// A bundleReader reads a file of somebody else.
type bundleReader struct {
	*bundle.Reader
	file *os.File
}

// Close closes the file.
func (r bundleReader) Close() error { return r.file.Close() }

// into fills a new incident.
func (r bundleReader) into(ctx context.Context, dir string, db *sqlite.DB) (bundle.Bundle, error) {
	b, err := r.Rest(keepIn(filepath.Join(dir, home.Evidence)))
	if err != nil {
		return b, r.unreadable(err)
	}
	if _, err := db.Merge(ctx, b.Entries...); err != nil {
		return b, err
	}
	if _, err := db.First(ctx, timeline.IncidentOpened); err != nil {
		return b, fmt.Errorf("%s: %w: it has no beginning", r.file.Name(), bundle.ErrNotBundle)
	}
	if _, err := mergeHosts(ctx, db, b.Hosts); err != nil {
		return b, err
	}
	_, err = addKnownHosts(dir, b.KnownHosts)
	return b, err
}

func (r bundleReader) unreadable(err error) error { return unreadable(r.file.Name(), err) }

func unreadable(file string, err error) error {
	return withHint(fmt.Errorf("%s: %w", file, err), "nightcall export incident -o FILE writes one")
}

// keepIn keeps the files of a bundle that are not in the directory.
func keepIn(dir string) func(timeline.EvidenceFile, io.Reader) error {
	return func(f timeline.EvidenceFile, content io.Reader) error {
		if err := evidence.CheckName(f); err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(dir, f.Name)); err == nil {
			return nil
		}
		kept, err := evidence.Keep(dir, f.Name[strings.Index(f.Name, "-")+1:], content)
		if err != nil || kept.Name == f.Name && kept.SHA256 == f.SHA256 {
			return err
		}
		return errors.Join(fmt.Errorf("%s: %w: its content has another hash", f.Name, bundle.ErrNotBundle), os.Remove(filepath.Join(dir, kept.Name)))
	}
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
	var identity string
	cmd := &cobra.Command{
		Use:     "merge FILE|DIR",
		GroupID: groupIncident,
		Short:   "Bring in what another laptop wrote about this incident",
		Long: `Add what another laptop wrote about the same incident: from a file of "nightcall export
incident", or from the directory of an incident. Entries are told apart by their id and
files by their content, so nothing is lost and nothing doubled, however often and in
whatever order laptops merge. Of a host the later visit stands; what only the earlier one
read stays known. A host key that contradicts one of ours is left out, and named. What was
merged is verified.

EXIT STATUS
  0  both are one now, also when there was nothing new
  1  it is not an incident, or another one, or what came is not as it was written
  2  usage`,
		Example: `  nightcall merge /media/usb/checkout.jsonl
  nightcall merge checkout.age --identity ~/.ssh/id_ed25519`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(cmd.Context(), a, args[0], identity) },
	}
	identityFlag(cmd, &identity)
	return cmd
}

func identityFlag(cmd *cobra.Command, identity *string) {
	cmd.Flags().StringVar(identity, "identity", "", "file with the key of age or SSH that opens an encrypted file (default: ask for a passphrase)")
	_ = cmd.MarkFlagFilename("identity")
}

func runMerge(ctx context.Context, a *app, source, identity string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	files, err := os.ReadDir(i.evidence())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	b, err := i.other(ctx, source, identity)
	if err != nil {
		return err
	}
	m, err := i.merge(ctx, b, source)
	if err != nil {
		return err
	}
	after, err := os.ReadDir(i.evidence())
	if err != nil {
		return err
	}
	m.Files = len(after) - len(files)
	if a.json {
		return printJSON(a.io, m)
	}
	a.say("merged from %s: %d entries were new, %s, %s", printable(source), m.Entries, plural(m.Hosts, "host"), plural(m.Files, "file"))
	return nil
}

// A merged is what another laptop's incident brought.
type merged struct {
	From    string `json:"from"`
	Entries int    `json:"entries"`
	Hosts   int    `json:"hosts"`
	Files   int    `json:"files"`
}

// other reads the other laptop's copy of this incident, and takes its files over.
func (i *openIncident) other(ctx context.Context, source, identity string) (bundle.Bundle, error) {
	info, err := os.Stat(source)
	if err != nil {
		return bundle.Bundle{}, withHint(err, "nightcall export incident -o FILE writes one on the other laptop")
	}
	if info.IsDir() {
		return i.otherDir(ctx, source)
	}
	r, err := i.app.readBundle(ctx, source, identity)
	if err != nil {
		return bundle.Bundle{}, err
	}
	defer r.Close()
	if err := i.same(r.ID, r.Title, source); err != nil {
		return bundle.Bundle{}, err
	}
	b, err := r.Rest(keepIn(i.evidence()))
	if err != nil {
		return b, r.unreadable(err)
	}
	return b, nil
}

func (i *openIncident) same(id, title, source string) error {
	if id == i.ID {
		return nil
	}
	return withHint(fmt.Errorf("%s is another incident: %s", source, printable(title)), "nightcall import %s", source)
}

func (i *openIncident) otherDir(ctx context.Context, dir string) (bundle.Bundle, error) {
	theirs, err := i.app.openDir(ctx, dir)
	if err != nil {
		return bundle.Bundle{}, err
	}
	defer theirs.Close()
	if err := i.same(theirs.ID, theirs.Title, dir); err != nil {
		return bundle.Bundle{}, err
	}
	b, err := theirs.bundle(ctx)
	if err != nil {
		return b, err
	}
	keep := keepIn(i.evidence())
	for _, f := range b.Files {
		content, err := evidence.Open(theirs.evidence(), f)
		if err != nil {
			return b, err
		}
		if err := errors.Join(keep(f, content), content.Close()); err != nil {
			return b, err
		}
	}
	return b, nil
}

// readBundle reads the head of a file, out of its envelope where it has one.
func (a *app) readBundle(ctx context.Context, file, identity string) (bundleReader, error) {
	key := bundle.Key{Passphrase: func() (string, error) { return a.prompter().secret(ctx, "Passphrase of "+file) }}
	if identity != "" {
		text, err := os.ReadFile(identity)
		if err != nil {
			return bundleReader{}, err
		}
		key.Identity = text
	}
	f, err := os.Open(file)
	if err != nil {
		return bundleReader{}, withHint(err, "nightcall export incident -o FILE writes one on the other laptop")
	}
	text, err := bundle.Unseal(f, key)
	if err != nil {
		return bundleReader{}, errors.Join(withHint(fmt.Errorf("%s: %w", file, err), "--identity FILE names the key that opens it"), f.Close())
	}
	r, err := bundle.NewReader(text)
	if err != nil {
		return bundleReader{}, errors.Join(unreadable(file, err), f.Close())
	}
	return bundleReader{r, f}, nil
}

// merge adds what is not there, and tells what that was.
func (i *openIncident) merge(ctx context.Context, b bundle.Bundle, source string) (merged, error) {
	m := merged{From: source}
	var err error
	if m.Entries, err = i.DB.Merge(ctx, b.Entries...); err != nil {
		return m, err
	}
	if m.Hosts, err = mergeHosts(ctx, i.DB, b.Hosts); err != nil {
		return m, err
	}
	contradicts, err := addKnownHosts(i.Dir, b.KnownHosts)
	if err != nil {
		return m, err
	}
	for _, name := range contradicts {
		i.app.say("host key of %s: the other laptop trusts another one; it is left out, compare them", printable(name))
	}
	if m.Entries > 0 || m.Hosts > 0 {
		done := timeline.Merge{From: source, Entries: m.Entries, Hosts: m.Hosts}
		if err := i.Append(ctx, timeline.IncidentMerged, "", done); err != nil {
			return m, err
		}
	}
	var v verdict
	if err := i.verifyTimeline(ctx, &v); err != nil {
		return m, err
	}
	if len(v.EntryFlaws) > 0 {
		first := v.EntryFlaws[0]
		return m, withHint(fmt.Errorf("merged, but entry %s is not as it was written: %s", printable(first.Entry), first.What), "nightcall verify")
	}
	return m, nil
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
