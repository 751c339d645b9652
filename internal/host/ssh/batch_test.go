package ssh

import (
	"io"
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

// A host that prints faster than batches come is read as fast as it prints.
func TestBatchDoesNotSlowAFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 10 << 20
		p := newPhases(&flood{left: size}, Deadlines{}.withDefaults())
		p.finish()
		p.batch.Store(true)
		began := time.Now()
		if n, err := io.Copy(io.Discard, p); n != size || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if took := time.Since(began); took > 2*host.BatchTime {
			t.Errorf("%d bytes that were there took %s", size, took)
		}
	})
}

// flood is a connection on which everything has come.
type flood struct {
	net.Conn
	left int
}

func (f *flood) SetDeadline(time.Time) error { return nil }

func (f *flood) Read(b []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := min(f.left, len(b))
	f.left -= n
	return n, nil
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
