package fact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A task is what the files of one process in /proc say.
type task struct {
	pid               int
	stat, uid, memory string
	command           string // the arguments, each ended by a NUL
}

// ofProc is how a table begins that grep made of the processes' files.
var ofProc = regexp.MustCompile(`^\d+/stat:`)

// processesOfProc reads lines "PID/FILE:TEXT". A process that ended between
// two of its files is none.
func processesOfProc(table string, self int, passwd string) Observed[[]Process] {
	users := usersOf(passwd)
	var list []Process
	var now time.Duration // since the host started, when the visit did
	began := map[int]time.Duration{}
	whole := true
	for _, t := range tasks(table) {
		p, start, ok := t.process(users)
		if t.pid == self {
			now, whole = start, t.command == "" || strings.Contains(t.command, "\x00")
		}
		if ok {
			list, began[p.PID] = append(list, p), start
		}
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	for n := range list {
		list[n].Elapsed = max(now-began[list[n].PID], 0).Truncate(time.Second)
	}
	list = withoutFamily(list, self)
	switch {
	case len(list) == 0:
		return unknown[[]Process]("/proc tells of no process")
	case !whole:
		return partly(list, "/proc", "command lines end with their first word")
	}
	return found(list, "/proc")
}

// tasks joins the files of each process, in the order in which they were read.
func tasks(table string) []*task {
	byPID := map[string]*task{}
	var list []*task
	for line := range strings.Lines(table) {
		name, text, _ := strings.Cut(line, ":")
		pid, file, ok := strings.Cut(name, "/")
		n, isNumber := number(pid)
		if !ok || !isNumber || n <= 0 || n > 1<<31 {
			continue
		}
		t := byPID[pid]
		if t == nil {
			if len(list) >= maxItems {
				continue
			}
			t = &task{pid: int(n)}
			byPID[pid], list = t, append(list, t)
		}
		t.add(file, text)
	}
	return list
}

// add takes a line of one of the process's files. A name or an argument may have a
// line break in it.
func (t *task) add(file, text string) {
	switch file {
	case "stat":
		t.stat += text
	case "cmdline":
		t.command += text
	case "status":
		key, value, _ := strings.Cut(text, ":")
		switch key {
		case "Uid":
			t.uid = value
		case "VmRSS":
			t.memory = value
		}
	}
}

// process is the task as a line of the process table, and how long after the host
// it started; ok is false for threads of the kernel and for what is no process.
func (t *task) process(users map[string]string) (p Process, start time.Duration, ok bool) {
	open, shut := strings.Index(t.stat, "("), strings.LastIndex(t.stat, ")")
	if open < 0 || shut < open {
		return Process{}, 0, false
	}
	f := statFields(t.stat)
	if len(f) <= statStart {
		return Process{}, 0, false
	}
	p = Process{PID: t.pid, Parent: integer(f[1]), State: clean(f[0][:1]), User: t.user(users)}
	p.CPUTime = (tickTime(f[11]) + tickTime(f[12])).Truncate(time.Second)
	p.RSS = size(firstField(t.memory))
	p.Command = scrubbed(strings.ReplaceAll(strings.TrimRight(t.command, "\x00\n"), "\x00", " "))
	if p.Command == "" {
		p.Command = clean("[" + t.stat[open+1:shut] + "]")
		if p.State == "Z" {
			p.Command += " <defunct>"
		}
	}
	p.Name = processName(p.Command)
	return p, tickTime(f[statStart]), !p.kernel()
}

// statStart is the place of the start time among statFields.
const statStart = 19

// statFields are the values of a process's stat file behind its name, which may hold
// anything.
func statFields(stat string) []string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
}

// user is the process's effective one, by number where the host's own file has no
// name for it.
func (t *task) user(names map[string]string) string {
	f := strings.Fields(t.uid)
	if len(f) < 2 {
		return ""
	}
	return cmp.Or(names[f[1]], clean(f[1]))
}

// tickTime is a time in the ticks that the kernel tells of processes.
func tickTime(text string) time.Duration {
	n, ok := number(text)
	if !ok || n < 0 || n > maxUnix*ticks {
		return 0
	}
	return time.Duration(min(n, 1e9*ticks)) * (time.Second / ticks)
}

// usersOf is the name of each user id.
func usersOf(passwd string) map[string]string {
	users := map[string]string{}
	for line := range strings.Lines(passwd) {
		f := strings.Split(line, ":")
		if len(f) < 3 || len(users) >= maxItems {
			continue
		}
		if _, double := users[f[2]]; !double {
			users[f[2]] = clean(f[0])
		}
	}
	return users
}
