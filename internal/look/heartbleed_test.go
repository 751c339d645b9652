package look

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// secret stands for what lies in a vulnerable server's memory.
const secret = "-----BEGIN RSA PRIVATE KEY-----"

// serverFlight is what a server says before it waits: that it knows heartbeats,
// or not, a certificate of no use, and that it is done.
func serverFlight(heartbeats bool) []byte {
	extensions := []byte{0xff, 1, 0, 1, 0}
	if heartbeats {
		extensions = append(extensions, 0, 15, 0, 1, 1)
	}
	hello := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{4, 1, 2, 3, 4}, []byte{0, 0x2f, 0, 0, byte(len(extensions))}, extensions)
	messages := slices.Concat([]byte{serverHello, 0, 0, byte(len(hello))}, hello, []byte{11, 0, 0, 3, 0, 0, 0}, []byte{serverHelloDone, 0, 0, 0})
	// Split in the middle of a message, as servers do.
	first, second := messages[:20], messages[20:]
	return slices.Concat([]byte{recordHandshake, 3, 3, 0, byte(len(first))}, first, []byte{recordHandshake, 3, 3, 0, byte(len(second))}, second)
}

// openssl answers heartbeats as OpenSSL does: 1.0.1f copies as much as a
// heartbeat claims; 1.0.1g passes over one that claims more than it has.
func openssl(t *testing.T, repaired bool) string {
	t.Helper()
	return server(t, func(c net.Conn) {
		if _, _, err := readRecord(c); err != nil {
			return
		}
		_, _ = c.Write(serverFlight(true))
		for {
			kind, body, err := readRecord(c)
			if err != nil || kind != recordHeartbeat || len(body) < 3 {
				return
			}
			claimed := int(body[1])<<8 | int(body[2])
			if repaired && 1+2+claimed+16 > len(body) {
				continue
			}
			memory := append(bytes.Clone(body[3:]), secret...)
			answer := slices.Concat([]byte{2, body[1], body[2]}, memory[:claimed], make([]byte, 16))
			_, _ = c.Write(slices.Concat([]byte{recordHeartbeat, 3, 3, byte(len(answer) >> 8), byte(len(answer))}, answer))
		}
	})
}

func readRecord(c net.Conn) (byte, []byte, error) {
	kind, length, err := record(c)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, length)
	_, err = io.ReadFull(c, body)
	return kind, body, err
}

func server(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	return hosttest.Serve(t, serve).String()
}

// counting counts what is read.
type counting struct {
	net.Conn
	n *atomic.Int64
}

func (c counting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func TestHeartbleed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, address, verdict string }{
		{"as 1.0.1f", openssl(t, false), vulnerable},
		{"as 1.0.1g", openssl(t, true), fixed},
		{"without heartbeats", server(t, func(c net.Conn) { _, _, _ = readRecord(c); _, _ = c.Write(serverFlight(false)) }), unaffected},
		{"silent", server(t, func(c net.Conn) { _, _, _ = readRecord(c); _, _ = c.Write(serverFlight(true)) }), unknown},
		{"an alert", server(t, func(c net.Conn) { _, _, _ = readRecord(c); _, _ = c.Write([]byte{recordAlert, 3, 3, 0, 2, 2, 40}) }), unknown},
		{"no TLS", server(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ESMTP\r\n") }), unknown},
		{"hangs up", server(t, func(net.Conn) {}), unknown},
	} {
		var read atomic.Int64
		from := func(ctx context.Context, address string) (net.Conn, error) {
			c, err := dial(ctx, address)
			return counting{c, &read}, err
		}
		verdict, proof, _ := Heartbleed(t.Context(), from, tt.address)
		if verdict != tt.verdict || proof == "" || strings.Contains(proof, "BEGIN") {
			t.Errorf("%s: %s: %s", tt.name, verdict, proof)
		}
		if most := int64(len(serverFlight(true)) + 5); read.Load() > most {
			t.Errorf("%s: %d bytes were read, %d are needed", tt.name, read.Load(), most)
		}
	}
}

// A real OpenSSL of today.
func TestHeartbleedOfOpenSSL(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal(err)
	}
	file := certificate(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		cmd := exec.Command(program, "s_server", "-accept", address, "-cert", file, "-key", file, version, "-quiet")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		verdict, proof := "", ""
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && (proof == "" || strings.Contains(proof, "refused")) && !strings.Contains(proof, "refuses"); {
			verdict, proof, _ = Heartbleed(t.Context(), dial, address)
		}
		if verdict != unaffected {
			t.Errorf("%s: %s: %s", version, verdict, proof)
		}
	}
}

func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})...)
	file := filepath.Join(t.TempDir(), "pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Services are asked that are on a port of TLS, or whose process has OpenSSL.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	bad := listener(t, openssl(t, false), "haproxy")
	bad.PID = 7
	plainText := listener(t, server(t, func(c net.Conn) { _, _ = fmt.Fprintln(c, "hello") }), "haproxy")
	plainText.PID = 7
	other := listener(t, openssl(t, false), "java")
	other.PID = 8
	database := listener(t, openssl(t, false), "mysqld")
	database.PID = 7
	got := Heartbeats(t.Context(), dial, fact.Sockets{Listeners: []fact.Listener{bad, plainText, other, database}},
		[]fact.Library{{Name: "libssl", PIDs: []int{7}}, {Name: "libc", PIDs: []int{8}}})
	if len(got) != 1 || got[0].Port != bad.Port || got[0].Verdict != vulnerable || got[0].Process != "haproxy" {
		t.Errorf("%+v", got)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add(serverFlight(true))
	f.Add(serverFlight(false))
	f.Add([]byte{22, 3, 3, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		if _, err := readHandshake(r); err != nil {
			return
		}
		if verdict, _, err := readHeartbeat(r); err == nil && verdict == "" {
			t.Error("no verdict")
		}
	})
}
