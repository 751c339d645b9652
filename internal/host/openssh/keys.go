//go:build unix

package openssh

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// A lender lets one ssh use the user's keys, through an agent in its private
// directory that lives for the login. So passphrases are asked for once, by us,
// and no more keys are offered than a server listens to.
type lender struct {
	*ssh.Lent
	listener net.Listener
}

// lend listens before ssh starts, and answers once it did.
func (l *login) lend(dir string) (net.Listener, error) {
	listener, err := net.Listen("unix", filepath.Join(dir, agentFile))
	if err != nil {
		return nil, fmt.Errorf("%w: lend keys to ssh: %w", host.ErrRefused, err)
	}
	return listener, nil
}

func (r *run) serveKeys(ctx context.Context, listener net.Listener) *lender {
	k := &lender{Lent: r.login.dialer.Keys.Lend(r.login.hop, r.pause), listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = k.Serve(ctx, conn) // ends when ssh hangs up
			}()
		}
	}()
	return k
}

// settle ends the lending and completes the error of the login.
func (k *lender) settle(err error) error {
	_ = k.listener.Close()
	trouble := k.Trouble()
	switch {
	case err == nil:
		k.Opened()
		return nil
	case trouble == "":
		return err
	default:
		return fmt.Errorf("%w (%s)", err, trouble)
	}
}
