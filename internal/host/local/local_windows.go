// Package local is the wire to the machine nightcall itself runs on.
package local

import (
	"context"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// Wire starts processes on this machine, where it has a POSIX shell.
type Wire struct{}

// Start implements shell.Wire. Windows has no POSIX shell to ask.
func (Wire) Start(context.Context, string) (shell.Process, error) {
	return nil, fmt.Errorf("local shell: %w: this machine runs Windows", host.ErrRefused)
}
