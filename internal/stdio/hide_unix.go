//go:build unix

package stdio

import (
	"os"

	"golang.org/x/sys/unix"
)

// HideTyping has the terminal of standard input show nothing of what is typed,
// until show is called. It goes on to hand over whole lines, to take ^D for the end
// of input and to send an interrupt for ^C.
func HideTyping() (show func(), err error) {
	fd := int(os.Stdin.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}
