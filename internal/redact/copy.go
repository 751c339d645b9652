package redact

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// pieceSize is how much of a stream is held at once.
const pieceSize = 1 << 20

// Copy masks the secrets in a stream of text and passes on the rest byte for
// byte. It holds a piece of whole lines at once, and never cuts a private key
// that ends within the next piece.
func (r *Redactor) Copy(w io.Writer, in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	var held []byte
	for {
		piece, err := more(lines, held)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		cut := len(piece)
		if open := openKey(piece); err == nil && open > 0 {
			cut = open
		}
		if _, err := io.WriteString(w, r.Text(string(piece[:cut]))); err != nil {
			return err
		}
		held = piece[cut:]
		if err != nil {
			return nil
		}
	}
}

// more appends whole lines until the piece is long enough.
func more(lines *bufio.Reader, held []byte) ([]byte, error) {
	piece := bytes.Clone(held)
	for end := len(held) + pieceSize; len(piece) < end; {
		line, err := lines.ReadSlice('\n')
		piece = append(piece, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return piece, err
		}
	}
	for len(piece) > 0 && piece[len(piece)-1] != '\n' { // a line is not cut, unless it is endless
		line, err := lines.ReadSlice('\n')
		piece = append(piece, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) || len(piece) > len(held)+8*pieceSize {
			return piece, err
		}
	}
	return piece, nil
}

// openKey is where a private key begins whose end is not in the piece, or -1.
// One that is longer than any key is not waited for.
func openKey(piece []byte) int {
	begin := bytes.LastIndex(piece, []byte("-----BEGIN "))
	if begin < 0 || len(piece)-begin > 64<<10 || bytes.Contains(piece[begin:], []byte("-----END ")) {
		return -1
	}
	return begin
}
