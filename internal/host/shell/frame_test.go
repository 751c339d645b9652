package shell

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzFrames(f *testing.F) {
	f.Add([]byte("noise\n@@nightcall-w hello root\n\n@@nightcall-w begin os 12\nout\n\n@@nightcall-w end os 0\n@@nightcall-w done\n"))
	f.Add([]byte("@@nightcall-w end\n@@nightcall-w end os 99999999999999999999\n@@nightcall-w begin \x00 -1\n"))
	f.Add(bytes.Repeat([]byte("x"), 70<<10))
	f.Fuzz(func(t *testing.T, data []byte) {
		collect := func(one bool) (text []byte, frames []frame) {
			in := iotest.DataErrReader(bytes.NewReader(data))
			if one {
				in = iotest.OneByteReader(bytes.NewReader(data))
			}
			if err := readFrames(in, "w", func(p []byte) { text = append(text, p...) }, func(f frame) { frames = append(frames, f) }); err != nil {
				t.Fatal(err)
			}
			return text, frames
		}
		text, frames := collect(false)
		again, framesAgain := collect(true)
		if !bytes.Equal(text, again) || len(frames) != len(framesAgain) {
			t.Errorf("the same bytes in other pieces read differently")
		}
		if len(text) > len(data) {
			t.Errorf("%d bytes became %d", len(data), len(text))
		}
		for _, f := range frames {
			if f.num < -1 {
				t.Errorf("frame %+v", f)
			}
		}
	})
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

func TestPromptWatchFindsAWordCutInTwo(t *testing.T) {
	t.Parallel()
	p := &promptWatch{r: iotest.OneByteReader(strings.NewReader("lecture\nprompt-word and prompt-word"))}
	seen := p.watch("prompt-word")
	buf := make([]byte, 64)
	for {
		if _, err := p.Read(buf); err != nil {
			break
		}
	}
	if len(seen) != 2 {
		t.Errorf("seen %d times, want 2", len(seen))
	}
}
