package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// deaf is a connection that, once told to, takes nothing any more.
type deaf struct {
	net.Conn
	now    chan struct{} // closed once it is
	closed chan struct{}
	once   sync.Once
}

func (d *deaf) Write(b []byte) (int, error) {
	select {
	case <-d.now:
		<-d.closed
		return 0, net.ErrClosed
	default:
		return d.Conn.Write(b)
	}
}

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Conn.Close()
}

// TestKillOfADeafHost ends a session that cannot even be told that it ends.
func TestKillOfADeafHost(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go acceptAll(l, signer)
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	link := &deaf{Conn: raw, now: make(chan struct{}), closed: make(chan struct{})}
	c, chans, reqs, err := ssh.NewClientConn(link, "web1:22", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	conn := &Conn{client: ssh.NewClient(c, chans, reqs), phases: &phases{}}
	p, err := conn.Start(t.Context(), "sh -s")
	if err != nil {
		t.Fatal(err)
	}
	close(link.now)
	p.Kill() // or the test never ends
	<-link.closed
}

// acceptAll is an SSH server that lets one client in and starts nothing.
func acceptAll(l net.Listener, signer ssh.Signer) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	_, chans, reqs, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for ch := range chans {
		if _, requests, err := ch.Accept(); err == nil {
			go func() {
				for req := range requests {
					_ = req.Reply(true, nil)
				}
			}()
		}
	}
}
