package fact

import (
	"slices"
	"strings"
	"time"
)

// A DiskRate is the work of one block device between the two readings.
type DiskRate struct {
	Name           string        `json:"name"`
	Interval       time.Duration `json:"interval"`
	ReadsPerSec    float64       `json:"reads_per_sec"`
	WritesPerSec   float64       `json:"writes_per_sec"`
	ServiceTimeMS  float64       `json:"service_time_ms"`  // mean per request in the interval; 0 when there was none
	BusyPercent    float64       `json:"busy_percent"`     // of the interval
	LifetimeMeanMS float64       `json:"lifetime_mean_ms"` // mean per request since boot
}

// Key names the item in its list.
func (d DiskRate) Key() string { return d.Name }

func diskRatesFact() Fact {
	return define("disk_rates", "work of the disks", Probe{Again: []string{"/proc/diskstats"}},
		func(s *Set) *Observed[[]DiskRate] { return &s.DiskRates }, parseDiskRates)
}

// diskCounters are fields of /proc/diskstats, as Linux's iostats.txt numbers
// them: requests and milliseconds since boot.
type diskCounters struct{ reads, readMS, writes, writeMS, busyMS float64 }

func parseDiskRates(r Raw) Observed[[]DiskRate] {
	const file = "/proc/diskstats"
	before, order := readDiskstats(r.Files[file].Content)
	after, _ := readDiskstats(r.Again[file].Content)
	if len(before) == 0 || len(after) == 0 || r.Interval <= 0 {
		return unknown[[]DiskRate]("the disks' counters were not sampled twice")
	}
	rates := []DiskRate{}
	seconds := r.Interval.Seconds()
	for _, name := range order {
		a, ok := after[name]
		b := before[name]
		requests := a.reads - b.reads + a.writes - b.writes
		if !ok || requests < 0 || a.busyMS < b.busyMS {
			continue
		}
		d := DiskRate{
			Name: name, Interval: r.Interval,
			ReadsPerSec: rounded((a.reads - b.reads) / seconds), WritesPerSec: rounded((a.writes - b.writes) / seconds),
			BusyPercent: percent(a.busyMS-b.busyMS, float64(r.Interval.Milliseconds())),
		}
		if requests > 0 {
			d.ServiceTimeMS = rounded(max(a.readMS-b.readMS+a.writeMS-b.writeMS, 0) / requests)
		}
		if total := a.reads + a.writes; total > 0 {
			d.LifetimeMeanMS = rounded((a.readMS + a.writeMS) / total)
		}
		rates = append(rates, d)
	}
	return found(rates, file)
}

// rounded keeps two decimals.
func rounded(f float64) float64 {
	if f > 1e15 || f < -1e15 {
		return 0
	}
	return float64(int64(f*100+0.5)) / 100
}

// readDiskstats reads whole disks, in the kernel's order.
func readDiskstats(text string) (map[string]diskCounters, []string) {
	counters := map[string]diskCounters{}
	var order []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 14 || len(order) >= maxItems { // partitions have 7 fields on Linux 2.6
			continue
		}
		name := clean(f[2])
		if partition.MatchString(name) || noDisk.MatchString(name) {
			continue
		}
		var n [11]float64
		for i := range n {
			v, ok := number(f[3+i])
			if !ok || v < 0 {
				v = 0
			}
			n[i] = float64(v)
		}
		if _, twice := counters[name]; !twice {
			order = append(order, name)
		}
		counters[name] = diskCounters{reads: n[0], readMS: n[3], writes: n[4], writeMS: n[7], busyMS: n[9]}
	}
	return counters, order
}

// Network is TCP's health as rates between the two readings of the visit.
type Network struct {
	Interval          time.Duration `json:"interval"`
	SegmentsOut       float64       `json:"segments_out"`       // per second
	Retransmits       float64       `json:"retransmits"`        // per second
	RetransmitPercent float64       `json:"retransmit_percent"` // of segments out in the interval; 0 when none were sent
	SinceBootPercent  float64       `json:"since_boot_percent"` // the same over the whole uptime
	ListenDrops       int64         `json:"listen_drops"`       // since boot: connections lost to full backlogs
	Interfaces        []NetworkRate `json:"interfaces"`
}

