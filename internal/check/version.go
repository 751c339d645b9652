package check

import (
	"cmp"
	"strings"
)

// CompareDpkg orders two Debian package versions, [epoch:]upstream[-revision],
// as dpkg does: -1 when a is older than b, 0 when equal, 1 when newer.
func CompareDpkg(a, b string) int {
	epochA, upstreamA, revisionA := splitDpkg(a)
	epochB, upstreamB, revisionB := splitDpkg(b)
	return cmp.Or(
		compareNumbers(epochA, epochB),
		compareDpkgPart(upstreamA, upstreamB),
		compareDpkgPart(revisionA, revisionB),
	)
}

func splitDpkg(version string) (epoch, upstream, revision string) {
	if before, after, found := strings.Cut(version, ":"); found {
		epoch, version = before, after
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		return epoch, version[:i], version[i+1:]
	}
	return epoch, version, ""
}

// compareDpkgPart compares runs of non-digits and of digits in turn. In a run of
// non-digits a tilde sorts before everything, even the end; letters sort before
// other characters.
func compareDpkgPart(a, b string) int {
	for a != "" || b != "" {
		for startsText(a) || startsText(b) {
			if c := cmp.Compare(dpkgOrder(a), dpkgOrder(b)); c != 0 {
				return c
			}
			a, b = dropText(a), dropText(b)
		}
		var numberA, numberB string
		numberA, a = takeDigits(a)
		numberB, b = takeDigits(b)
		if c := compareNumbers(numberA, numberB); c != 0 {
			return c
		}
	}
	return 0
}

func startsText(s string) bool { return s != "" && !isDigit(s[0]) }

func dropText(s string) string {
	if startsText(s) {
		return s[1:]
	}
	return s
}

// dpkgOrder is the weight of the first character; digits and the end weigh 0.
func dpkgOrder(s string) int {
	switch {
	case !startsText(s):
		return 0
	case s[0] == '~':
		return -1
	case isLetter(s[0]):
		return int(s[0])
	default:
		return int(s[0]) + 256
	}
}

// CompareRPM orders two RPM versions, [epoch:]version[-release], as rpm does. A
// missing release is equal to every release.
func CompareRPM(a, b string) int {
	epochA, versionA, releaseA := splitRPM(a)
	epochB, versionB, releaseB := splitRPM(b)
	if c := cmp.Or(compareNumbers(epochA, epochB), compareRPMPart(versionA, versionB)); c != 0 {
		return c
	}
	if releaseA == "" || releaseB == "" {
		return 0
	}
	return compareRPMPart(releaseA, releaseB)
}

func splitRPM(version string) (epoch, upstream, release string) {
	if before, after, found := strings.Cut(version, ":"); found {
		epoch, version = before, after
	}
	if epoch == "(none)" {
		epoch = ""
	}
	upstream, release, _ = strings.Cut(version, "-")
	return epoch, upstream, release
}

// compareRPMPart compares segments of digits and of letters in turn; other
// characters only separate. A tilde sorts before the end, a caret just after it,
// a number after a word, and who has more segments is newer.
func compareRPMPart(a, b string) int {
	for {
		a, b = trimSeparators(a), trimSeparators(b)
		if c, marked := compareMark(a, b, '~', -1); marked {
			if c != 0 {
				return c
			}
			a, b = a[1:], b[1:]
			continue
		}
		if c, marked := compareCaret(a, b); marked {
			if c != 0 {
				return c
			}
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		var c int
		if c, a, b = compareSegment(a, b); c != 0 {
			return c
		}
	}
}

// compareMark handles a character that sorts its side first wherever the other
// side lacks it.
func compareMark(a, b string, mark byte, with int) (order int, marked bool) {
	inA, inB := a != "" && a[0] == mark, b != "" && b[0] == mark
	switch {
	case inA && inB:
		return 0, true
	case inA:
		return with, true
	case inB:
		return -with, true
	}
	return 0, false
}

// compareCaret: a caret is newer than the end and older than anything else.
func compareCaret(a, b string) (order int, marked bool) {
	if a == "" && b != "" && b[0] == '^' {
		return -1, true
	}
	if b == "" && a != "" && a[0] == '^' {
		return 1, true
	}
	return compareMark(a, b, '^', -1)
}

func compareSegment(a, b string) (order int, restA, restB string) {
	if isDigit(a[0]) != isDigit(b[0]) {
		if isDigit(a[0]) {
			return 1, "", ""
		}
		return -1, "", ""
	}
	if isDigit(a[0]) {
		numberA, restA := takeDigits(a)
		numberB, restB := takeDigits(b)
		return compareNumbers(numberA, numberB), restA, restB
	}
	wordA, restA := takeLetters(a)
	wordB, restB := takeLetters(b)
	return strings.Compare(wordA, wordB), restA, restB
}

func trimSeparators(s string) string {
	return strings.TrimLeftFunc(s, func(r rune) bool {
		return r > 0x7f || !isDigit(byte(r)) && !isLetter(byte(r)) && r != '~' && r != '^'
	})
}

func takeDigits(s string) (digits, rest string) { return take(s, isDigit) }

func takeLetters(s string) (letters, rest string) { return take(s, isLetter) }

func take(s string, belongs func(byte) bool) (taken, rest string) {
	i := 0
	for i < len(s) && belongs(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// compareNumbers compares decimal numbers of any length; empty is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
