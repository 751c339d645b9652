//go:build !linux

package cli

import "github.com/rogpeppe/go-internal/testscript"

// scriptMachine takes the namespaces of Linux.
func scriptMachine(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("machine: only on Linux")
}
