package look

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"sync"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// The verdicts of a heartbeat.
const (
	vulnerable = "vulnerable"
	fixed      = "fixed"
	unaffected = "unaffected"
	unknown    = "unknown"
)

// tlsPorts are those where a conversation begins with TLS.
var tlsPorts = []int{443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2376, 4443, 5061, 5671, 6443, 6697, 8443, 8883, 9443, 10443}

// Heartbeats asks every service of a host that may speak TLS: those on the usual
// ports, and those whose process has OpenSSL loaded.
func Heartbeats(ctx context.Context, dial Dial, sockets fact.Sockets, libraries []fact.Library) []fact.Heartbeat {
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		found = []fact.Heartbeat{}
		room  = make(chan struct{}, atOnce)
	)
	for _, l := range tlsListeners(sockets, libraries) {
		wait.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			verdict, proof, speaks := Heartbleed(ctx, dial, targetOf(l).address)
			if !speaks && !slices.Contains(tlsPorts, l.Port) {
				return // it was only worth a try
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, fact.Heartbeat{Port: l.Port, Process: plain.Clip(path.Base(l.Process), 80), Verdict: verdict, Proof: proof})
		})
	}
	wait.Wait()
	slices.SortFunc(found, func(a, b fact.Heartbeat) int { return a.Port - b.Port })
	return found
}

func tlsListeners(sockets fact.Sockets, libraries []fact.Library) []fact.Listener {
	var pids []int
	for _, l := range libraries {
		if l.Name == "libssl" {
			pids = append(pids, l.PIDs...)
		}
	}
	var out []fact.Listener
	for _, l := range sockets.Listeners {
		known := func(o fact.Listener) bool { return o.Port == l.Port }
		maybe := slices.Contains(tlsPorts, l.Port) || l.PID != 0 && slices.Contains(pids, l.PID)
		if l.Proto == "tcp" && maybe && !unaskable(l) && !slices.ContainsFunc(out, known) && len(out) < maxServices {
			out = append(out, l)
		}
	}
	return out
}

// TLS as far as it goes here: records, and the messages of a handshake.
const (
	recordAlert     = 21
	recordHandshake = 22
	recordHeartbeat = 24

	serverHello     = 2
	serverHelloDone = 14

	maxRecord    = 1<<14 + 2048
	maxHandshake = 1 << 17
)

// A heartbeat's answer is its head (3 bytes), the claimed payload and padding
// (16 bytes); the length tells which of ours was answered. They are sent before
// the handshake is over, so that nothing is encrypted.
const (
	tooMuch = 1 // bytes that the first claims, and has not
	correct = 2 // bytes that the second claims, and has
)

// Heartbleed finds out whether a TLS service hands out memory (CVE-2014-0160): it
// sends a heartbeat that claims one byte more than it has, then a correct one.
// A vulnerable service answers the first; a repaired one passes it over and
// answers the second. Of an answer, only the header is read: what memory it holds
// is never taken off the wire, and at most it is one byte. speaks is whether the
// service speaks TLS at all.
func Heartbleed(ctx context.Context, dial Dial, address string) (verdict, proof string, speaks bool) {
	verdict, proof = unknown, "no answer"
	err := talk(ctx, dial, address, func(c net.Conn) error {
		if _, err := c.Write(clientHello); err != nil {
			return err
		}
		offers, err := readHandshake(c) // unbuffered: what we do not ask for, we do not read
		if errors.Is(err, errNewer) {
			verdict, proof, speaks = unaffected, err.Error(), true
			return nil
		}
		if err != nil {
			return err
		}
		speaks = true
		if !offers {
			verdict, proof = unaffected, "it does not know heartbeats"
			return nil
		}
		proof = "it knows heartbeats and answered none"
		if _, err := c.Write(heartbeats); err != nil {
			return err
		}
		verdict, proof, err = readHeartbeat(c)
		return err
	})
	if err != nil && verdict == unknown {
		proof = plain.Clip(err.Error(), 200)
	}
	return verdict, proof, speaks
}

var (
	errNoTLS   = errors.New("it does not speak TLS")
	errRefused = errors.New("it refuses our TLS greeting")
	errNewer   = errors.New("it speaks only TLS 1.3, which no OpenSSL with the fault does")
)

// protocolVersion is the alert of a server that wants another version. We greet
// as TLS 1.2: an older server would answer with its own, so it is a newer one.
const protocolVersion = 70

// refusal is what an alert means.
func refusal(r io.Reader, length int) error {
	var alert [2]byte
	if _, err := io.ReadFull(r, alert[:]); err == nil && length == 2 && alert[1] == protocolVersion {
		return errNewer
	}
	return errRefused
}

// record reads the header of a TLS record.
func record(r io.Reader) (kind byte, length int, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	length = int(binary.BigEndian.Uint16(head[3:]))
	if head[0] < 20 || head[0] > 24 || head[1] != 3 || length > maxRecord {
		return 0, 0, errNoTLS
	}
	return head[0], length, nil
}

