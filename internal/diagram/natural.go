package diagram

import (
	"cmp"
	"strings"
)

// natural compares names so that be2 comes before be10.
func natural(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leading(a), leading(b)
		if digitsA != "" && digitsB != "" {
			numberA, numberB := strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
			if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
				return c
			}
			a, b = a[len(digitsA):], b[len(digitsB):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leading(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
