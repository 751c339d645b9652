package stdio

import (
	"os"

	"golang.org/x/sys/windows"
)

// HideTyping has the console of standard input show nothing of what is typed, until
// show is called. It goes on to hand over whole lines, to take ^Z for the end of
// input and to send an interrupt for ^C.
func HideTyping() (show func(), err error) {
	console := windows.Handle(os.Stdin.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	if err := windows.SetConsoleMode(console, hidden); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(console, before) }, nil
}
