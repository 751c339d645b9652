package report

import (
	"bytes"
	"encoding/json"

	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// describe is the entry in words, without secrets. They are masked in its data:
// a description has lost the line breaks that tell where a secret begins.
func describe(e timeline.Entry) string {
	e.Data = scrub(e.Data)
	return timeline.Describe(e)
}

// scrub masks the secrets in every string of a JSON document.
func scrub(encoded []byte) []byte {
	out := make([]byte, 0, len(encoded))
	for {
		begin := bytes.IndexByte(encoded, '"')
		end := closing(encoded, begin)
		if begin < 0 || end < 0 {
			return append(out, encoded...)
		}
		out = append(out, encoded[:begin]...)
		out = append(out, scrubString(encoded[begin:end+1])...)
		encoded = encoded[end+1:]
	}
}

// closing is where the string that begins there ends, or -1.
func closing(encoded []byte, begin int) int {
	for at := begin + 1; at < len(encoded); at++ {
		switch encoded[at] {
		case '"':
			return at
		case '\\':
			at++
		}
	}
	return -1
}

func scrubString(literal []byte) []byte {
	var text string
	if json.Unmarshal(literal, &text) != nil {
		return literal
	}
	masked := redact.Text(text)
	if masked == text {
		return literal
	}
	encoded, _ := json.Marshal(masked) // a string always encodes
	return encoded
}
