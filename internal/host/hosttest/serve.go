package hosttest

import (
	"net"
	"testing"
)

// Serve listens on loopback until the test ends, and hands each connection to
// handle, after which it is closed.
func Serve(t testing.TB, handle func(net.Conn)) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Accept(t, l, handle)
	return l.Addr().(*net.TCPAddr)
}

// Accept hands each connection to handle, after which it is closed, until the test
// ends and the listener with it.
func Accept(t testing.TB, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				handle(c)
				_ = c.Close()
			}()
		}
	}()
}
