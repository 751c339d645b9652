package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// askSecret asks for secrets without showing them. Where standard input is no
// terminal its lines are the answers, one for each question, in order: so a
// script pipes them in, and they never stand in argv or the environment.
func askSecret(streams stdio.Streams) ssh.Ask {
	var mu sync.Mutex // one question at a time
	lines := bufio.NewReader(streams.In)
	return func(ctx context.Context, prompt string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		if !streams.InTTY {
			line, err := lines.ReadString('\n')
			if err != nil && err != io.EOF {
				return "", fmt.Errorf("%s: %w", prompt, err)
			}
			return strings.TrimRight(line, "\r\n"), nil
		}
		fmt.Fprintf(streams.Err, "%s: ", prompt)
		secret, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(streams.Err)
		if err != nil {
			return "", fmt.Errorf("%s: %w", prompt, err)
		}
		return string(secret), nil
	}
}

// askLine asks a person a question and returns the answer in lower case.
func askLine(streams stdio.Streams, question string) (string, error) {
	if !streams.InTTY {
		return "", errNobody
	}
	fmt.Fprint(streams.Err, question)
	line, err := bufio.NewReader(streams.In).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("answer: %w", err)
	}
	return strings.ToLower(strings.TrimSpace(line)), nil
}
