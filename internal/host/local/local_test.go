//go:build unix

package local_test

import (
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/host/local"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

func TestContract(t *testing.T) {
	t.Parallel()
	hosttest.Contract(t, shell.New("here", local.Wire{}, shell.Options{Now: time.Now}), t.TempDir())
}
