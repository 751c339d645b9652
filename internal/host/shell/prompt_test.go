package shell

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"
)

// FuzzPrompt has the prompt found wherever the stream is cut, never twice, never
// where it is not, and the stream passed on as it is.
func FuzzPrompt(f *testing.F) {
	f.Add([]byte("lecture\n"), []byte("prompt-word"), []byte(" and "), uint8(0), uint8(0))
	f.Add([]byte("Mot de passe : pro"), []byte("prompt"), []byte("pt"), uint8(2), uint8(3))
	f.Add([]byte("ababa"), []byte("aba"), []byte("ba"), uint8(1), uint8(1))
	f.Add([]byte(nil), []byte("a"), []byte("aaa"), uint8(255), uint8(0))
	f.Fuzz(func(t *testing.T, before, word, after []byte, step, unwatched uint8) {
		if len(word) == 0 || len(word) > maxPrompt || !utf8.Valid(word) {
			return // a prompt is never empty
		}
		stream := bytes.Join([][]byte{before, after, after}, word)
		p := &promptWatch{r: &pieces{rest: stream, step: int(step) + 1}}
		var got []byte
		buf := make([]byte, 64)
		read := func() bool {
			n, err := p.Read(buf)
			got = append(got, buf[:n]...)
			return err != io.EOF
		}
		for range int(unwatched) % 8 { // what goes by before anybody watches is not it
			read()
		}
		want := min(2, bytes.Count(stream[len(got):], word)) // its channel holds two
		passed := len(got)
		prompts := p.watch(regexp.MustCompile(regexp.QuoteMeta(string(word))))
		for read() {
		}
		if len(prompts) != want {
			t.Errorf("%q in %q after %d bytes: found %d times, want %d", word, stream, passed, len(prompts), want)
		}
		if !bytes.Equal(got, stream) || !bytes.Equal(p.seen(), stream[:min(4096, len(stream))]) {
			t.Errorf("%q passed on as %q, remembered as %q", stream, got, p.seen())
		}
	})
}

// FuzzPrompts has a host print anything, in pieces, around a prompt: a prompt of
// ours is found once, and no piece of text alone is taken for one.
func FuzzPrompts(f *testing.F) {
	const token = "0123456789abcdef01234567"
	f.Add([]byte("We trust you have received the usual lecture.\n"), 3)
	f.Add([]byte("[sudo] Mot de passe de kim : "), 1)
	f.Add([]byte(token[:20]), 7)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		if bytes.Contains(append(bytes.Clone(text), token[:23]...), []byte(token)) {
			return
		}
		p := &promptWatch{}
		seen := p.watch(regexp.MustCompile(regexp.QuoteMeta(token)))
		said := append(append(bytes.Clone(text), token...), '\n')
		for part := range slices.Chunk(said, 1+max(0, piece)%64) {
			p.inspect(part)
		}
		if len(seen) != 1 {
			t.Fatalf("%q was seen %d times", said, len(seen))
		}
		_ = lastLine(text)
		if s := parseStanding(string(text)); s.by != "" && s.by != BecomeSudo && s.by != BecomeDoas && s.by != BecomeSu {
			t.Fatalf("root by %q", s.by)
		}
	})
}