// A NetworkRate is the traffic of one interface.
type NetworkRate struct {
	Name   string  `json:"name"`
	RxByte float64 `json:"rx_byte"` // per second
	TxByte float64 `json:"tx_byte"`
	Errors float64 `json:"errors"` // errors and drops of both directions, per second
}

// Key names the item in its list.
func (n NetworkRate) Key() string { return n.Name }

func networkFact() Fact {
	return define("network", "health of TCP and traffic", Probe{
		Files: []string{"/proc/net/netstat"},
		Again: []string{"/proc/net/snmp", "/proc/net/dev"},
	}, func(s *Set) *Observed[Network] { return &s.Network }, parseNetwork)
}

func parseNetwork(r Raw) Observed[Network] {
	before := tcpCounters(r.Files["/proc/net/snmp"].Content, "Tcp:")
	after := tcpCounters(r.Again["/proc/net/snmp"].Content, "Tcp:")
	out, ok := after["OutSegs"]
	first, ok2 := before["OutSegs"]
	if !ok || !ok2 || r.Interval <= 0 {
		return unknown[Network]("the counters of TCP were not sampled twice")
	}
	drops, told := tcpCounters(r.Files["/proc/net/netstat"].Content, "TcpExt:")["ListenDrops"]
	n := Network{
		Interval:    r.Interval,
		ListenDrops: int64(drops),
		Interfaces:  interfaceRates(r.Files["/proc/net/dev"].Content, r.Again["/proc/net/dev"].Content, r.Interval),
	}
	again := after["RetransSegs"]
	if again <= out { // else 32 bits ran over, on an old kernel
		n.SinceBootPercent = percent(again, out)
	}
	sent, repeated := out-first, again-before["RetransSegs"]
	if sent < 0 || repeated < 0 {
		return partly(n, "/proc/net/snmp", "the counters of TCP began anew between the readings")
	}
	n.SegmentsOut = rounded(sent / r.Interval.Seconds())
	n.Retransmits = rounded(repeated / r.Interval.Seconds())
	n.RetransmitPercent = percent(repeated, sent)
	if !told {
		return partly(n, "/proc/net/snmp", "connections lost to full backlogs are not counted")
	}
	return found(n, "/proc/net/snmp")
}

// tcpCounters reads the pair of lines "Tcp: names" and "Tcp: numbers".
func tcpCounters(text, prefix string) map[string]float64 {
	counters := map[string]float64{}
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != prefix {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for n := 1; n < min(len(f), len(names)); n++ {
			if v, ok := number(f[n]); ok && v >= 0 && v < 1<<53 {
				counters[names[n]] = float64(v)
			}
		}
	}
	return counters
}

// interfaceRates compares two readings of /proc/net/dev.
func interfaceRates(before, after string, interval time.Duration) []NetworkRate {
	old := readNetDev(before)
	rates := []NetworkRate{}
	for name, now := range readNetDev(after) {
		then, ok := old[name]
		if !ok || now[0] < then[0] || now[1] < then[1] || len(rates) >= maxItems {
			continue
		}
		per := func(n int) float64 { return rounded(max(now[n]-then[n], 0) / interval.Seconds()) }
		rates = append(rates, NetworkRate{Name: name, RxByte: per(0), TxByte: per(1), Errors: per(2)})
	}
	slices.SortFunc(rates, func(a, b NetworkRate) int { return strings.Compare(a.Name, b.Name) })
	return rates
}

// readNetDev is received bytes, sent bytes, and errors and drops, by interface.
func readNetDev(text string) map[string][3]float64 {
	out := map[string][3]float64{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || len(f) < 16 {
			continue
		}
		var n [16]float64
		for i := range n {
			if v, ok := number(f[i]); ok && v >= 0 {
				n[i] = float64(v)
			}
		}
		out[clean(name)] = [3]float64{n[0], n[8], n[2] + n[3] + n[10] + n[11]}
	}
	return out
}
