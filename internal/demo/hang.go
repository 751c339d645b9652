package demo

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// A Stage is how far a visit to a host comes before the host hangs.
type Stage string

// The stages, in the order of a visit.
const (
	StageConnect Stage = "connect" // it accepts the connection and says nothing
	StageBanner  Stage = "banner"  // its version line never comes to an end
	StageKex     Stage = "kex"     // it offers algorithms and computes for ever
	StageLogin   Stage = "login"   // it never says whether the key is good
	StageShell   Stage = "shell"   // it lets us in and no shell answers
	StageDeaf    Stage = "deaf"    // it says hello and reads nothing any more
	StageProbe   Stage = "probe"   // a probe never ends, and nor does being told to end it
)

// Stages are all of them.
var Stages = []Stage{StageConnect, StageBanner, StageKex, StageLogin, StageShell, StageDeaf, StageProbe}

// hang ends when the server does.
func (s *Server) hang() { <-s.closed }

// hangsAt hangs if this is where the host does.
func (s *Server) hangsAt(at Stage) {
	if s.Machine.Hangs == at {
		s.hang()
	}
}

// drip sends a version line that has no end, a byte at a time.
func (s *Server) drip(c net.Conn) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		next := "x"
		if greeting := s.Machine.Greeting; n < len(greeting) {
			next = greeting[n : n+1]
		}
		if _, err := io.WriteString(c, next); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-s.closed:
			return
		}
	}
}

// A hanging connection is one of a host that hangs at one of the stages below SSH.
type hanging struct {
	net.Conn
	server *Server
	writes atomic.Int32
	deaf   atomic.Bool
}

// hangingConn makes c one whose buffers fill soon once nobody reads.
func (s *Server) hangingConn(c net.Conn) *hanging {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	return &hanging{Conn: c, server: s}
}

// Write hangs in the key exchange: the first two are the version line and the
// algorithms.
func (h *hanging) Write(b []byte) (int, error) {
	if h.writes.Add(1) > 2 {
		h.server.hangsAt(StageKex)
	}
	return h.Conn.Write(b)
}

func (h *hanging) Read(b []byte) (int, error) {
	if h.deaf.Load() {
		h.server.hang()
	}
	return h.Conn.Read(b)
}

// converse is the shell of a host, as far as it comes.
func (s *Server) converse(conn net.Conn, channel ssh.Channel) error {
	s.hangsAt(StageShell)
	sections := 0
	return shell.Serve(channel, lastWords{channel, conn}, channel.Stderr(), func(section shell.Section) shell.Reply {
		if sections++; sections == 3 {
			s.hangsAt(StageProbe)
		}
		return s.Machine.reply(section)
	})
}

// lastWords has a host go deaf with the first thing its shell says.
type lastWords struct {
	io.Writer
	conn net.Conn
}

func (l lastWords) Write(b []byte) (int, error) {
	if h, ok := l.conn.(*hanging); ok && h.server.Machine.Hangs == StageDeaf {
		h.deaf.Store(true)
	}
	return l.Writer.Write(b)
}
