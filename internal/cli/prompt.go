package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// errNobody says that a question has nobody to answer it.
var errNobody = errors.New("nobody is there to answer")

// A prompter asks a person, one question at a time.
type prompter struct {
	io    stdio.Streams
	lines *bufio.Reader
	mu    sync.Mutex
}

func newPrompter(streams stdio.Streams) *prompter {
	return &prompter{io: streams, lines: bufio.NewReader(streams.In)}
}

// secret asks for something that is not shown. Where standard input is no
// terminal its lines are the answers, one for each question, in order: so a
// script pipes them in, and they never stand in argv or the environment.
func (p *prompter) secret(ctx context.Context, prompt string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.io.InTTY {
		return p.wait(ctx, prompt, p.readLine)
	}
	fmt.Fprintf(p.io.Err, "%s: ", printable(prompt))
	defer fmt.Fprintln(p.io.Err)
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("%s: %w", prompt, err)
	}
	defer func() { _ = term.Restore(fd, before) }() // also when the person walks away in the middle
	return p.wait(ctx, prompt, func() (string, error) {
		secret, err := term.ReadPassword(fd)
		return string(secret), err
	})
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
	answer, err := p.wait(ctx, "answer", p.readLine)
	if err != nil {
		fmt.Fprintln(p.io.Err)
	}
	return answer, err
}

// wait returns what read reads, or gives up with ctx. The reader is left behind
// then: nobody asks again.
func (p *prompter) wait(ctx context.Context, what string, read func() (string, error)) (string, error) {
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
		if a.err != nil {
			return "", fmt.Errorf("%s: %w", what, a.err)
		}
		return a.text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// readLine reads one line; the end of input is an empty answer.
func (p *prompter) readLine() (string, error) {
	line, err := p.lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
