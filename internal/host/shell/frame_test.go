package shell

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzFrames has a frame accepted only where a whole line begins with the word,
// wherever the stream is cut, and every byte that is not of a frame handed over.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("noise\n@@nightcall-w hello root\n\n@@nightcall-w begin os 12\nout\n\n@@nightcall-w end os 0\n@@nightcall-w done\n"), uint16(1))
	f.Add([]byte("@@nightcall-w end\n@@nightcall-w end os 99999999999999999999\n@@nightcall-w begin \x00 -1\n"), uint16(7))
	f.Add([]byte("@@nightcall-x end os 0\n @@nightcall-w end os 0\nx@@nightcall-w end os 0\n@@nightcall-wend os 0\n"), uint16(3))
	f.Add([]byte("@@nightcall-w end os 127"), uint16(23))
	f.Add([]byte("@@nightcall-w end os\r 0\r\n@@nightcall-w done"+strings.Repeat(" ", 300)+"\n"), uint16(4096))
	f.Add(bytes.Repeat([]byte("x"), 5<<10), uint16(5000))
	f.Fuzz(func(t *testing.T, data []byte, step uint16) {
		var wantText []byte
		var wantFrames []frame
		for line := range bytes.Lines(data) {
			if found, ok := frameLine(line); ok {
				wantFrames = append(wantFrames, found)
				continue
			}
			wantText = append(wantText, line...)
		}
		var text []byte
		var frames []frame
		in := iotest.DataErrReader(&pieces{rest: data, step: int(step) + 1})
		if err := readFrames(in, "w", func(p []byte) { text = append(text, p...) }, func(f frame) { frames = append(frames, f) }); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, wantText) || !slices.Equal(frames, wantFrames) {
			t.Errorf("%q in pieces of %d\ngot  %q, %+v\nwant %q, %+v", data, int(step)+1, text, frames, wantText, wantFrames)
		}
		for _, f := range frames {
			if f.verb == "" || f.num < -1 || f.verb != "done" && f.name == "" {
				t.Errorf("frame %+v", f)
			}
		}
	})
}

// frameLine reads one line as readFrames should, from a whole stream.
func frameLine(line []byte) (frame, bool) {
	rest, ours := strings.CutPrefix(string(line), "@@nightcall-w ")
	if !ours || !strings.HasSuffix(rest, "\n") || len(line) > maxFrame {
		return frame{}, false
	}
	return parseFrame(rest)
}

// pieces hands bytes over a few at a time, as a link does.
type pieces struct {
	rest []byte
	step int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.step, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

func FuzzCapture(f *testing.F) {
	f.Add([]byte("hello, world"), uint8(4), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, limit, step uint8) {
		c := capture{limit: int(limit) + 2}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), int(step)+1)
			_, _ = c.Write(rest[:n])
			rest = rest[n:]
		}
		got := c.Bytes()
		if int64(len(got))+c.dropped != int64(len(data)) {
			t.Fatalf("kept %d, dropped %d of %d", len(got), c.dropped, len(data))
		}
		if len(got) > c.limit {
			t.Fatalf("kept %d, limit %d", len(got), c.limit)
		}
		head := min(c.limit/2, len(data))
		if !bytes.Equal(got[:head], data[:head]) || !bytes.HasSuffix(data, got[head:]) {
			t.Fatalf("kept %q of %q", got, data)
		}
		c.trimNewline()
		if want := strings.TrimSuffix(string(got), "\n"); string(c.Bytes()) != want {
			t.Fatalf("trimmed to %q, want %q", c.Bytes(), want)
		}
	})
}
