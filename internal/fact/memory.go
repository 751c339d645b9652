package fact

import (
	"strconv"
	"strings"
	"time"
)

// Boot is when the host started, by its own clock.
type Boot struct {
	At     time.Time     `json:"at"`
	Uptime time.Duration `json:"uptime"` // nanoseconds
}

func bootFact() Fact {
	return define("boot", "when it started", Probe{
		Files:     []string{"/proc/uptime", "/proc/stat", "/proc/1/stat"},
		Elsewhere: `date +%s; sysctl -n kern.boottime`,
	}, func(s *Set) *Observed[Boot] { return &s.Boot }, parseBoot)
}

func parseBoot(r Raw) Observed[Boot] {
	seconds, ok := decimal(firstField(r.Files["/proc/uptime"].Content))
	if !ok || seconds < 0 || seconds > 1e9 {
		return bootFromSysctl(r.Out)
	}
	b := Boot{Uptime: time.Duration(seconds * float64(time.Second)).Round(time.Second)}
	for line := range strings.Lines(r.Files["/proc/stat"].Content) {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			if n, ok := number(text); ok && n > 0 && n < maxUnix {
				b.At = time.Unix(n, 0).UTC()
			}
		}
	}
	if b.At.IsZero() {
		return partly(b, "/proc/uptime", "/proc/stat does not say when it started")
	}
	if later, ok := firstProcess(r.Files["/proc/1/stat"].Content); ok && later <= b.Uptime {
		b.At, b.Uptime = b.At.Add(later), b.Uptime-later
	}
	return found(b, "/proc/stat")
}

// ticks is how many make a second in the times that Linux tells of processes, on
// the architectures servers have.
const ticks = 100

// firstProcess is how long after the kernel the first process began, in whole
// seconds: at once on a machine, later in a container, whose /proc tells when the
// machine below it started.
func firstProcess(stat string) (time.Duration, bool) {
	fields := statFields(stat)
	if len(fields) <= statStart {
		return 0, false
	}
	n, ok := number(fields[statStart])
	return time.Duration(n/ticks) * time.Second, ok && n >= 0 && n < maxUnix
}

// bootFromSysctl reads FreeBSD's "{ sec = 1700000000, usec = 1 } …" under the
// time of day.
func bootFromSysctl(out string) Observed[Boot] {
	now, rest, _ := strings.Cut(out, "\n")
	_, sec, ok := strings.Cut(rest, "sec = ")
	text, _, _ := strings.Cut(sec, ",")
	at, ok2 := number(text)
	n, ok3 := number(now)
	if !ok || !ok2 || !ok3 || at <= 0 || at > maxUnix || n < at || n-at > 1e9 {
		return unknown[Boot]("nothing says when it started")
	}
	return found(Boot{At: time.Unix(at, 0).UTC(), Uptime: time.Duration(n-at) * time.Second}, "kern.boottime")
}

