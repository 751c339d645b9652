package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// How long the user's agent may take. To sign, it may wait for a person's touch;
// longer than a login may take in all helps nobody.
const (
	agentLists = 5 * time.Second
	agentSigns = 15 * time.Second
)

// An agentLine is the connection to the user's agent, for one request at a time.
// One that does not answer in time is given up for good: an agent that hangs would
// hold up every host.
type agentLine struct {
	net.Conn
	patience time.Duration
}

func (l *agentLine) Write(request []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.patience)); err != nil {
		return 0, err
	}
	return l.Conn.Write(request)
}

func (l *agentLine) Read(answer []byte) (int, error) {
	n, err := l.Conn.Read(answer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errors.Join(fmt.Errorf("no answer for %s; ssh-add -l asks it too", l.patience), l.Close())
	}
	return n, err
}
