// Package demo is a simulated fleet of SSH servers in one process, so that
// anybody can try everything without a server of their own. The servers, the
// handshakes and the scan are real; what the hosts answer is recorded.
package demo

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// A Server is one simulated host: a real SSH server on loopback.
type Server struct {
	Machine Machine
	Addr    net.Addr

	listener net.Listener
	config   *ssh.ServerConfig
	delay    time.Duration
	conns    sync.WaitGroup
	closed   chan struct{}
	mu       sync.Mutex
	open     map[net.Conn]struct{}
}

// Start starts a server that lets in the one key, on a free port of loopback.
// Every read waits for delay, as a long line would make it.
func Start(m Machine, user ssh.PublicKey, delay time.Duration) (*Server, error) {
	s := &Server{Machine: m, delay: delay, closed: make(chan struct{}), open: map[net.Conn]struct{}{}}
	var err error
	if s.config, err = s.serverConfig(user); err != nil {
		return nil, fmt.Errorf("demo host %s: %w", m.Name, err)
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("demo host %s: %w", m.Name, err)
	}
	s.Addr = s.listener.Addr()
	s.conns.Go(s.accept)
	return s, nil
}

// Close ends the server and every connection to it.
func (s *Server) Close() error {
	err := s.listener.Close()
	close(s.closed)
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.conns.Wait()
	return err
}

func (s *Server) serverConfig(user ssh.PublicKey) (*ssh.ServerConfig, error) {
	m := s.Machine
	allowed := string(user.Marshal())
	config := &ssh.ServerConfig{
		ServerVersion: m.Greeting,
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.hangsAt(StageLogin)
			if string(key.Marshal()) != allowed {
				return nil, errors.New("this key is not the demo's")
			}
			return nil, nil
		},
	}
	signer, err := hostKey(m.HostKey)
	if err != nil {
		return nil, err
	}
	config.AddHostKey(signer)
	if m.Old {
		config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1, ssh.InsecureKeyExchangeDH14SHA1}
		config.Ciphers = []string{ssh.InsecureCipherTripleDESCBC, ssh.InsecureCipherAES128CBC}
		config.MACs = []string{ssh.HMACSHA1}
	}
	return config, nil
}

// hostKey makes a key of the type the host has.
func hostKey(kind string) (ssh.Signer, error) {
	switch kind {
	case ssh.KeyAlgoRSA:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	default:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerFromKey(key)
	}
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = struct{}{}
		s.mu.Unlock()
		s.conns.Go(func() {
			s.serve(c)
			_ = c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

func (s *Server) serve(c net.Conn) {
	switch s.Machine.Hangs {
	case "":
	case StageConnect:
		s.hang()
		return
	case StageBanner:
		s.drip(c)
		return
	default:
		c = s.hangingConn(c)
	}
	_, chans, reqs, err := ssh.NewServerConn(slow{c, s.delay}, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	var sessions sync.WaitGroup
	for ch := range chans {
		if ch.ChannelType() == "direct-tcpip" {
			s.forward(ch)
			continue
		}
		if ch.ChannelType() != "session" {
			_ = ch.Reject(ssh.UnknownChannelType, "only sessions are simulated")
			continue
		}
		channel, requests, err := ch.Accept()
		if err != nil {
			continue
		}
		sessions.Go(func() { s.session(c, channel, requests) })
	}
	sessions.Wait()
}

// forward answers who wants to connect onward in the simulated network: nobody
// says anything there, and where packets are dropped, nobody answers at all.
func (s *Server) forward(ch ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	_ = ssh.Unmarshal(ch.ExtraData(), &to)
	address := net.JoinHostPort(to.Host, strconv.FormatUint(uint64(to.Port), 10))
	switch {
	case slices.Contains(s.Machine.Dropped, address):
		return // the client waits until it has had enough
	case !s.Machine.Listening[address]:
		_ = ch.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	}
	if channel, requests, err := ch.Accept(); err == nil {
		go ssh.DiscardRequests(requests)
		s.conns.Go(func() { _, _ = io.Copy(io.Discard, channel); _ = channel.Close() })
	}
}

// session waits for the command of a session and runs the simulated shell.
func (s *Server) session(conn net.Conn, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for req := range requests {
		if req.Type != "exec" {
			_ = req.Reply(req.Type == "env", nil)
			continue
		}
		_ = req.Reply(true, nil)
		go ssh.DiscardRequests(requests)
		var exec struct{ Command string }
		_ = ssh.Unmarshal(req.Payload, &exec)
		status := s.execute(exec.Command, conn, channel)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// execute answers one command: our shell conversation, or a line typed through
// another client.
func (s *Server) execute(command string, conn net.Conn, channel ssh.Channel) uint32 {
	if command != shell.Command {
		r := s.Machine.command(command)
		_, _ = io.WriteString(channel, r.Stdout)
		_, _ = io.WriteString(channel.Stderr(), r.Stderr)
		return uint32(r.Exit)
	}
	if err := s.converse(conn, channel); err != nil {
		return 1
	}
	return 0
}

// slow is a connection over a long line: each answer takes a while to come.
type slow struct {
	net.Conn
	delay time.Duration
}

func (s slow) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if s.delay > 0 && n > 0 {
		time.Sleep(s.delay)
	}
	return n, err
}