func firstField(text string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// CPU is the processors the kernel uses.
type CPU struct {
	Count int    `json:"count"` // online logical CPUs
	Model string `json:"model"`
}

func cpuFact() Fact {
	return define("cpu", "processors", Probe{
		Brief: true,
		Files: []string{"/proc/stat"},
		Script: `[ -r /proc/cpuinfo ] &&
{ n=0; while read -r k c v; do case $k in "") break ;; model) case $c in name*) say "${v#: }"; break ;; esac ;; esac; n=$((n+1)); [ $n -gt 60 ] && break; done </proc/cpuinfo; }
:`,
		Elsewhere: `has sysctl && { say "$(sysctl -n hw.model)"; say "count=$(sysctl -n hw.ncpu)"; }`,
	}, func(s *Set) *Observed[CPU] { return &s.CPU }, parseCPU)
}

func parseCPU(r Raw) Observed[CPU] {
	var c CPU
	for line := range strings.Lines(r.Out) {
		if n, ok := strings.CutPrefix(line, "count="); ok {
			c.Count = integer(n)
		} else if c.Model == "" {
			c.Model = strings.Join(strings.Fields(clean(line)), " ")
		}
	}
	for line := range strings.Lines(r.Files["/proc/stat"].Content) {
		if rest, ok := strings.CutPrefix(line, "cpu"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			c.Count++
		}
	}
	switch {
	case c.Count <= 0:
		return unknown[CPU]("nothing counts the processors")
	case c.Model == "":
		return partly(c, "/proc/stat", "the model is not told")
	default:
		return found(c, "/proc/stat")
	}
}

// Load is the run queue, averaged over 1, 5 and 15 minutes, and the CPU's use
// between the two readings of the visit.
type Load struct {
	One         float64 `json:"one"`
	Five        float64 `json:"five"`
	Fifteen     float64 `json:"fifteen"`
	BusyPercent float64 `json:"busy_percent"` // of all CPUs together; -1 when there was no second reading
	WaitPercent float64 `json:"wait_percent"` // waiting for disks; -1 likewise
}

func loadFact() Fact {
	return define("load", "load and use of the processors", Probe{
		Files:     []string{"/proc/loadavg"},
		Again:     []string{"/proc/stat"},
		Elsewhere: `has sysctl && sysctl -n vm.loadavg`,
	}, func(s *Set) *Observed[Load] { return &s.Load }, parseLoad)
}

func parseLoad(r Raw) Observed[Load] {
	text, source := r.Files["/proc/loadavg"].Content, "/proc/loadavg"
	if text == "" {
		text, source = strings.Trim(strings.TrimSpace(r.Out), "{}"), "vm.loadavg"
	}
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return unknown[Load]("nothing tells the load")
	}
	l := Load{BusyPercent: -1, WaitPercent: -1}
	for n, to := range []*float64{&l.One, &l.Five, &l.Fifteen} {
		v, ok := decimal(fields[n])
		if !ok || v < 0 {
			return unknown[Load]("the load reads %q", clean(text))
		}
		*to = v
	}
	before, ok := cpuTimes(r.Files["/proc/stat"].Content)
	after, ok2 := cpuTimes(r.Again["/proc/stat"].Content)
	total := after.total - before.total
	if !ok || !ok2 || total <= 0 || after.idle < before.idle || after.wait < before.wait {
		return partly(l, source, "the use of the processors was not sampled twice")
	}
	l.WaitPercent = percent(after.wait-before.wait, total)
	l.BusyPercent = percent(total-(after.idle-before.idle)-(after.wait-before.wait), total)
	return found(l, source)
}

type cpuTime struct{ total, idle, wait float64 }

// cpuTimes reads the first line of /proc/stat: user nice system idle iowait ….
// Guest time is already in user time.
func cpuTimes(text string) (t cpuTime, ok bool) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return t, false
	}
	for n, f := range fields[1:min(len(fields), 9)] {
		v, err := strconv.ParseUint(f, 10, 63)
		if err != nil {
			return t, false
		}
		t.total += float64(v)
		switch n {
		case 3:
			t.idle = float64(v)
		case 4:
			t.wait = float64(v)
		}
	}
	return t, true
}

// Memory is in bytes.
type Memory struct {
	Total     int64 `json:"total"`
	Available int64 `json:"available"` // the kernel's estimate, or free + buffers + cache before Linux 3.14; and what ZFS would give back
	SwapTotal int64 `json:"swap_total"`
	SwapFree  int64 `json:"swap_free"`

	AvailablePercent float64 `json:"available_percent"`
	SwapUsedPercent  float64 `json:"swap_used_percent"` // 0 without swap
}

func memoryFact() Fact {
	return define("memory", "memory and swap", Probe{
		Files: []string{"/proc/meminfo", arcstats},
		Elsewhere: `has sysctl && sysctl hw.physmem hw.pagesize vm.stats.vm.v_free_count vm.stats.vm.v_inactive_count kstat.zfs.misc.arcstats.size kstat.zfs.misc.arcstats.c_min
has swapinfo && swapinfo -k`,
	}, func(s *Set) *Observed[Memory] { return &s.Memory }, parseMemory)
}

