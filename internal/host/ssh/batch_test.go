package ssh

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// What comes while a batch is awaited is read at once.
func TestBatchReadsManyPacketsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := &packets{t0: time.Now()}
		p := newPhases(conn, Deadlines{}.withDefaults())
		p.finish()
		b := make([]byte, 64)
		if n, err := p.Read(b); n != 1 || err != nil {
			t.Fatalf("%d bytes, %v, want one packet as it comes", n, err)
		}
		p.batch.Store(true)
		for range 3 {
			if _, err := p.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		if come := int(3 * host.BatchTime / time.Millisecond); conn.read != come {
			t.Errorf("%d bytes in three batches, want the %d that came", conn.read, come)
		}
	})
}

// packets is a connection on which a byte comes each millisecond.
type packets struct {
	net.Conn
	t0   time.Time
	read int
}

func (p *packets) SetDeadline(time.Time) error { return nil }

func (p *packets) Read(b []byte) (int, error) {
	come := int(time.Since(p.t0)/time.Millisecond) - p.read
	if come == 0 {
		come = 1
		time.Sleep(time.Millisecond)
	}
	n := min(come, len(b))
	p.read += n
	return n, nil
}
