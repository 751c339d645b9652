package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/word"
)

// AddInclude puts one line that includes file at the top of the user's ssh
// configuration at config, where its values win, and reports whether anything
// changed. Nothing else in there is touched; its mode, its owner and a symbolic
// link to it stay as they are. A missing configuration is made, for the user
// alone.
func AddInclude(config, file string) (changed bool, err error) {
	spelled, err := spellInclude(file)
	if err != nil {
		return false, fmt.Errorf("include %q: %w", file, err)
	}
	old, err := os.ReadFile(config)
	if errors.Is(err, fs.ErrNotExist) {
		return true, createConfig(config, withInclude("", spelled))
	}
	if err != nil {
		return false, fmt.Errorf("ssh configuration: %w", err)
	}
	text := withInclude(string(old), spelled)
	if text == string(old) {
		return false, nil
	}
	return true, replaceFile(config, []byte(text))
}

// RemoveInclude takes the line out again and reports whether there was one.
func RemoveInclude(config, file string) (changed bool, err error) {
	spelled, err := spellInclude(file)
	if err != nil {
		return false, nil //nolint:nilerr // such a line was never written
	}
	old, err := os.ReadFile(config)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ssh configuration: %w", err)
	}
	text := withoutInclude(string(old), spelled)
	if text == string(old) {
		return false, nil
	}
	return true, replaceFile(config, []byte(text))
}

// withInclude returns text with the line at its top, and only there.
func withInclude(text, spelled string) string {
	return includeLine(spelled) + withoutInclude(text, spelled)
}

// withoutInclude returns text without the line, wherever it is.
func withoutInclude(text, spelled string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !isInclude(line, spelled) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func includeLine(spelled string) string { return "Include " + spelled + "\n" }

// isInclude reports whether line includes this file and no other. Only our own
// spelling counts, except for blanks around it and a carriage return.
func isInclude(line, spelled string) bool {
	keyword, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	return strings.EqualFold(keyword, "Include") && strings.TrimSpace(rest) == spelled
}

// spellInclude writes an absolute path for Include, which takes patterns and, in
// later versions, tokens.
func spellInclude(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", errors.New("the path is not absolute")
	}
	path = filepath.ToSlash(path)
	if err := word.CheckPath(path); err != nil {
		return "", err
	}
	if i := strings.IndexAny(path, "*?[]{}%"); i >= 0 {
		return "", fmt.Errorf("the path contains %q, which ssh takes for a pattern", path[i])
	}
	return `"` + path + `"`, nil
}

// createConfig makes the user's first ssh configuration.
func createConfig(config, text string) error {
	if _, err := os.Lstat(config); err == nil {
		return fmt.Errorf("ssh configuration %s: it is a link to a file that does not exist", config)
	}
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		return fmt.Errorf("ssh configuration: %w", err)
	}
	return WriteFile(config, []byte(text), 0o600)
}
