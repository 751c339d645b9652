package fact

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Library is a file that a running process has mapped and that matters: a TLS
// library, or any library whose file was deleted or replaced since.
type Library struct {
	Path      string   `json:"path"`
	Name      string   `json:"name"` // libssl, libcrypto …
	Deleted   bool     `json:"deleted"`
	Processes []string `json:"processes"` // names, sorted, each once
	PIDs      []int    `json:"pids"`
}

// Key names the item in its list.
func (l Library) Key() string { return l.Path }

func librariesFact() Fact {
	return define("libraries", "TLS libraries and deleted files in use", Probe{
		// One grep reads every process's mappings that are executable: TLS libraries
		// by name, and whatever was deleted since.
		Script: `[ -r /proc/self/maps ] || return 0
echo "#maps"
grep -s -e ' r-xp .*/libssl' -e ' r-xp .*/libcrypto' -e ' r-xp .*/libgnutls' -e ' r-xp .* /.* (deleted)$' /proc/[0-9]*/maps`,
		Heavy:   true,
		Timeout: 15 * time.Second,
	}, func(s *Set) *Observed[[]Library] { return &s.Libraries }, parseLibraries)
}

// mapping is one line of grep: /proc/PID/maps:… path [(deleted)].
var mapping = regexp.MustCompile(`^/proc/(\d+)/maps:\S+ r-xp \S+ \S+ \d+\s+(/.*?)( \(deleted\))?$`)

// notDeleted are mappings that look deleted and never were files of a package.
var notDeleted = []string{"/memfd:", "/dev/zero", "/SYSV", "/dev/shm/", "/run/", "/tmp/", "/var/tmp/", "/anon_hugepage", "/[aio]", "/i915", "/drm"}

func parseLibraries(r Raw) Observed[[]Library] {
	maps, asked := strings.CutPrefix(r.Out, "#maps\n")
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
		file := installedAs(clean(m[2]))
		key := file + m[3]
		l := byPath[key]
		if l == nil {
			l = &Library{Path: file, Name: libraryName(file), Deleted: deleted, Processes: []string{}, PIDs: []int{}}
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
	slices.SortFunc(list, func(a, b Library) int {
		return strings.Compare(a.key(), b.key())
	})
	if !r.Root {
		return partly(list, "/proc/*/maps", "without root, only our own processes can be read")
	}
	return found(list, "/proc/*/maps")
}

// replaced is what package managers call a file while they replace it: rpm adds
// ";" and the time, dpkg an ending of its own, prelink a name in front.
var replaced = regexp.MustCompile(`(?:;[0-9a-f]{6,16}|\.dpkg-(?:new|tmp|old)|\.#prelink#\.\w+)$`)

// installedAs is the name that a file had when it was installed.
func installedAs(file string) string { return replaced.ReplaceAllString(file, "") }

// libraryName is the part of a library's file name before its version, and the
// whole name of any other file.
func libraryName(file string) string {
	name, _, library := strings.Cut(path.Base(file), ".so")
	if library {
		name, _, _ = strings.Cut(name, "-")
	}
	return name
}

// key orders a file that is there now before the one it replaced.
func (l Library) key() string {
	if l.Deleted {
		return l.Path + " deleted"
	}
	return l.Path
}
