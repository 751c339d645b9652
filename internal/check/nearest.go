package check

import "slices"

// Nearest returns the name that word was most likely meant to be, or "" when
// none is near. Of equally near names the first in the alphabet is taken.
func Nearest(word string, names []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", len(word)+2
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	for _, name := range sorted {
		if d := distance(word, name); d < least && d <= max(2, len(word)/3, len(name)/3) {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
