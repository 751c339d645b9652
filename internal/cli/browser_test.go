//go:build browser

package cli

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestBrowserScripts runs the scripts that need a browser.
func TestBrowserScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/browser", Setup: scriptSetup, Cmds: commands, RequireExplicitExec: true, RequireUniqueNames: true,
	})
}
