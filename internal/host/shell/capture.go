package shell

// A capture keeps the head and the tail of a stream within a limit, and counts
// what it dropped between them.
type capture struct {
	limit   int
	head    []byte
	tail    []byte // a ring once full
	next    int    // where the ring continues
	dropped int64
}

// Write never fails and never keeps more than the limit.
func (c *capture) Write(p []byte) (int, error) {
	n := len(p)
	if room := c.limit/2 - len(c.head); room > 0 {
		take := min(room, len(p))
		c.head = append(c.head, p[:take]...)
		p = p[take:]
	}
	ring := c.limit - c.limit/2
	if over := len(p) - ring; over > 0 {
		c.dropped += int64(over)
		p = p[over:]
	}
	if room := ring - len(c.tail); room > 0 {
		take := min(room, len(p))
		c.tail = append(c.tail, p[:take]...)
		p = p[take:]
	}
	for len(p) > 0 {
		copied := copy(c.tail[c.next:], p)
		c.dropped += int64(copied)
		c.next = (c.next + copied) % len(c.tail)
		p = p[copied:]
	}
	return n, nil
}

// Bytes returns head and tail, joined. The capture is not to be used after.
func (c *capture) Bytes() []byte {
	if len(c.tail) == 0 {
		return c.head
	}
	out := make([]byte, 0, len(c.head)+len(c.tail))
	out = append(out, c.head...)
	out = append(out, c.tail[c.next:]...)
	return append(out, c.tail[:c.next]...)
}

// trimNewline removes the one newline that a frame puts before itself.
func (c *capture) trimNewline() {
	switch {
	case len(c.tail) > 0:
		last := (c.next + len(c.tail) - 1) % len(c.tail)
		if c.tail[last] == '\n' {
			c.tail = append(c.tail[c.next:len(c.tail):len(c.tail)], c.tail[:c.next]...)
			c.tail, c.next = c.tail[:len(c.tail)-1], 0
		}
	case len(c.head) > 0 && c.head[len(c.head)-1] == '\n':
		c.head = c.head[:len(c.head)-1]
	}
}
