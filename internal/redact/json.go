package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// Strings hands every string of a JSON document through do, and leaves the rest
// as it is, byte for byte.
func Strings(encoded []byte, do func(string) string) []byte {
	out := make([]byte, 0, len(encoded))
	for {
		begin := bytes.IndexByte(encoded, '"')
		end := closing(encoded, begin)
		if begin < 0 || end < 0 {
			return append(out, encoded...)
		}
		out = append(out, encoded[:begin]...)
		literal := encoded[begin : end+1]
		if !isField(literal, encoded[end+1:]) {
			literal = changed(literal, do)
		}
		out = append(out, literal...)
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

// field is a name of a field of ours.
var field = regexp.MustCompile(`^"[a-z][a-z0-9_]*"$`)

// isField holds for a name of a field, which is nobody's text.
func isField(literal, rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':' && field.Match(literal)
}

func changed(literal []byte, do func(string) string) []byte {
	var text string
	if json.Unmarshal(literal, &text) != nil {
		return literal
	}
	masked := do(text)
	if masked == text {
		return literal
	}
	encoded, _ := json.Marshal(masked) // a string always encodes
	return encoded
}
