//go:build !linux

package sqlite

// disks can be mounted by a test on Linux only.
var disks map[string]func(dir string) error
