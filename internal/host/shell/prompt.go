package shell

import (
	"bytes"
	"io"
	"regexp"
	"sync"
)

// promptWatch passes a stream through and says when a pattern went by, also one
// that no newline follows.
type promptWatch struct {
	r io.Reader

	mu      sync.Mutex
	pattern *regexp.Regexp
	seenC   chan struct{}
	last    []byte // the end of what passed, to find a prompt cut in two
	first   []byte // the beginning of the stream, for explanations
}

// maxPrompt is longer than any prompt that is waited for.
const maxPrompt = 512

// watch tells on the channel each time that pattern passes from now on, at most
// twice.
func (p *promptWatch) watch(pattern *regexp.Regexp) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pattern, p.seenC, p.last = pattern, make(chan struct{}, 2), nil
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
	if p.pattern == nil {
		return
	}
	text := append(p.last, chunk...)
	for at := p.pattern.FindIndex(text); at != nil; at = p.pattern.FindIndex(text) {
		text = text[at[1]:]
		select {
		case p.seenC <- struct{}{}:
		default:
		}
	}
	p.last = bytes.Clone(text[max(0, len(text)-maxPrompt):])
}

// unwatch stops looking: what follows is the script's output.
func (p *promptWatch) unwatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pattern, p.last = nil, nil
}
