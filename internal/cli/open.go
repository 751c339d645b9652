package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// titleLimit bounds a title, in runes: it stands at the head of every page.
const titleLimit = 200

func newOpenCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "open TITLE",
		GroupID: groupIncident,
		Short:   "Open an incident and make it the current one",
		Long: `Open an incident: make its directory, write the first entry of its timeline, and
make it the one that every other command works on.

The directory holds the database, the evidence and the host keys. It is made under
$NIGHTCALL_HOME, by default where this system keeps applications' data; --incident
names another place. It can be moved, zipped and wiped as a whole.

The directory is printed; the next steps go to standard error.

EXIT STATUS
  0  the incident is open
  1  it could not be made; nothing of it is left
  2  usage`,
		Example: `  nightcall open "checkout is down"
  nightcall open "checkout is down" --incident ./acme
  cd "$(nightcall open 'checkout is down')"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runOpen(cmd.Context(), a, strings.Join(args, " "))
		},
	}
}

// An openedIncident is the JSON of a new incident.
type openedIncident struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Dir    string    `json:"dir"`
	Title  string    `json:"title"`
	Opened time.Time `json:"opened"`
	Actor  string    `json:"actor"`
}

func runOpen(ctx context.Context, a *app, title string) error {
	h, opened, err := a.newIncident(ctx, title)
	if err != nil {
		return err
	}
	if err := h.SetCurrent(opened.Dir); err != nil {
		return withHint(err, "nightcall use %s", opened.Dir)
	}
	return a.sayOpened(opened)
}

// newIncident makes an incident and leaves the current one as it is.
func (a *app) newIncident(ctx context.Context, title string) (home.Home, openedIncident, error) {
	title, err := cleanTitle(title)
	if err != nil {
		return home.Home{}, openedIncident{}, err
	}
	h, err := home.Find(a.getenv)
	if err != nil {
		return h, openedIncident{}, withHint(err, "export NIGHTCALL_HOME=DIR")
	}
	entry, err := timeline.New(ulid.Make().String(), a.actor(), timeline.IncidentOpened, a.now(), timeline.Opened{Title: title})
	if err != nil {
		return h, openedIncident{}, err
	}
	dir, err := a.createIncident(ctx, h, title, func(_ string, db *sqlite.DB) error { return db.Append(ctx, entry) })
	if err != nil {
		return h, openedIncident{}, err
	}
	return h, openedIncident{
		ID: entry.Incident, Name: filepath.Base(dir), Dir: dir, Title: title, Opened: entry.At, Actor: entry.Actor,
	}, nil
}

// cleanTitle makes a title one line without secrets.
func cleanTitle(title string) (string, error) {
	title = redact.Text(strings.Join(strings.Fields(strings.ToValidUTF8(title, "")), " "))
	if title == "" {
		return "", usageError(`nightcall open "what is wrong"`, "an incident needs a title")
	}
	if n := utf8.RuneCountInString(title); n > titleLimit {
		return "", usageError(`give the rest as a note: nightcall note -`, "a title of %d characters; %d are enough", n, titleLimit)
	}
	return title, nil
}

// createIncident makes the directory with what write writes, at --incident when
// that is given.
func (a *app) createIncident(ctx context.Context, h home.Home, title string, write func(dir string, db *sqlite.DB) error) (string, error) {
	fill := func(dir string) error {
		db, err := sqlite.Open(ctx, filepath.Join(dir, home.Database))
		if err != nil {
			return err
		}
		return errors.Join(write(dir, db), db.Close())
	}
	if a.incident == "" {
		dir, err := h.Create(title, a.now(), fill)
		if err != nil && (errors.Is(err, syscall.EROFS) || storageHint(err) == "") {
			return "", withHint(err, "export NIGHTCALL_HOME=DIR has incidents made elsewhere")
		}
		return dir, err
	}
	dir, err := filepath.Abs(a.incident)
	if err != nil {
		return "", err
	}
	err = home.CreateAt(dir, fill)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return "", withHint(err, "--incident names a directory that is not there yet, in one that is")
	}
	return dir, err
}

func (a *app) sayOpened(i openedIncident) error {
	if a.json {
		return printJSON(a.io, i)
	}
	a.say("incident open: %s", printable(i.Title))
	a.warnOverride(i.Dir)
	a.say("next: nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28")
	a.say(`      nightcall note "what you are told"`)
	_, err := fmt.Fprintln(a.io.Out, i.Dir)
	return err
}

// say tells the person something, on standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.io.Err, format+"\n", args...)
}

// warnOverride says that the shell names another incident than the one that was
// just made current: commands without --incident would go there.
func (a *app) warnOverride(dir string) {
	name := a.getenv("NIGHTCALL_INCIDENT")
	if name == "" {
		return
	}
	if named, err := a.namedDir(name); err == nil && named == dir {
		return
	}
	a.say("but $NIGHTCALL_INCIDENT names %s, and goes before: unset NIGHTCALL_INCIDENT", printable(name))
}
