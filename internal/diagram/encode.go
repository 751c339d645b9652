package diagram

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
)

// encode writes an image without transparent parts as PNG. Each row is written
// as what differs from the one above, which for our pictures is next to
// nothing. The standard library tries five ways for every row, and takes several
// times as long as the painting.
func encode(m *image.RGBA) ([]byte, error) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	var rows bytes.Buffer
	z, err := zlib.NewWriterLevel(&rows, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	const up = 2 // the filter's number
	line, above := make([]byte, 1+3*w), make([]byte, 3*w)
	line[0] = up
	for y := range h {
		pix := m.Pix[y*m.Stride:][:4*w]
		for x := range w {
			from, to, over := pix[4*x:][:3], line[1+3*x:][:3], above[3*x:][:3]
			to[0], to[1], to[2] = from[0]-over[0], from[1]-over[1], from[2]-over[2]
			over[0], over[1], over[2] = from[0], from[1], from[2]
		}
		if _, err := z.Write(line); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(w))
	header = binary.BigEndian.AppendUint32(header, uint32(h))
	header = append(header, 8, 2, 0, 0, 0) // bits of a colour, three colours, nothing special
	out := []byte("\x89PNG\r\n\x1a\n")
	out = appendChunk(out, "IHDR", header)
	out = appendChunk(out, "IDAT", rows.Bytes())
	return appendChunk(out, "IEND", nil), nil
}

// appendChunk adds a part of a PNG: its length, its kind, its bytes, their sum.
func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	start := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}
