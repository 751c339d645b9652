package fact

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Process is one line of the process table. Secrets in the command line are
// scrubbed by the parser, before anything is stored.
type Process struct {
	PID     int           `json:"pid"`
	Parent  int           `json:"parent"`
	User    string        `json:"user"`
	Name    string        `json:"name"`
	Command string        `json:"command"`
	State   string        `json:"state"`   // R S D Z T
	Elapsed time.Duration `json:"elapsed"` // since it started; 0 when not told
	CPUTime time.Duration `json:"cpu_time"`
	RSS     int64         `json:"rss"` // bytes
}

// Key names the item in its list.
func (p Process) Key() string { return p.Name }

func processesFact() Fact {
	return define("processes", "process table", Probe{Files: []string{"/etc/passwd"}, Script: processesScript},
		func(s *Set) *Observed[[]Process] { return &s.Processes }, parseProcesses)
}

// processesScript prints the visit's own shell first, so that its family can be
// left out; then what the kernel tells of each process: its user and memory alone of
// the long status file, and no line with grep's own pattern in it, which is grep's
// long command line. That costs half of what ps takes, and asks no directory of
// users, which may be what is down. busybox's grep ends a line at its first NUL,
// which is a command line's first word, and old systems take only so many
// arguments: then one table, by POSIX's ps or by busybox's. The long title keeps
// the column of users wide enough for their names: ps prints numbers otherwise.
const processesScript = `echo "#self $$"
if [ -r /proc/$$/status ] && has grep && ! [ /bin/grep -ef /bin/busybox ] && cd /proc; then
set -- [0-9]*
if [ $# -le 1500 ]; then grep -aEsv '^([A-TW-Za-z]|U[^i]|Vm[^R])[A-Za-z0-9_]*:	|nc_our_own' [0-9]*/stat [0-9]*/status [0-9]*/cmdline; cd /; return 0; fi
cd /
fi
ps -A -ww -o pid=PID -o ppid=PPID -o user=USER_OF_THE_PROCESS______ -o rss=RSS -o stat=STAT -o etime=ELAPSED -o time=TIME -o args=COMMAND ||
ps -o pid,ppid,user,rss,stat,etime,time,args || ps -o pid,ppid,user,rss,stat,args || ps -o pid,ppid,user,vsz,stat,args`

func parseProcesses(r Raw) Observed[[]Process] {
	header, table, _ := strings.Cut(r.Out, "\n")
	self := integer(strings.TrimPrefix(header, "#self "))
	var o Observed[[]Process]
	if ofProc.MatchString(table) {
		o = processesOfProc(table, self, r.Files["/etc/passwd"].Content)
	} else {
		o = processesOfPS(table, self)
	}
	if first := func(p Process) bool { return p.PID == 1 }; !r.Root && o.State == OK && !slices.ContainsFunc(o.Value, first) {
		return partly(o.Value, o.Source, "without root, this host shows only our own processes")
	}
	return o
}

// psColumns is what the script asks of ps.
var psColumns = []string{"PID", "PPID", "USER", "RSS", "STAT", "ELAPSED", "TIME", "COMMAND"}

func processesOfPS(table string, self int) Observed[[]Process] {
	list := []Process{}
	columns := psColumns
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) > 0 && f[0] == "PID" {
			columns = f // busybox leaves out what it cannot tell
		} else if p, ok := process(f, columns); ok && len(list) < maxItems {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return unknown[[]Process]("ps tells nothing")
	}
	list = withoutFamily(list, self)
	if !slices.Contains(columns, "ELAPSED") {
		return partly(list, "ps", "this ps does not tell how long a process runs")
	}
	return found(list, "ps")
}

// maxCommand is how many bytes of a command line are kept: a Java program's may
// be long, and its beginning tells what it is.
const maxCommand = 1024

