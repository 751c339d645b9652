package redact

import (
	"strings"
	"unicode"
)

// Found returns the secrets that Text and Args mask in a text, where they are long
// and odd enough to be looked for elsewhere, without their names: a secret from a
// configuration stands bare in a log.
func Found(text string) []string {
	var all []string
	for _, masked := range []string{Text(text), Args(text)} {
		all = append(all, missing(text, masked)...)
	}
	return all
}

// missing is what stands in the text where the mask stands in the other.
func missing(text, masked string) []string {
	var all []string
	before, masked, found := strings.Cut(masked, Mask)
	text = strings.TrimPrefix(text, before)
	for found {
		before, masked, found = strings.Cut(masked, Mask)
		end := len(text)
		if before != "" {
			if end = strings.Index(text, before); end < 0 {
				return all
			}
		}
		if secret := text[:end]; odd(secret) {
			all = append(all, secret)
		}
		text = text[min(len(text), end+len(before)):]
	}
	return all
}

// minLiteral and maxLiteral bound what is looked for as it is. What is shorter
// may be a word, and what is longer is a key, which has a shape.
const minLiteral, maxLiteral = 8, 256

// odd holds for what is no word that stands in any text.
func odd(secret string) bool {
	if len(secret) < minLiteral || len(secret) > maxLiteral || strings.Contains(secret, Mask) || strings.ContainsAny(secret, "\n\r") {
		return false
	}
	kinds := 0
	for _, is := range []func(rune) bool{unicode.IsLower, unicode.IsUpper, unicode.IsDigit, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }} {
		if strings.ContainsFunc(secret, is) {
			kinds++
		}
	}
	return kinds >= 2
}
