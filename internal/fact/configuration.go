package fact

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func configurationsFact() Fact {
	return define("configurations", "the configuration files of running programs, by checksum", configurationProbe(),
		func(s *Set) *Observed[[]Configuration] { return &s.Configurations }, parseConfigurations)
}

// summed is one line of cksum.
var summed = regexp.MustCompile(`^(\d{1,10}) (\d{1,15}) (/.*)$`)

// parseConfigurations reads the checksums behind the lines of the files. A file
// that stands there twice, through two programs, is kept once.
func parseConfigurations(r Raw) Observed[[]Configuration] {
	text, _, whole := strings.Cut(r.Out, "#end\n")
	if !whole && r.Missing == "" {
		return unknown[[]Configuration]("there are no processes to read in /proc")
	}
	d := dependencyReader{names: map[string]string{}}
	list, files := []Configuration{}, 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if f := strings.Fields(line); strings.HasPrefix(line, "#sums ") && len(f) == 2 {
			files = integer(f[1])
		} else if strings.HasPrefix(line, "#") {
			d.note(f)
		}
		m := summed.FindStringSubmatch(clip(line, maxText))
		if files == 0 || m == nil || len(list) >= maxConfigurations {
			continue
		}
		name, process := d.place(m[3])
		size, _ := number(m[2])
		c := Configuration{File: name, Process: cmp.Or(programOf(name), process), Checksum: m[1], Size: size}
		if n := slices.IndexFunc(list, func(o Configuration) bool { return o.File == c.File && o.Checksum == c.Checksum }); n < 0 {
			list = append(list, c)
		} else {
			list[n].Process = cmp.Or(list[n].Process, c.Process)
		}
	}
	slices.SortStableFunc(list, func(a, b Configuration) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Checksum, b.Checksum))
	})
	const source = "cksum"
	switch {
	case files > 0 && len(list) == 0:
		return unknown[[]Configuration]("cksum told nothing of %d files", files)
	case files >= maxConfigurations:
		return partly(list, source, "only the first "+strconv.Itoa(maxConfigurations)+" files are read")
	case !r.Root:
		return partly(list, source, "without root, only what our own programs point to can be read")
	}
	return found(list, source)
}
