package shell

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// A frame is one control line of the host.
type frame struct {
	verb string // hello, begin, end, skip, stderr, stderr-end, done
	name string // of the section; for hello, who we are
	text string // of skip: why
	num  int    // process id for begin, exit status for end; -1 when garbled
}

// maxFrame is longer than any frame we make.
const maxFrame = 256

// readFrames splits a stream into frames and the bytes between them, until it
// ends. Bytes are handed over as they come, in pieces; a line too long to be a
// frame is never held, and one that broke off is none: half a number is another
// number.
func readFrames(r io.Reader, word string, bytesSeen func([]byte), frameSeen func(frame)) error {
	prefix := []byte(mark + word + " ")
	br := bufio.NewReaderSize(r, 4<<10) // a packet is longer than most outputs
	lineStart := true
	for {
		line, err := br.ReadSlice('\n')
		if lineStart && err == nil && len(line) <= maxFrame && bytes.HasPrefix(line, prefix) {
			if f, ok := parseFrame(string(line[len(prefix):])); ok {
				frameSeen(f)
				line = nil
			}
		}
		if len(line) > 0 {
			bytesSeen(line)
		}
		lineStart = err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// parseFrame reads what follows the random word.
func parseFrame(text string) (frame, bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return frame{}, false
	}
	f := frame{verb: fields[0], num: -1}
	if len(fields) > 1 {
		f.name = fields[1]
	}
	if len(fields) > 2 {
		if n, err := strconv.Atoi(fields[2]); err == nil && n >= 0 {
			f.num = n
		}
		f.text = fields[2]
	}
	switch f.verb {
	case "hello", "begin", "end", "skip", "stderr", "stderr-end":
		return f, f.name != ""
	case "done":
		return f, true
	}
	return frame{}, false
}

// distress says why a host in distress left a section out.
func distress(code string) string {
	switch code {
	case "load":
		return "left out: its load is more than four for each processor"
	case "memory":
		return "left out: less than 2 % of its memory is left"
	case "space":
		return "left out: its root file system is full"
	}
	return "left out by the host"
}
