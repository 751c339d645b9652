package fact

import (
	"cmp"
	"slices"
	"strings"
)

func configurationsFact() Fact {
	return define("configurations", "the configuration files of running programs, by checksum", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Configuration] { return &s.Configurations }, parseConfigurations)
}

func parseConfigurations(r Raw) Observed[[]Configuration] {
	d := readConfigurations(r)
	if d.files > 0 && len(d.sums) == 0 {
		return unknown[[]Configuration]("cksum told nothing of %d files", d.files)
	}
	slices.SortStableFunc(d.sums, func(a, b Configuration) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Checksum, b.Checksum))
	})
	return configured(d, r, d.sums, "cksum")
}

// sum reads a checksum. A file that is there twice, through two programs, is kept
// once.
func (d *dependencyReader) sum(line string) {
	checksum, rest, _ := strings.Cut(clip(line, maxText), " ")
	bytes, file, _ := strings.Cut(rest, " ")
	_, ok := number(checksum)
	size, ok2 := number(bytes)
	if !ok || !ok2 || size < 0 || !strings.HasPrefix(file, "/") || len(d.sums) >= maxConfigurations {
		return
	}
	name, process := d.place(file)
	c := Configuration{File: name, Process: cmp.Or(programOf(name), process), Checksum: checksum, Size: size}
	n := slices.IndexFunc(d.sums, func(o Configuration) bool { return o.File == c.File && o.Checksum == c.Checksum })
	if n < 0 {
		d.sums = append(d.sums, c)
		return
	}
	d.sums[n].Process = cmp.Or(d.sums[n].Process, c.Process)
}
