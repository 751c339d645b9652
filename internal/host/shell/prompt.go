package shell

import (
	"bytes"
	"io"
	"sync"
)

// promptWatch passes a stream through and says when a word went by, also one
// that no newline follows.
type promptWatch struct {
	r io.Reader

	mu    sync.Mutex
	word  []byte
	seenC chan struct{}
	last  []byte // the end of what passed, to find a word cut in two
	first []byte // the beginning of the stream, for explanations
}

// watch tells on the channel each time word passes, at most twice.
func (p *promptWatch) watch(word string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word, p.seenC, p.last = []byte(word), make(chan struct{}, 2), nil
	return p.seenC
}

// seen is the beginning of the stream so far.
func (p *promptWatch) seen() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.first)
}

func (p *promptWatch) Read(buf []byte) (int, error) {
	n, err := p.r.Read(buf)
	p.inspect(buf[:n])
	return n, err
}

func (p *promptWatch) inspect(chunk []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if room := 4096 - len(p.first); room > 0 {
		p.first = append(p.first, chunk[:min(room, len(chunk))]...)
	}
	if p.word == nil {
		return
	}
	text := append(p.last, chunk...)
	for {
		i := bytes.Index(text, p.word)
		if i < 0 {
			break
		}
		text = text[i+len(p.word):]
		select {
		case p.seenC <- struct{}{}:
		default:
		}
	}
	p.last = bytes.Clone(text[max(0, len(text)-len(p.word)+1):])
}
