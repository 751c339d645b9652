// Package evidence keeps the files of an incident, and compares them with what
// the timeline says of them.
//
// # Names
//
// A file's name begins with the hash of its content. So the files of two laptops
// never stand in each other's way, and the same file is kept once.
//
// # Untrusted
//
// Names and contents come from hosts and other laptops. A name is a name in one
// directory and nothing else; a content is bytes.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// ErrName is the error of a name that this package did not make.
var ErrName = errors.New("not a name of evidence")

const (
	maxName = 80 // of what a file is called, in bytes
	hashed  = 12 // digits of the hash in front of it
	partial = ".partial-"
)

// Keep stores what r reads in the directory, durably, and returns what the
// timeline is to say of it. called is what people call the file.
func Keep(dir, called string, r io.Reader) (timeline.EvidenceFile, error) {
	f, err := os.CreateTemp(dir, partial) // mode 0600
	if err != nil {
		return timeline.EvidenceFile{}, fmt.Errorf("keep %s: %w", called, err)
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return timeline.EvidenceFile{}, fmt.Errorf("keep %s: %w", called, err)
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	kept := timeline.EvidenceFile{Name: digest[:hashed] + "-" + fileName(called), SHA256: digest, Bytes: n, Source: called}
	if err := os.Rename(f.Name(), filepath.Join(dir, kept.Name)); err != nil {
		return timeline.EvidenceFile{}, fmt.Errorf("keep %s: %w", called, err)
	}
	return kept, nil
}

// fileName makes a name that every system takes of what a file is called.
func fileName(called string) string {
	called = called[strings.LastIndexAny(called, `/\`)+1:]
	name := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, called)
	if len(name) > maxName {
		name = name[len(name)-maxName:] // its end says what it is
	}
	return name
}

// CheckName refuses a name that Keep did not make: one that reaches out of the
// directory, or hides in it.
func CheckName(f timeline.EvidenceFile) error {
	hash, called, found := strings.Cut(f.Name, "-")
	if !found || len(hash) != hashed || !strings.HasPrefix(f.SHA256, hash) || fileName(called) != called {
		return fmt.Errorf("%q: %w", f.Name, ErrName)
	}
	return nil
}

// Manifest lists the files that the timeline names, each once.
func Manifest(entries []timeline.Entry) []timeline.EvidenceFile {
	var files []timeline.EvidenceFile
	known := map[string]bool{}
	for _, e := range entries {
		if e.Kind != timeline.EvidenceAdded {
			continue
		}
		if f, ok := timeline.Decode[timeline.EvidenceFile](e); ok && !known[f.Name+f.SHA256] {
			known[f.Name+f.SHA256] = true
			files = append(files, f)
		}
	}
	return files
}

// A Flaw is a file that is not as the timeline says.
type Flaw struct {
	File string `json:"file"`
	What string `json:"what"`
}

// Compare reads every file of the manifest, and returns those that are missing
// or changed, and the names of files that the manifest does not have.
func Compare(dir string, manifest []timeline.EvidenceFile) (flaws []Flaw, others []string, err error) {
	var named []string
	for _, f := range manifest {
		named = append(named, f.Name)
		if what := compare(dir, f); what != "" {
			flaws = append(flaws, Flaw{f.Name, what})
		}
	}
	found, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return flaws, nil, nil
	}
	for _, e := range found {
		if !slices.Contains(named, e.Name()) && !strings.HasPrefix(e.Name(), partial) {
			others = append(others, e.Name())
		}
	}
	return flaws, others, err
}

// compare says what is wrong with one file, or nothing.
func compare(dir string, f timeline.EvidenceFile) string {
	if err := CheckName(f); err != nil {
		return "its name is not of our making"
	}
	file, err := Open(dir, f)
	if errors.Is(err, os.ErrNotExist) {
		return "it is missing"
	}
	if err != nil {
		return "it cannot be read: " + err.Error()
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "it cannot be read: " + err.Error()
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return "it was changed after it was kept"
	}
	return ""
}

// Open opens a file of the manifest for reading. A link is not followed.
func Open(dir string, f timeline.EvidenceFile) (*os.File, error) {
	if err := CheckName(f); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, f.Name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.Name)
	}
	return os.Open(path)
}
