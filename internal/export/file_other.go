//go:build !unix

package export

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to do where a file's owner follows from its directory.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir has nothing to do where a directory cannot be opened for it.
func syncDir(string) error { return nil }
