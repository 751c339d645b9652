// Package openssh is the second wire: it reaches hosts with the system's ssh.
package openssh

import (
	"context"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A Dialer logs in to hosts with the system's ssh, where that shares connections.
type Dialer struct {
	Trust     *ssh.Trust
	Keys      *ssh.Keys
	Deadlines ssh.Deadlines
	Password  func(h ssh.Hop, bastion bool) *credential.Credential
	Ask       credential.Ask
}

// Dial refuses: the ssh of Windows shares no connections.
func (*Dialer) Dial(context.Context, ssh.Route) (*Conn, error) {
	return nil, fmt.Errorf("%w: %w: the ssh of Windows shares no connections", host.ErrRefused, ErrNoClient)
}

// Peek sees nothing.
func (*Dialer) Peek(context.Context, ssh.Route) (ssh.NewKey, bool) { return ssh.NewKey{}, false }

// Close has nothing to end.
func (*Dialer) Close() error { return nil }

// A Conn is a login on a host; there are none here.
type Conn struct{ shell.Wire }

// Describe knows nothing more of the way to the host.
func (*Conn) Describe(a inventory.Access) inventory.Access { return a }

// Close has nothing to end.
func (*Conn) Close() error { return nil }
