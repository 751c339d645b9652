package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// Whoever walks away from a question leaves its line, so that what follows does not
// stand behind it.
func TestAbandonedQuestionLeavesItsLine(t *testing.T) {
	t.Parallel()
	never, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	p := newPrompter(stdio.Streams{In: never, Err: &errs, InTTY: true})
	if _, err := p.line(ctx, "Trust it? "); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got, want := errs.String(), "Trust it? \n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
