// Package home is where incidents live on this laptop: one directory, with a
// directory for each incident and the name of the current one.
//
// # Incident directory
//
// It is named after when and what (2026-03-04-0430-checkout-is-down), belongs to
// its owner alone, and holds [Database], [Evidence], [KnownHosts] and, at
// times, [Stopped]. It can be
// moved, zipped and wiped; a directory elsewhere is as good as one in here.
//
// # Half-made directories
//
// An incident is made under a name that starts with a dot, and renamed once it
// is whole. A process that is killed meanwhile leaves a dot directory that
// nothing lists and a later Create clears away.
package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"
)

// What an incident directory holds.
const (
	Database   = "incident.db"
	Evidence   = "evidence"
	KnownHosts = "known_hosts"
	Stopped    = "stopped" // there while nobody may work on hosts
)

const (
	currentFile = "current"
	halfMade    = ".new-"
	nameLayout  = "2006-01-02-1504"
	slugLimit   = 40 // runes

	// abandoned is the age at which a half-made directory is nobody's any more.
	abandoned = time.Hour
)

// Why there is no incident.
var (
	// ErrNoCurrent: no incident is the current one.
	ErrNoCurrent = errors.New("no incident is open")
	// ErrNotFound: no incident has that name, and no directory there is one.
	ErrNotFound = errors.New("no such incident")
)

// An AmbiguousError says that a prefix fits several incidents.
type AmbiguousError struct {
	Prefix string
	Names  []string // sorted
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q may be any of %s", e.Prefix, strings.Join(e.Names, ", "))
}

// A Home is the directory of all incidents. The zero Home has none.
type Home struct{ dir string }

// Find returns the home that the environment names: $NIGHTCALL_HOME, or the
// place for applications' data on this system. Nothing is created.
func Find(getenv func(string) string) (Home, error) {
	return find(getenv, runtime.GOOS)
}

func find(getenv func(string) string, system string) (Home, error) {
	dir := getenv("NIGHTCALL_HOME")
	if dir == "" {
		base, err := dataDir(getenv, system)
		if err != nil {
			return Home{}, err
		}
		dir = filepath.Join(base, "nightcall")
	}
	abs, err := filepath.Abs(dir)
	return Home{abs}, err
}

// dataDir is where applications keep what a person made with them.
func dataDir(getenv func(string) string, system string) (string, error) {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // a relative one is to be ignored, says its specification
		return dir, nil
	}
	variable, below := "HOME", filepath.Join(".local", "share")
	switch system {
	case "windows":
		variable, below = "LocalAppData", ""
	case "darwin":
		below = filepath.Join("Library", "Application Support")
	}
	base := getenv(variable)
	if base == "" {
		return "", fmt.Errorf("find the incidents: neither $NIGHTCALL_HOME nor $%s is set", variable)
	}
	return filepath.Join(base, below), nil
}

// Dir returns the home's directory, which may not exist yet.
func (h Home) Dir() string { return h.dir }

// Create makes an incident directory for a title, named after now in its own
// zone, and returns its path. fill completes it, under the half-made name,
// before anybody sees it; what fill opens it also closes.
func (h Home) Create(title string, now time.Time, fill func(dir string) error) (dir string, err error) {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return "", fmt.Errorf("create an incident: %w", err)
	}
	h.sweep(now)
	err = build(h.dir, fill, func(half string) error {
		dir, err = h.settle(half, now.Format(nameLayout)+slug(title))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create an incident in %s: %w", h.dir, err)
	}
	return dir, nil
}

// CreateAt is Create for a directory that the caller names, inside one that
// exists. It returns an error wrapping fs.ErrExist when something is there.
func CreateAt(dir string, fill func(dir string) error) error {
	err := build(filepath.Dir(dir), fill, func(half string) error {
		if _, err := os.Lstat(dir); err == nil {
			return os.ErrExist
		}
		return os.Rename(half, dir)
	})
	if err != nil {
		return fmt.Errorf("create an incident at %s: %w", dir, err)
	}
	return nil
}

// build makes a whole incident directory under a half-made name in parent, and
// has it renamed. When any of it fails nothing is left.
func build(parent string, fill, rename func(half string) error) error {
	half, err := os.MkdirTemp(parent, halfMade) // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(half) // of no effect once it was renamed
	if err := furnish(half); err != nil {
		return err
	}
	if err := fill(half); err != nil {
		return err
	}
	if err := rename(half); err != nil {
		return err
	}
	return syncDir(parent)
}

