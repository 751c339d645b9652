package fact

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Configuration is a file that a running program reads. Its checksum is
// POSIX's cksum, which anybody can compare on the host.
type Configuration struct {
	File     string `json:"file"`
	Process  string `json:"process"` // the program whose it is; empty where several may read it
	Checksum string `json:"checksum"`
	Size     int64  `json:"size"` // bytes
}

// Key names the item in its list.
func (c Configuration) Key() string { return c.File }

func configurationsFact() Fact {
	return define("configurations", "the configuration files of running programs, by checksum", Probe{From: "dependencies"},
		func(s *Set) *Observed[[]Configuration] { return &s.Configurations }, parseConfigurations)
}

func parseConfigurations(r Raw) Observed[[]Configuration] {
	d := r.configurations()
	if d.files > 0 && len(d.sums) == 0 {
		return unknown[[]Configuration]("cksum told nothing of %d files", d.files)
	}
	return configured(d, r, d.sums, "cksum")
}

// configured is what a fact makes of the configurations that were read.
func configured[T any](d *configurationReader, r Raw, list []T, source string) Observed[[]T] {
	switch {
	case !d.whole && r.Missing == "":
		return unknown[[]T]("there are no processes to read in /proc")
	case len(d.unread) > 0:
		return partly(list, source, "the configuration was not found that this names: "+strings.Join(d.unread, ", "))
	case d.files >= maxConfigurations:
		return partly(list, source, fmt.Sprintf("only the first %d files are read", maxConfigurations))
	case !r.Root:
		return partly(list, source, "without root, only what our own programs point to can be read")
	}
	return found(list, source)
}

// sharedReading is the answer of the script that tells several facts, taken apart
// for the first of them and kept for the others of one [Read].
type sharedReading struct {
	out  string
	read *configurationReader
}

// configurations is what the script's answer tells. It may be another fact's too:
// do not change it.
func (r Raw) configurations() *configurationReader {
	if r.shared == nil {
		return readConfigurations(r.Out)
	}
	if r.shared.read == nil || r.shared.out != r.Out {
		*r.shared = sharedReading{r.Out, readConfigurations(r.Out)}
	}
	return r.shared.read
}

// readConfigurations reads the script's answer: first lines of files, then their
// checksums, and then settings of environments.
func readConfigurations(out string) *configurationReader {
	d := &configurationReader{
		names: map[string]string{}, processes: map[string]string{}, programs: map[string]string{}, balancers: map[string]string{},
		list: []Dependency{}, upstreams: []Upstream{}, routers: []VirtualRouter{}, redis: []Setting{}, sums: []Configuration{},
	}
	text, _, whole := strings.Cut(out, "#end\n")
	d.whole = whole
	file, lines := "", []numbered(nil)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") {
			d.note(line)
			continue
		}
		name, number, content, ok := grepLine(line)
		if !ok {
			d.sum(line)
			continue
		}
		if name != file {
			d.file(file, lines)
			file, lines = name, nil
		}
		lines = append(lines, numbered{number, content})
	}
	d.file(file, lines)
	d.includeServers()
	d.settle()
	return d
}

// A numbered is a line of a file.
type numbered struct {
	number int
	text   string
}

var grepped = regexp.MustCompile(`^(/[^:]+):(\d{1,7}):(.*)$`)

func grepLine(line string) (file string, number int, text string, ok bool) {
	m := grepped.FindStringSubmatch(clip(line, maxText))
	if m == nil {
		return "", 0, "", false
	}
	return m[1], integer(m[2]), m[3], true
}

// A configurationReader collects what the files of running programs say, and their
// environments.
type configurationReader struct {
	names          map[string]string // what the host told of a process, by /proc/PID: its directory and name
	processes      map[string]string
	programs       map[string]string // whose a file is, by its name, where that alone does not tell
	balancers      map[string]string // the process of HAProxy that was started with a file
	usual          bool              // a HAProxy was started with files in their usual places
	denied         []string          // files of HAProxy's that may not be read
	unread         []string          // command lines that name a file that was not found
	balancing      []balancerFile
	list           []Dependency
	upstreams      []Upstream
	nginxFiles     []nginxFile
	nginxUpstreams []nginxUpstream // until their files are put together
	routers        []VirtualRouter
	redis          []Setting
	files          int // whose checksums were asked for
	sums           []Configuration
	whole          bool // the answer has its end
}

// note remembers which program made us read what follows, and where it runs.
func (d *configurationReader) note(line string) {
	f := strings.SplitN(clip(line, maxText), " ", 3) // a file's name may have blanks
	switch {
	case f[0] == "#haproxy" && len(f) == 1:
		d.usual = true
	case f[0] == "#haproxy" && len(f) == 3:
		d.balancers[f[2]] = f[1]
	case f[0] == "#is":
		d.is(strings.TrimPrefix(line, "#is "))
	case f[0] == "#unread" && len(d.unread) < maxTogether:
		d.unread = append(d.unread, clean(redact.Args(strings.TrimPrefix(strings.TrimPrefix(line, "#unread "), "nginx: master process "))))
	case f[0] == "#denied" && len(f) > 1:
		name, _ := d.place(strings.TrimPrefix(line, "#denied "))
		d.denied = append(d.denied, name)
	}
	f = strings.Fields(line)
	switch {
	case len(f) == 2 && f[0] == "#sums":
		d.files = integer(f[1])
	case len(f) == 3 && f[0] == "#env":
		d.processes[f[1]] = f[2]
	case len(f) > 2 && f[0] == "#cwd":
		d.names[f[1]], d.processes[f[1]] = strings.Join(f[2:len(f)-1], " "), f[len(f)-1]
	}
}

