package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// An openIncident is the incident a command works on.
type openIncident struct {
	ID     string
	Title  string
	Opened time.Time
	Dir    string // the incident's directory
	DB     *sqlite.DB
	app    *app
}

// openCurrent opens the incident that --incident, $NIGHTCALL_INCIDENT or the
// last `open` or `use` names. The caller closes it.
func (a *app) openCurrent(ctx context.Context) (*openIncident, error) {
	dir, err := a.currentDir()
	if err != nil {
		return nil, err
	}
	return a.openDir(ctx, dir)
}

// openNamed opens the incident of this name or directory, or the current one for
// the empty name. The caller closes it.
func (a *app) openNamed(ctx context.Context, name string) (*openIncident, error) {
	if name == "" {
		return a.openCurrent(ctx)
	}
	dir, err := a.namedDir(name)
	if err != nil {
		return nil, err
	}
	return a.openDir(ctx, dir)
}

// currentDir is the directory of the incident that commands work on.
func (a *app) currentDir() (string, error) {
	if name := a.override(); name != "" {
		return a.namedDir(name)
	}
	h, err := home.Find(a.getenv)
	if err != nil {
		return "", withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	dir, err := h.Current()
	switch {
	case errors.Is(err, home.ErrNoCurrent):
		return "", withHint(err, `nightcall open "what is wrong"`)
	case errors.Is(err, home.ErrNotFound):
		return "", withHint(err, "nightcall list, then nightcall use NAME")
	}
	return dir, err
}

// override is the incident that this command line or this shell names, and empty
// when it is the one last opened.
func (a *app) override() string {
	return cmp.Or(a.incident, a.getenv("NIGHTCALL_INCIDENT"))
}

// namedDir is the directory of an incident named on the command line. A path
// works without a home.
func (a *app) namedDir(name string) (string, error) {
	h, _ := home.Find(a.getenv)
	dir, err := h.Resolve(name)
	var ambiguous *home.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return "", usageError("write more of the name: nightcall use "+ambiguous.Names[0], "incident %w", err)
	case errors.Is(err, home.ErrNotFound):
		return "", withHint(fmt.Errorf("incident %w", err), "nightcall list")
	}
	return dir, err
}

func (a *app) openDir(ctx context.Context, dir string) (*openIncident, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, home.Database))
	if err != nil {
		return nil, err
	}
	first, err := db.First(ctx, timeline.IncidentOpened)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open incident %s: %w", dir, err), db.Close())
	}
	data, _ := timeline.Decode[timeline.Opened](first)
	return &openIncident{ID: first.Incident, Title: data.Title, Opened: first.At, Dir: dir, DB: db, app: a}, nil
}

// Name is the incident as `use` takes it.
func (i *openIncident) Name() string { return filepath.Base(i.Dir) }

// Close closes the incident's database.
func (i *openIncident) Close() error { return i.DB.Close() }

// Append writes one entry to the timeline, durably, before it returns.
func (i *openIncident) Append(ctx context.Context, kind timeline.Kind, host string, data any) error {
	_, err := i.append(ctx, kind, host, data)
	return err
}

func (i *openIncident) append(ctx context.Context, kind timeline.Kind, host string, data any) (timeline.Entry, error) {
	e, err := i.entry(kind, host, data)
	if err != nil {
		return timeline.Entry{}, err
	}
	return e, i.DB.Append(ctx, e)
}

// exported writes down that something left the incident. One that can only be read
// gives it all the same, and the person hears that its timeline does not tell.
func (i *openIncident) exported(ctx context.Context, data timeline.Export) error {
	err := i.Append(ctx, timeline.Exported, "", data)
	var readOnly *sqlite.ReadOnlyError
	if !errors.As(err, &readOnly) {
		return err
	}
	i.app.say("nightcall: the timeline will not tell of this: %s", printable(readOnly.Error()))
	return nil
}

// entry makes one entry that is written later, with what it is about.
func (i *openIncident) entry(kind timeline.Kind, host string, data any) (timeline.Entry, error) {
	e, err := timeline.New(i.ID, i.app.actor(), kind, i.app.now(), data)
	return e.About(host), err
}

// Fleet returns every host with its current facts.
func (i *openIncident) Fleet(ctx context.Context) (inventory.Fleet, error) {
	hosts, err := i.DB.Hosts(ctx)
	if err != nil {
		return inventory.Fleet{}, err
	}
	answers, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.MonitoringAnswered)
	return inventory.Fleet{Hosts: hosts, T0: i.Opened, Claim: claimOf(answers)}, err
}

// claimOf is the last answer to the question whether monitoring works.
func claimOf(answers []timeline.Entry) *inventory.Claim {
	for _, e := range slices.Backward(answers) {
		if data, ok := timeline.Decode[timeline.Monitoring](e); ok {
			return &inventory.Claim{Working: data.Working, SaidBy: data.SaidBy}
		}
	}
	return nil
}

// actor is who does what this process does: $NIGHTCALL_ACTOR, or the user that
// the system knows.
func (a *app) actor() string {
	if name := a.getenv("NIGHTCALL_ACTOR"); name != "" {
		return plain.Clip(name, 100)
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return plain.Clip(u.Username, 100)
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// momentText is a time for people, in the zone of the laptop.
func (a *app) momentText(t time.Time) string {
	return t.In(a.now().Location()).Format("2006-01-02 15:04:05 -0700")
}

// storageHint is the next thing to do when the incident's files are in the way,
// whatever the command was.
func storageHint(err error) string {
	var readOnly *sqlite.ReadOnlyError
	switch {
	case errors.As(err, &readOnly):
		dir := filepath.Dir(readOnly.Path)
		return fmt.Sprintf("it can be read; to write, take a copy: cp -a %s . && nightcall use %s",
			host.Quote(dir), host.Quote("./"+filepath.Base(dir)))
	case errors.Is(err, sqlite.ErrFull), errors.Is(err, syscall.ENOSPC):
		return "free some space on this laptop and do it again; what was acknowledged is stored"
	case errors.Is(err, syscall.EROFS):
		return "that disk is mounted read-only; copy the incident to another one with cp -a, then nightcall use COPY"
	case errors.Is(err, sqlite.ErrReadOnly):
		return "make the incident's directory writable, or copy it to a place that is and give that as --incident DIR"
	case errors.Is(err, sqlite.ErrNewer):
		return "use the nightcall that wrote it, or a later one; nightcall --version tells yours"
	case errors.Is(err, sqlite.ErrCorrupt):
		return "copy the directory away as it is; sqlite3 incident.db .recover reads what is left"
	case errors.Is(err, sqlite.ErrNotDatabase):
		return "--incident takes the directory of an incident; nightcall list shows yours"
	case errors.Is(err, sqlite.ErrNoEntry):
		return `the timeline has no beginning; nightcall open "what is wrong" makes a new incident`
	case errors.Is(err, sqlite.ErrBusy):
		return "another nightcall is writing to this incident; do it again when it is done"
	}
	return ""
}

// completeIncidents offers the names of incidents. A shell's completion stays
// silent about trouble.
func (a *app) completeIncidents(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	h, err := home.Find(a.getenv)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	dirs, _ := h.List()
	var offers []string
	for _, dir := range dirs {
		offers = append(offers, filepath.Base(dir))
	}
	words, _ := completeWords(offers...)(nil, nil, typed)
	return words, cobra.ShellCompDirectiveDefault // a directory elsewhere will do too
}
