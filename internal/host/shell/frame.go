package shell

import (
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
	s := splitter{prefix: []byte(mark + word + " "), bytesSeen: bytesSeen, frameSeen: frameSeen, lineStart: true}
	buf := make([]byte, 8<<10) // a packet is longer than most outputs
	held := 0
	for {
		n, err := r.Read(buf[held:])
		held = copy(buf, s.split(buf[:held+n]))
		if err == nil {
			continue
		}
		s.pass(buf[:held])
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// A splitter tells frames from other lines.
type splitter struct {
	prefix    []byte
	bytesSeen func([]byte)
	frameSeen func(frame)
	lineStart bool // what comes next begins a line
}

// split hands over what it can tell, and returns the beginning of a line that may
// yet become a frame.
func (s *splitter) split(data []byte) (held []byte) {
	from := 0 // data[from:at] belongs to no frame
	for at := 0; ; {
		end := bytes.IndexByte(data[at:], '\n') + 1
		line := data[at : at+end]
		if end == 0 {
			line = data[at:]
		}
		may := s.lineStart && len(line) <= maxFrame && bytes.HasPrefix(line, s.prefix[:min(len(line), len(s.prefix))])
		if end == 0 {
			if !may {
				at = len(data)
				s.lineStart = s.lineStart && len(line) == 0
			}
			s.pass(data[from:at])
			return data[at:]
		}
		if f, ok := s.frame(line, may); ok {
			s.pass(data[from:at])
			s.frameSeen(f)
			from = at + end
		}
		at, s.lineStart = at+end, true
	}
}

func (s *splitter) frame(line []byte, may bool) (frame, bool) {
	if !may || len(line) < len(s.prefix) {
		return frame{}, false
	}
	return parseFrame(string(line[len(s.prefix):]))
}

func (s *splitter) pass(data []byte) {
	if len(data) > 0 {
		s.bytesSeen(data)
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
