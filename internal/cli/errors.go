package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// Exit codes. docs/design.md and each command's EXIT STATUS say the same.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitNotReached = 10 // some hosts were not reached
	exitStopped    = 11 // by nightcall stop
	exitCancelled  = 130
)

// A cliError is an error with what to type next and how to exit.
type cliError struct {
	err    error
	hint   string
	code   int
	silent bool // everything was said already; only the code remains
}

func (e *cliError) Error() string { return e.err.Error() }
func (e *cliError) Unwrap() error { return e.err }

// withHint adds the next thing to type to err.
func withHint(err error, format string, args ...any) error {
	return &cliError{err: err, hint: fmt.Sprintf(format, args...), code: exitFailed}
}

// usageError says that the command line itself is wrong.
func usageError(hint, format string, args ...any) error {
	return &cliError{err: fmt.Errorf(format, args...), hint: hint, code: exitUsage}
}

// exitWith ends the command with code, when all that matters was printed.
func exitWith(code int) error {
	return &cliError{err: fmt.Errorf("exit status %d", code), code: code, silent: true}
}

// silent holds for an error about which everything was said.
func silent(err error) bool {
	var e *cliError
	return errors.As(err, &e) && e.silent
}

// inWords says in a person's words how a command was ended.
var inWords = strings.NewReplacer(
	context.Canceled.Error(), "cancelled",
	"interrupt signal received", "interrupted",
	"terminated signal received", "terminated",
)

// reportError prints err once and returns the process's exit code.
func reportError(err error, io stdio.Streams, asJSON bool) int {
	if err == nil {
		return exitDone
	}
	code, hint := exitFailed, ""
	var e *cliError
	if errors.As(err, &e) {
		if e.silent {
			return e.code
		}
		code, hint = e.code, e.hint
	}
	if hint == "" {
		hint = storageHint(err)
	}
	if errors.Is(err, context.Canceled) {
		code = exitCancelled
	}
	text := inWords.Replace(err.Error())
	if asJSON {
		_ = json.NewEncoder(io.Err).Encode(map[string]any{"error": text, "hint": hint, "exit": code})
		return code
	}
	for line := range strings.Lines(text) { // joined errors take a line each
		fmt.Fprintf(io.Err, "nightcall: error: %s\n", printable(strings.TrimSuffix(line, "\n")))
	}
	if hint != "" {
		fmt.Fprintf(io.Err, "nightcall: hint: %s\n", printable(hint))
	}
	return code
}
