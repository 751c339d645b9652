package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// errNobody says that a question has nobody to answer it.
var errNobody = errors.New("nobody is there to answer")

// A prompter asks a person, one question at a time.
type prompter struct {
	io    stdio.Streams
	lines *bufio.Reader
	mu    sync.Mutex
	gone  error // why a question was given up: nobody is asked again
}

func newPrompter(streams stdio.Streams) *prompter {
	return &prompter{io: streams, lines: bufio.NewReader(streams.In)}
}

// secret asks for something that is not shown. Where standard input is no
// terminal its lines are the answers, one for each question, in order: so a
// script pipes them in, and they never stand in argv or the environment. At the end
// of input (^D) the error wraps credential.ErrNone.
func (p *prompter) secret(ctx context.Context, prompt string) (string, error) {
	return p.secretWithin(ctx, prompt, 0)
}

// within is secret for questions that somebody has to answer in time, counted from
// when they are shown.
func (p *prompter) within(most time.Duration) credential.Ask {
	return func(ctx context.Context, prompt string) (string, error) { return p.secretWithin(ctx, prompt, most) }
}

func (p *prompter) secretWithin(ctx context.Context, prompt string, most time.Duration) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone != nil {
		return "", p.gone
	}
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, most, fmt.Errorf("nobody answered in %s; the same command asks again", most))
		defer cancel()
	}
	if p.io.InTTY {
		fmt.Fprintf(p.io.Err, "%s: ", printable(prompt))
		defer fmt.Fprintln(p.io.Err)
		show, err := stdio.HideTyping()
		if err != nil {
			return "", fmt.Errorf("%s: %w", prompt, err)
		}
		defer show() // also when the person walks away in the middle
	}
	return p.wait(ctx, p.readSecret)
}

// line asks a question and returns the answer in lower case.
func (p *prompter) line(ctx context.Context, question string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.io.InTTY {
		return "", errNobody
	}
	fmt.Fprint(p.io.Err, question)
	answer, err := p.typed(ctx)
	return strings.ToLower(strings.TrimSpace(answer)), err
}

// ask asks a question and returns the answer as it was typed.
func (p *prompter) ask(ctx context.Context, question string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.io.Err, question)
	return p.typed(ctx)
}

// typed is a line that shows as it is typed. Without one the line of the question
// is left all the same.
func (p *prompter) typed(ctx context.Context) (string, error) {
	answer, err := p.wait(ctx, p.readLine)
	if err != nil {
		fmt.Fprintln(p.io.Err)
	}
	return answer, err
}

// wait returns what read reads, or gives up with ctx. The reader is left behind
// then: nobody asks again.
func (p *prompter) wait(ctx context.Context, read func() (string, error)) (string, error) {
	if p.gone != nil {
		return "", p.gone
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		p.gone = context.Cause(ctx)
		return "", p.gone
	}
}

// readLine reads one line; the end of input is an empty answer.
func (p *prompter) readLine() (string, error) {
	line, err := p.readSecret()
	if errors.Is(err, credential.ErrNone) {
		return "", nil
	}
	return line, err
}

// readSecret reads one line. The end of input says that there is none; behind a line
// without an end it is that.
func (p *prompter) readSecret() (string, error) {
	line, err := p.lines.ReadString('\n')
	if errors.Is(err, io.EOF) && line == "" {
		return "", credential.ErrNone
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