// furnish makes what every incident directory has, but its database.
func furnish(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, Evidence), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, KnownHosts), nil, 0o600)
}

// settle gives the whole directory its name, with a number where that is taken.
// An existing incident is never replaced: a rename onto a directory that is not
// empty fails.
func (h Home) settle(half, name string) (string, error) {
	for n := 1; ; n++ {
		dir := filepath.Join(h.dir, name)
		if n > 1 {
			dir += fmt.Sprintf("-%d", n)
		}
		if _, err := os.Lstat(dir); err == nil {
			continue
		}
		err := os.Rename(half, dir)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return dir, nil
	}
}

// syncDir makes a rename in the directory durable, where the system can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sweep clears away what killed processes left half made.
func (h Home) sweep(now time.Time) {
	entries, _ := os.ReadDir(h.dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), halfMade) && now.Sub(info.ModTime()) > abandoned {
			_ = os.RemoveAll(filepath.Join(h.dir, e.Name()))
		}
	}
}

// slug makes a title fit for a file name: lower-case letters and digits of any
// script, one dash for everything between them, and one in front.
func slug(title string) string {
	var b strings.Builder
	dash, count := true, 0
	for _, r := range title {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			dash = true
			continue
		}
		if count++; count > slugLimit {
			break
		}
		if dash {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
		dash = false
	}
	return b.String()
}

// List returns the directories of all incidents by name, which is oldest first.
func (h Home) List() ([]string, error) {
	entries, err := os.ReadDir(h.dir)
	if h.dir == "" || errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the incidents: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		dir := filepath.Join(h.dir, e.Name())
		if !strings.HasPrefix(e.Name(), ".") && isIncident(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// isIncident holds for a directory with a database in it. Whether that opens is
// for others to say.
func isIncident(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, Database))
	return err == nil && info.Mode().IsRegular()
}

// Resolve returns the directory that name means: an incident of this home by its
// name, the beginning of it or else words in it, or an incident directory anywhere
// by its path. It returns an *AmbiguousError or ErrNotFound.
func (h Home) Resolve(name string) (string, error) {
	dirs, err := h.List()
	if err != nil {
		return "", err
	}
	var fits, within []string
	words := slug(name)
	for _, dir := range dirs {
		switch base := filepath.Base(dir); {
		case base == name:
			return dir, nil
		case name != "" && strings.HasPrefix(base, name):
			fits = append(fits, base)
		case words != "" && strings.Contains(base, words):
			within = append(within, base)
		}
	}
	if name != "" && isIncident(name) {
		return filepath.Abs(name)
	}
	if len(fits) == 0 {
		fits = within
	}
	switch len(fits) {
	case 0:
		return "", fmt.Errorf("%q: %w", name, ErrNotFound)
	case 1:
		return filepath.Join(h.dir, fits[0]), nil
	default:
		return "", &AmbiguousError{Prefix: name, Names: fits}
	}
}

// Current returns the directory of the current incident, or ErrNoCurrent. One
// that was moved away since is an error wrapping ErrNotFound that names it.
func (h Home) Current() (string, error) {
	text, err := os.ReadFile(filepath.Join(h.dir, currentFile))
	name := strings.TrimSpace(string(text))
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && name == "":
		return "", ErrNoCurrent
	case err != nil:
		return "", fmt.Errorf("read the current incident: %w", err)
	}
	dir := name
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(h.dir, dir)
	}
	if !isIncident(dir) {
		return "", fmt.Errorf("current incident %s: %w", dir, ErrNotFound)
	}
	return dir, nil
}

// SetCurrent makes an incident directory the current one, at once or not at all.
func (h Home) SetCurrent(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	name := dir
	if filepath.Dir(dir) == h.dir {
		name = filepath.Base(dir) // so that the home can be moved
	}
	if err := h.replace(currentFile, name+"\n"); err != nil {
		return fmt.Errorf("make %s the current incident: %w", filepath.Base(dir), err)
	}
	return nil
}

// replace writes a file of the home so that readers see the old or the new.
func (h Home) replace(name, text string) error {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(h.dir, "."+name+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(h.dir, name))
}
