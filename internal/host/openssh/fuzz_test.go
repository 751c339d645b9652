//go:build unix

package openssh

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzJournal feeds what ssh and a server may say. Whatever it is, nothing that
// comes after the key exchange changes what is offered next.
func FuzzJournal(f *testing.F) {
	f.Add("debug1: Connection established.\ndebug1: Remote protocol version 2.0, remote software version x\n", "no matching cipher found. Their offer: 3des-cbc")
	f.Add("Unable to negotiate with h port 22: no matching MAC found. Their offer: hmac-md5,\x1b[2J", "Host key verification failed.")
	f.Add("debug1: kex: server->client cipher: a MAC: <implicit> compression: none", "debug1: Entering interactive session.")
	f.Fuzz(func(t *testing.T, before, after string) {
		j := &journal{}
		for line := range strings.Lines(before) {
			j.read(line)
		}
		j.no, j.otherKey = nil, false
		j.to(stepAuth)
		for line := range strings.Lines(after) {
			j.read(line)
		}
		if j.no != nil || j.otherKey {
			t.Errorf("a server chose what we offer: %q", after)
		}
		if err := j.explain(&login{}); err == nil || strings.ContainsAny(err.Error(), "\x00\x1b\n") {
			t.Errorf("explained as %q", err)
		}
	})
}

// FuzzMessage reads what another program may write to the control socket.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0c\x80\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			m, err := readMessage(r)
			if err != nil {
				return
			}
			if _, text := m.word(), m.text(); len(text) > len(data) {
				t.Error("a text from nowhere")
			}
		}
	})
}
