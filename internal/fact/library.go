package fact

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

func librariesFact() Fact {
	return define("libraries", "TLS libraries and deleted files in use", Probe{
		// One grep reads every process's mappings that are executable: TLS libraries
		// by name, and whatever was deleted since.
		Script: `if [ -r /proc/self/maps ]; then
grep -s -e ' r-xp .*/libssl' -e ' r-xp .*/libcrypto' -e ' r-xp .*/libgnutls' -e ' r-xp .* /.* (deleted)$' /proc/[0-9]*/maps
echo "#end"
fi`,
		Timeout: 15 * time.Second,
	}, func(s *Set) *Observed[[]Library] { return &s.Libraries }, parseLibraries)
}

// mapping is one line of grep: /proc/PID/maps:… path [(deleted)].
var mapping = regexp.MustCompile(`^/proc/(\d+)/maps:\S+ r-xp \S+ \S+ \d+\s+(/.*?)( \(deleted\))?$`)

// notDeleted are mappings that look deleted and never were files of a package.
var notDeleted = []string{"/memfd:", "/dev/zero", "/SYSV", "/dev/shm/", "/run/", "/tmp/", "/var/tmp/", "/anon_hugepage", "/[aio]", "/i915", "/drm"}

func parseLibraries(r Raw) Observed[[]Library] {
	maps, _, asked := strings.Cut(r.Out, "#end\n")
	if !asked {
		return unknown[[]Library]("there are no mappings to read in /proc")
	}
	byPath := map[string]*Library{}
	for line := range strings.Lines(maps) {
		m := mapping.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil || len(byPath) >= maxItems {
			continue
		}
		deleted := m[3] != ""
		if deleted && slices.ContainsFunc(notDeleted, func(p string) bool { return strings.HasPrefix(m[2], p) }) {
			continue
		}
		key := m[2] + m[3]
		l := byPath[key]
		if l == nil {
			l = &Library{Path: clean(m[2]), Name: libraryName(m[2]), Deleted: deleted, Processes: []string{}, PIDs: []int{}}
			byPath[key] = l
		}
		if pid := integer(m[1]); !slices.Contains(l.PIDs, pid) && len(l.PIDs) < 1000 {
			l.PIDs = append(l.PIDs, pid)
		}
	}
	list := []Library{}
	for _, l := range byPath {
		slices.Sort(l.PIDs)
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b Library) int { return strings.Compare(a.Path, b.Path) })
	if !r.Root {
		return partly(list, "/proc/*/maps", "without root, only our own processes can be read")
	}
	return found(list, "/proc/*/maps")
}

// libraryName is the part of a file's name before its version.
func libraryName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".so")
	name, _, _ = strings.Cut(name, "-")
	return clean(name)
}