// readHandshake reads what a server says before it waits for us, and reports
// whether it knows heartbeats.
func readHandshake(r io.Reader) (offers bool, err error) {
	var messages []byte
	for len(messages) < maxHandshake {
		kind, length, err := record(r)
		if err != nil {
			return false, err
		}
		if kind == recordAlert {
			return false, refusal(r, length)
		}
		if kind != recordHandshake {
			return false, errNoTLS
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(r, text); err != nil {
			return false, err
		}
		messages = append(messages, text...)
		for len(messages) >= 4 {
			size := int(messages[1])<<16 | int(messages[2])<<8 | int(messages[3])
			if size > maxHandshake {
				return false, errNoTLS
			}
			if len(messages) < 4+size {
				break
			}
			switch messages[0] {
			case serverHello:
				offers = offersHeartbeat(messages[4 : 4+size])
			case serverHelloDone:
				return offers, nil
			}
			messages = messages[4+size:]
		}
	}
	return false, errNoTLS
}

// offersHeartbeat looks for the extension in a ServerHello.
func offersHeartbeat(hello []byte) bool {
	rest, ok := after(hello, 2+32) // version, random
	if !ok || len(rest) < 1 {
		return false
	}
	rest, ok = after(rest, 1+int(rest[0])+2+1+2) // session, cipher, compression, length of extensions
	for ok && len(rest) >= 4 {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if kind == 15 {
			return true
		}
		rest, ok = after(rest, 4+size)
	}
	return false
}

func after(b []byte, n int) ([]byte, bool) {
	if len(b) < n {
		return nil, false
	}
	return b[n:], true
}

// readHeartbeat reads the header of the first answer, and leaves its content.
func readHeartbeat(r io.Reader) (verdict, proof string, err error) {
	for range 4 {
		kind, length, err := record(r)
		if err != nil {
			return unknown, "", fmt.Errorf("no answer to a heartbeat: %w", err)
		}
		switch {
		case kind == recordHeartbeat && length == 3+correct+16:
			return fixed, "it passed over a heartbeat that claims too much, and answered a correct one", nil
		case kind == recordHeartbeat:
			return vulnerable, fmt.Sprintf("it answered a heartbeat that claims %d byte more than it has, with %d bytes", tooMuch, length), nil
		case kind == recordAlert:
			return fixed, "it ended the connection over a heartbeat that claims too much", nil
		}
		if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
			return unknown, "", err
		}
	}
	return unknown, "it answered with something else", nil
}

// heartbeats are two records: one that claims a byte it has not, and has no
// padding either, and a correct one.
var heartbeats = slices.Concat(
	[]byte{recordHeartbeat, 3, 3, 0, 3, 1, 0, tooMuch},
	[]byte{recordHeartbeat, 3, 3, 0, 3 + correct + 16, 1, 0, correct, 'n', 'c'}, make([]byte, 16),
)

// clientHello greets as TLS 1.2 does, with ciphers that old and new servers have,
// and knows heartbeats.
var clientHello = func() []byte {
	random := make([]byte, 32)
	copy(random, "nightcall asks about heartbleed")
	suites := []uint16{
		0xc02f, 0xc02b, 0xc030, 0xc02c, 0xc013, 0xc014, 0xc009, 0xc00a, 0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d, 0x000a,
		0x0033, 0x0039, 0x009e, 0x009f, 0x0016, 0x00ff,
	}
	extension := func(kind uint16, data ...byte) []byte {
		return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(len(data))), data...)
	}
	extensions := slices.Concat(
		extension(10, 0, 8, 0, 29, 0, 23, 0, 24, 0, 25),                // curves
		extension(11, 1, 0),                                            // points as they are
		extension(13, 0, 14, 4, 3, 8, 4, 4, 1, 5, 1, 6, 1, 2, 1, 2, 3), // signatures
		extension(15, 1),                                               // heartbeats, both ways
	)
	var body []byte
	body = append(body, 3, 3)
	body = append(append(body, random...), 0) // no session
	body = binary.BigEndian.AppendUint16(body, uint16(2*len(suites)))
	for _, s := range suites {
		body = binary.BigEndian.AppendUint16(body, s)
	}
	body = append(body, 1, 0) // no compression
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(extensions))), extensions...)
	message := append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{recordHandshake, 3, 1, byte(len(message) >> 8), byte(len(message))}, message...)
}()

// targetOf is where a listener is found from inside its host.
func targetOf(l fact.Listener) target {
	address := l.Addr.Unmap().WithZone("").String()
	if l.All || l.Addr.IsUnspecified() {
		address = "127.0.0.1"
	}
	return target{l, net.JoinHostPort(address, strconv.Itoa(l.Port))}
}
