package ssh

import (
	"net"
	"os"
	"sync"
	"time"
)

// forwarded is a connection through a bastion. The library's own has no
// deadlines; this one closes when its deadline passes, and says why.
type forwarded struct {
	net.Conn

	mu      sync.Mutex
	timer   *time.Timer
	expired bool
}

func (f *forwarded) SetDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if !t.IsZero() && !f.expired {
		f.timer = time.AfterFunc(time.Until(t), f.expire)
	}
	return nil
}

func (f *forwarded) expire() {
	f.mu.Lock()
	f.expired = true
	f.mu.Unlock()
	_ = f.Conn.Close()
}

func (f *forwarded) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	return n, f.explain(err)
}

func (f *forwarded) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	return n, f.explain(err)
}

// explain turns the error of a connection that we closed into the reason.
func (f *forwarded) explain(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.expired {
		return os.ErrDeadlineExceeded
	}
	return err
}
