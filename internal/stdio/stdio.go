// Package stdio is the process's three streams and what is known about the
// terminal behind them.
//
// Standard output is the answer; standard error is words to the person. Neither
// carries colour or movement unless a terminal will show it.
package stdio

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the three streams of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer

	OutTTY, ErrTTY, InTTY bool
	Width                 int  // columns of the terminal; 0 when there is none
	Colour                bool // standard output may carry colour
	ErrColour             bool // standard error may
	ErrMoves              bool // standard error may take back what it showed
}

// System returns the streams of this process.
func System() Streams {
	s := Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if s.OutTTY {
		s.Width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	} else if s.ErrTTY {
		s.Width, _, _ = term.GetSize(int(os.Stderr.Fd()))
	}
	dumb := os.Getenv("TERM") == "dumb"
	plain := os.Getenv("NO_COLOR") != "" || dumb
	s.Colour = s.OutTTY && !plain
	s.ErrColour = s.ErrTTY && !plain
	s.ErrMoves = s.ErrTTY && !dumb
	return s
}
