// Package catalog reads check files, strictly: what it does not know is an
// error with the place and the nearest known name, because a check that is
// silently not applied looks like a host that is fine.
//
// # Catalogue
//
// A [Catalogue] is the embedded check files and those of the user's directory.
// A user's file of the same name shadows the embedded one, and every check
// knows its origin. Mistakes in one file do not take the others away.
//
// # Fixture
//
// Beside a check lie fixtures: hosts, written down as JSON, for which the answer
// is known. [Test] judges a check by them.
package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/check"
)

// An Entry is one check of the catalogue.
type Entry struct {
	check.Check
	Origin  string // "built in", or the user's file
	Shadows bool   // whether it stands in for a built-in one of the same name
	Source  string // the file's text

	fsys fs.FS // where its fixtures lie
}

// A Catalogue is every check there is, sorted by name.
type Catalogue struct {
	Entries   []Entry
	EOL       check.EOL
	EOLOrigin string // where the end-of-life table came from
}

// BuiltIn is the origin of the embedded files.
const BuiltIn = "built in"

// eolFile is the one file of a catalogue that is a table, not a check.
const eolFile = "eol.yaml"

// maxFile bounds a file of the catalogue, in bytes.
const maxFile = 256 << 10

// Load reads the embedded files, then those of the user's directory at dir,
// which may be missing; user may be nil. The catalogue holds every file that
// is right, even when there is an error; the error joins one *Error for each
// file that is wrong.
func Load(embedded, user fs.FS, dir string) (Catalogue, error) {
	var c Catalogue
	errs := c.read(embedded, "")
	if user != nil {
		errs = append(errs, c.read(user, dir)...)
	}
	slices.SortFunc(c.Entries, func(a, b Entry) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return c, errors.Join(errs...)
}

// read adds the files of one directory. dir is empty for the embedded ones.
func (c *Catalogue) read(fsys fs.FS, dir string) []error {
	files, err := fs.ReadDir(fsys, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []error{fmt.Errorf("read checks in %s: %w", dir, err)}
	}
	var errs []error
	for _, f := range files {
		if f.IsDir() || path.Ext(f.Name()) != ".yaml" {
			continue
		}
		if err := c.add(fsys, dir, f.Name()); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// add reads one file.
func (c *Catalogue) add(fsys fs.FS, dir, name string) error {
	shown, origin := path.Join("checks", name), BuiltIn
	if dir != "" {
		shown = path.Join(dir, name)
		origin = shown
	}
	text, err := readFile(fsys, name, shown)
	if err != nil {
		return err
	}
	if name == eolFile {
		table, err := ParseEOL(shown, text)
		if err != nil {
			return err
		}
		c.EOL, c.EOLOrigin = table, origin
		return nil
	}
	entry, err := parseEntry(fsys, name, shown, text)
	if err != nil {
		return err
	}
	entry.Origin = origin
	c.put(entry)
	return nil
}

// put adds a check or puts it in the place of the one it shadows.
func (c *Catalogue) put(entry Entry) {
	i := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Spec.Name == entry.Spec.Name })
	if i < 0 {
		c.Entries = append(c.Entries, entry)
		return
	}
	entry.Shadows = true
	c.Entries[i] = entry
}

// parseEntry compiles a check file, whose name is that of its check, so that
// one name is one file.
func parseEntry(fsys fs.FS, name, shown string, text []byte) (Entry, error) {
	c, err := Parse(shown, text)
	if err != nil {
		return Entry{}, err
	}
	if want := c.Spec.Name + ".yaml"; name != want {
		return Entry{}, fmt.Errorf("%s: the file of check %s must be called %s", shown, c.Spec.Name, want)
	}
	return Entry{Check: c, Source: string(text), fsys: fsys}, nil
}

// LoadFile reads one check file by itself, for its author. shown is the path
// to name in errors.
func LoadFile(dir fs.FS, name, shown string) (Entry, error) {
	text, err := readFile(dir, name, shown)
	if err != nil {
		return Entry{}, err
	}
	entry, err := parseEntry(dir, name, shown, text)
	entry.Origin = shown
	return entry, err
}

// readFile reads a file of bounded size.
func readFile(fsys fs.FS, name, shown string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", shown, err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("read %s: %d bytes; at most %d are accepted", shown, info.Size(), maxFile)
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", shown, err)
	}
	return text, nil
}

// Find returns the check with this name.
func (c Catalogue) Find(name string) (Entry, bool) {
	for _, e := range c.Entries {
		if e.Spec.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// Names lists the checks' names.
func (c Catalogue) Names() []string {
	var names []string
	for _, e := range c.Entries {
		names = append(names, e.Spec.Name)
	}
	return names
}

// Checks lists the compiled checks, for judging.
func (c Catalogue) Checks() []check.Check {
	checks := make([]check.Check, 0, len(c.Entries))
	for _, e := range c.Entries {
		checks = append(checks, e.Check)
	}
	return checks
}
