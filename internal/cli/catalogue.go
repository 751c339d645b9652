package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/nightcall-sh/nightcall/checks"
	"github.com/nightcall-sh/nightcall/internal/catalog"
	"github.com/nightcall-sh/nightcall/internal/check"
)

// catalogue loads the built-in checks and the user's. When there is an error,
// what was right is still there.
func (a *app) catalogue() (catalog.Catalogue, error) {
	dir, chosen := a.checksDir()
	var user fs.FS
	if dir != "" {
		user = os.DirFS(dir)
	}
	if chosen {
		if _, err := os.Stat(dir); err != nil {
			return catalog.Catalogue{}, withHint(fmt.Errorf("read checks: %w", err), "$NIGHTCALL_CHECKS names a directory of check files")
		}
	}
	c, err := catalog.Load(checks.FS, user, dir)
	if err != nil {
		return c, withHint(err, "docs/catalogue.md is the format; nightcall check test FILE tries a file")
	}
	return c, nil
}

// checksDir is where the user's own checks are, and whether that was said and
// so must exist.
func (a *app) checksDir() (dir string, chosen bool) {
	if dir := a.getenv("NIGHTCALL_CHECKS"); dir != "" {
		return dir, true
	}
	config := a.getenv("XDG_CONFIG_HOME")
	if config == "" && runtime.GOOS == "windows" {
		config = a.getenv("AppData")
	}
	if home := a.getenv("HOME"); config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	if config == "" {
		return "", false
	}
	return filepath.Join(config, "nightcall", "checks"), false
}

// checkNamed finds a check, or names the nearest one.
func checkNamed(c catalog.Catalogue, name string) (catalog.Entry, error) {
	if e, ok := c.Find(name); ok {
		return e, nil
	}
	hint := "nightcall check list"
	if near := check.Nearest(name, c.Names()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return catalog.Entry{}, usageError(hint, "no check %q", name)
}