// process reads one line by the names of its columns; the last takes the rest.
func process(f, columns []string) (Process, bool) {
	if len(f) < len(columns) {
		return Process{}, false
	}
	var p Process
	for n, column := range columns {
		value := f[n]
		switch column {
		case "PID":
			p.PID = integer(value)
		case "PPID":
			p.Parent = integer(value)
		case "USER", "USER_OF_THE_PROCESS______":
			p.User = clean(value)
		case "RSS":
			p.RSS = size(value)
		case "STAT":
			p.State = clean(value[:1])
		case "ELAPSED":
			p.Elapsed = clockTime(value)
		case "TIME":
			p.CPUTime = clockTime(value)
		case "COMMAND":
			p.Command = scrubbed(strings.Join(f[n:], " "))
		}
	}
	p.Name = processName(p.Command)
	return p, p.PID > 0 && !p.kernel()
}

// scrubbed is a command line as it is kept.
func scrubbed(command string) string { return clip(redact.Args(clean(command)), maxCommand) }

// kernel reports whether the process is a thread of the kernel: it has no
// command line, like a zombie, and a parent that only those have.
func (p Process) kernel() bool {
	return strings.HasPrefix(p.Command, "[") && p.State != "Z" && (p.RSS == 0 || p.Parent == 0)
}

// processName is the program of a command line: its file's name, the title a
// daemon gave itself ("nginx: master process …"), or what is left of a process
// that has ended ("[cron] <defunct>").
func processName(command string) string {
	first := strings.TrimPrefix(firstField(command), "-")
	if name, ok := strings.CutPrefix(first, "["); ok {
		return strings.TrimSuffix(name, "]")
	}
	if title, ok := strings.CutSuffix(first, ":"); ok {
		return path.Base(title)
	}
	return path.Base(first)
}

// size reads kilobytes, or busybox's "12m" and "1.2g", as bytes.
func size(text string) int64 {
	unit := int64(1024)
	switch {
	case strings.HasSuffix(text, "m"):
		unit = 1 << 20
	case strings.HasSuffix(text, "g"):
		unit = 1 << 30
	}
	f, ok := decimal(strings.TrimRight(text, "kmg"))
	if !ok || f < 0 || f > 1<<40 {
		return 0
	}
	return int64(f * float64(unit))
}

var timeParts = regexp.MustCompile(`^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?$`)

// clockTime reads [[dd-]hh:]mm:ss, and busybox's 1d02, 3h04 and 5:06.
func clockTime(text string) time.Duration {
	if m := timeParts.FindStringSubmatch(text); m != nil {
		hours := min(integer(m[1]), 100000)*24 + min(integer(m[2]), 100000)
		return time.Duration(hours)*time.Hour + time.Duration(min(integer(m[3]), 100000))*time.Minute + time.Duration(min(integer(m[4]), 100000))*time.Second
	}
	for unit, length := range map[string]time.Duration{"d": time.Hour, "h": time.Minute} {
		if big, small, ok := strings.Cut(text, unit); ok {
			per := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour}[unit]
			return time.Duration(min(integer(big), 100000))*per + time.Duration(min(integer(small), 100000))*length
		}
	}
	return 0
}

// withoutFamily leaves out the visit itself: its shell, what that started, and
// the login in front of it.
func withoutFamily(list []Process, self int) []Process {
	if self == 0 {
		return list
	}
	parents := make(map[int]int, len(list))
	for _, p := range list {
		parents[p.PID] = p.Parent
	}
	ours := func(pid int) bool {
		for n := 0; pid > 1 && n < 64; n++ {
			if pid == self {
				return true
			}
			pid = parents[pid]
		}
		return false
	}
	login := map[int]bool{}
	for pid, n := parents[self], 0; pid > 1 && n < 4; pid, n = parents[pid], n+1 {
		login[pid] = true
	}
	out := list[:0:0]
	for _, p := range list {
		front := login[p.PID] && (p.Name == "sshd" || strings.HasPrefix(p.Command, "sshd") || strings.Contains(p.Command, "sh -s") || p.Name == "sudo")
		listener := strings.Contains(p.Command, "[listener]") || p.Parent <= 1
		if !ours(p.PID) && (!front || listener) {
			out = append(out, p)
		}
	}
	return out
}