// is remembers whose a file is, as "PROGRAM:FILE" or, where another file includes
// it, as "OTHER:FILE".
func (d *configurationReader) is(text string) {
	by, file, _ := strings.Cut(text, ":")
	if strings.HasPrefix(by, "/") {
		by = d.program(by)
	}
	if by != "" {
		d.programs[file] = by
	}
}

// program is whose a file is: what the script said of it goes before what its name
// tells, and that before whom it was found through.
func (d *configurationReader) program(file string) string {
	name, process := d.place(file)
	return cmp.Or(clean(d.programs[file]), programOf(name), process)
}

// throughProcess is the beginning of a file's name that goes through a process.
var throughProcess = regexp.MustCompile(`^(/proc/\d+)/(root|cwd)(/.*)$`)

// place is a file's name for people, and the program that made us read it.
func (d *configurationReader) place(file string) (name, process string) {
	m := throughProcess.FindStringSubmatch(file)
	if m == nil {
		return clean(path.Clean(file)), ""
	}
	if m[2] == "cwd" {
		return clean(path.Join(cmp.Or(d.names[m[1]], "/"), m[3])), clean(d.processes[m[1]])
	}
	return clean(m[3]), clean(d.processes[m[1]])
}

// file reads one file's lines in the way that its name tells.
func (d *configurationReader) file(file string, lines []numbered) {
	if len(lines) == 0 {
		return
	}
	if m := environmentFile.FindStringSubmatch(file); m != nil {
		d.environment(m[2], d.processes[m[1]], lines)
		return
	}
	if d.ownRedisFile(file) {
		d.redisSettings(file, lines)
	}
	name, _ := d.place(file)
	if of := d.balancers[file]; of != "" {
		d.balancing = append(d.balancing, balancerFile{of, name, lines})
		return
	}
	process, base := d.program(file), path.Base(name)
	add := d.adder(process, name)
	switch {
	case process == "nginx":
		if len(d.nginxFiles) < maxConfigurations {
			d.nginxFiles = append(d.nginxFiles, nginxFile{name, lines})
		}
		d.nginx(name, lines, add)
	case process == "keepalived":
		d.keepalived(name, lines)
	case isMasterInfo(base):
		masterInfo(lines, add)
	case process == "postgres":
		conninfo(lines, add)
	case process == "apache2" || process == "httpd":
		d.apache(name, lines, add)
	case strings.HasPrefix(process, "redis-") || strings.HasPrefix(process, "valkey-"):
		redisLines(lines, add, d.adder("redis-sentinel", name))
	case process == "haproxy": // balancers are a fact of their own
	default:
		settings(lines, add)
	}
}

// sum reads a checksum. A file that is there twice, through two programs, is kept
// once.
func (d *configurationReader) sum(line string) {
	checksum, rest, _ := strings.Cut(clip(line, maxText), " ")
	bytes, file, _ := strings.Cut(rest, " ")
	_, ok := number(checksum)
	size, ok2 := number(bytes)
	if !ok || !ok2 || size < 0 || !strings.HasPrefix(file, "/") || len(d.sums) >= maxConfigurations {
		return
	}
	name, _ := d.place(file)
	c := Configuration{File: name, Process: d.program(file), Checksum: checksum, Size: size}
	n := slices.IndexFunc(d.sums, func(o Configuration) bool { return o.File == c.File && o.Checksum == c.Checksum })
	if n < 0 {
		d.sums = append(d.sums, c)
		return
	}
	d.sums[n].Process = cmp.Or(d.sums[n].Process, c.Process)
}

// programOf is whose configuration a file is, by its name; empty where any
// program may have one of this name.
func programOf(name string) string {
	base := path.Base(name)
	switch {
	case strings.Contains(name, "/nginx/"):
		return "nginx"
	case strings.Contains(name, "/apache2/"):
		return "apache2"
	case strings.Contains(name, "/httpd/"):
		return "httpd"
	case strings.Contains(name, "/haproxy/"):
		return "haproxy"
	case strings.Contains(name, "/keepalived/"):
		return "keepalived"
	case strings.HasPrefix(base, "postgresql") || base == "recovery.conf":
		return "postgres"
	case strings.Contains(base, "sentinel") && strings.HasSuffix(base, ".conf"):
		return "redis-sentinel"
	case strings.Contains(name, "/redis") || strings.Contains(name, "/valkey"):
		return "redis-server"
	case strings.Contains(name, "/php"):
		return "php-fpm"
	case strings.HasSuffix(base, ".cnf"), isMasterInfo(base):
		return "mysqld"
	}
	return ""
}

func isMasterInfo(base string) bool {
	return strings.HasSuffix(base, "master.info") || strings.HasPrefix(base, "master-") && strings.HasSuffix(base, ".info")
}

// settle leaves out what is named twice, and nginx's own names, and puts checksums
// in order.
func (d *configurationReader) settle() {
	seen := map[Dependency]bool{}
	d.list = slices.DeleteFunc(d.list, func(x Dependency) bool {
		twice := seen[x]
		seen[x] = true
		return twice || x.Process == "nginx" && slices.ContainsFunc(d.upstreams, func(u Upstream) bool { return strings.EqualFold(u.Name, x.Host) })
	})
	slices.SortStableFunc(d.sums, func(a, b Configuration) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Checksum, b.Checksum))
	})
}
