package export

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces path atomically: a reader sees the old content or the new,
// and a crash leaves one of them. mode holds whatever the umask says. A link at
// path is replaced by the file.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return writeFile(path, mode, nil, func(w io.Writer) error { return all(w, data) })
}

// StreamFile is WriteFile for what is too long to be held in memory.
func StreamFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return writeFile(path, mode, nil, write)
}

func all(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// replaceFile gives an existing file new content and keeps its mode and its
// owner. When path is a link, the file behind it changes and the link stays.
func replaceFile(path string, data []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	old, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if !old.Mode().IsRegular() {
		return fmt.Errorf("replace %s: it is not a regular file", path)
	}
	return writeFile(real, old.Mode().Perm(), old, func(w io.Writer) error { return all(w, data) })
}

// writeFile writes a new file beside path and renames it into place. With an
// owner, the file gets the same one.
func writeFile(path string, mode fs.FileMode, owner fs.FileInfo, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if at := new(fs.PathError); errors.As(err, &at) {
		err = at.Err // the name of the temporary file says nothing to anybody
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if owner != nil {
		if err = keepOwner(f, owner); err != nil {
			return err
		}
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}