func parseMemory(r Raw) Observed[Memory] {
	text := r.Files["/proc/meminfo"].Content
	if text == "" {
		return memoryFromSysctl(r.Out)
	}
	kb := map[string]int64{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		if n, ok := number(firstField(value)); ok && n >= 0 && n < 1<<50 {
			kb[key] = n * 1024
		}
	}
	m := Memory{Total: kb["MemTotal"], SwapTotal: kb["SwapTotal"], SwapFree: kb["SwapFree"]}
	if m.Total == 0 {
		return unknown[Memory]("/proc/meminfo has no total")
	}
	m.SwapFree = min(m.SwapFree, m.SwapTotal)
	cache := arc(r.Files[arcstats].Content)
	free, freeTold := kb["MemFree"]
	available, told := kb["MemAvailable"]
	switch {
	case told:
		return found(m.with(available+cache), "/proc/meminfo")
	case freeTold: // before Linux 3.14
		available = free + kb["Buffers"] + kb["Cached"] + kb["SReclaimable"] - kb["Shmem"] + cache
		return partly(m.with(available), "/proc/meminfo", "this kernel does not estimate what is available; free, buffers and cache were added")
	default:
		return unknown[Memory]("/proc/meminfo does not tell what is free")
	}
}

// with completes m by what is available, and the shares of the whole.
func (m Memory) with(available int64) Memory {
	m.Available = min(max(available, 0), m.Total)
	m.AvailablePercent = percent(float64(m.Available), float64(m.Total))
	m.SwapUsedPercent = percent(float64(m.SwapTotal-m.SwapFree), float64(m.SwapTotal))
	return m
}

// arcstats is where ZFS on Linux tells of its cache.
const arcstats = "/proc/spl/kstat/zfs/arcstats"

// arc is what ZFS's cache gives back when memory is short, which the kernel does
// not count as available: all above its minimum.
func arc(text string) int64 {
	told := map[string]int64{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 {
			told[f[0]], _ = number(f[2])
		}
	}
	return reclaimable(told["size"], told["c_min"])
}

func reclaimable(size, least int64) int64 {
	if size > 1<<50 || least < 0 {
		return 0
	}
	return max(size-least, 0)
}

// memoryFromSysctl reads FreeBSD's sysctl and swapinfo.
func memoryFromSysctl(out string) Observed[Memory] {
	kv := keyValues(out, ":")
	total, ok := number(kv["hw.physmem"])
	page, ok2 := number(kv["hw.pagesize"])
	if !ok || !ok2 || total <= 0 || page <= 0 || page > 1<<20 {
		return unknown[Memory]("nothing tells the memory")
	}
	free, _ := number(kv["vm.stats.vm.v_free_count"])
	inactive, _ := number(kv["vm.stats.vm.v_inactive_count"])
	size, _ := number(kv["kstat.zfs.misc.arcstats.size"])
	least, _ := number(kv["kstat.zfs.misc.arcstats.c_min"])
	most := total / page
	pages := min(max(free, 0), most) + min(max(inactive, 0), most)
	m := Memory{Total: total}
	told := m.swapinfo(out)
	m = m.with(pages*page + reclaimable(size, least))
	if !told {
		return partly(m, "sysctl", "swap is not told")
	}
	return found(m, "sysctl, swapinfo")
}

// swapinfo adds up lines "DEVICE BLOCKS USED FREE PERCENT" in kilobytes, and
// reports whether their heading was there: without swap it is all there is.
func (m *Memory) swapinfo(out string) (told bool) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 5 {
			continue
		}
		told = told || f[0] == "Device"
		size, ok := number(f[1])
		used, ok2 := number(f[2])
		if ok && ok2 && strings.HasPrefix(f[0], "/") && size >= 0 && size < 1<<40 && used >= 0 && used <= size && m.SwapTotal < 1<<55 {
			m.SwapTotal += size * 1024
			m.SwapFree += (size - used) * 1024
		}
	}
	return told
}
