package fact

import (
	"regexp"
	"strings"
)

// A Disk is a block device.
type Disk struct {
	Name       string   `json:"name"`
	Size       int64    `json:"size"` // bytes
	Model      string   `json:"model"`
	Rotational bool     `json:"rotational"`
	Removable  bool     `json:"removable"`
	ReadOnly   bool     `json:"read_only"`
	Kind       string   `json:"kind"` // disk, raid, lvm, crypt, loop
	State      string   `json:"state"`
	Holders    []string `json:"holders,omitempty"` // for raid: its members
}

// Key names the item in its list.
func (d Disk) Key() string { return d.Name }

func disksFact() Fact {
	const block = "/sys/block/[a-km-z]*/" // without loop devices, which store nothing of their own
	return define("disks", "block devices", Probe{
		Files: []string{
			block + "size", block + "ro", block + "removable", block + "queue/rotational", block + "device/model", block + "device/vendor",
			block + "device/state", "/sys/block/dm-*/dm/name", "/sys/block/dm-*/dm/uuid", "/proc/mdstat", "/proc/partitions",
		},
		Elsewhere: `has sysctl && sysctl -n kern.disks`,
	}, func(s *Set) *Observed[[]Disk] { return &s.Disks }, parseDisks)
}

func parseDisks(r Raw) Observed[[]Disk] {
	raids := parseMDStat(r.Files["/proc/mdstat"].Content)
	var disks []Disk
	for _, p := range r.matching("/sys/block/") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(p, "/sys/block/"), "/")
		if rest != "size" || len(disks) >= maxItems {
			continue
		}
		if d, ok := disk(r, name, raids); ok {
			disks = append(disks, d)
		}
	}
	if len(disks) > 0 {
		return found(disks, "/sys/block")
	}
	if disks = fromPartitions(r.Files["/proc/partitions"].Content, raids); len(disks) > 0 {
		return partly(disks, "/proc/partitions", "only names and sizes are told")
	}
	for _, name := range strings.Fields(clean(r.Out)) {
		disks = append(disks, Disk{Name: name, Kind: "disk"})
	}
	if len(disks) > 0 {
		return partly(disks, "kern.disks", "only names are told")
	}
	if len(r.matching("/sys/block/")) > 0 || r.Files["/proc/partitions"].Content != "" {
		return found([]Disk{}, "/sys/block") // a container without devices of its own
	}
	return unknown[[]Disk]("no block device is told")
}

// noDisk are devices that store nothing of their own.
var noDisk = regexp.MustCompile(`^(?:loop|ram|zram|sr|fd)\d`)

// disk describes one device of /sys/block.
func disk(r Raw, name string, raids map[string]raid) (Disk, bool) {
	at := func(file string) string { return r.line("/sys/block/" + name + "/" + file) }
	sectors, ok := number(at("size"))
	if !ok || sectors <= 0 || sectors > 1<<50 || noDisk.MatchString(name) {
		return Disk{}, false
	}
	d := Disk{
		Name: deviceName(name), Size: sectors * 512, Kind: "disk",
		Model:      strings.TrimSpace(vendor(at("device/vendor")) + " " + at("device/model")),
		Rotational: at("queue/rotational") == "1", Removable: at("removable") == "1", ReadOnly: at("ro") == "1",
		State: at("device/state"),
	}
	d.made(raids)
	if d.Kind == "lvm" {
		d.Model = at("dm/name")
	}
	if strings.HasPrefix(at("dm/uuid"), "CRYPT-") {
		d.Kind = "crypt"
	}
	return d, true
}

// made describes a device that the kernel makes of others.
func (d *Disk) made(raids map[string]raid) {
	switch {
	case strings.HasPrefix(d.Name, "md"):
		r := raids[d.Name]
		d.Kind, d.Model, d.State, d.Holders = "raid", r.level, r.state, r.members
	case strings.HasPrefix(d.Name, "dm-"):
		d.Kind = "lvm"
	}
}

// deviceName is a name as the kernel's tables have it: in /sys a "!" stands for
// the slash of cciss/c0d0.
func deviceName(name string) string { return clean(strings.ReplaceAll(name, "!", "/")) }

// vendor is a maker's name; virtio's is a number of PCI, ATA's a way to connect.
func vendor(s string) string {
	if strings.HasPrefix(s, "0x") || s == "ATA" {
		return ""
	}
	return s
}

type raid struct {
	level, state string
	members      []string
}

var (
	mdLine   = regexp.MustCompile(`^(md\S*) : (\S+)(?: \([a-z-]+\))*(?: ([a-z]+\d*)(?: |$))?(.*)$`)
	mdMember = regexp.MustCompile(`([a-zA-Z0-9!/-]+)\[\d+\](\([A-Z]\))?`)
	mdHealth = regexp.MustCompile(`\[(\d+)/(\d+)\] \[([U_]+)\]`)
)

// parseMDStat reads the software RAIDs: an array with fewer members working than
// it wants is degraded, one that rebuilds says so.
func parseMDStat(text string) map[string]raid {
	raids := map[string]raid{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := mdLine.FindStringSubmatch(line); m != nil {
			name = m[1]
			r := raid{level: clean(m[3]), state: clean(m[2])}
			for _, member := range mdMember.FindAllStringSubmatch(m[4], 64) {
				r.members = append(r.members, clean(member[1]+member[2]))
			}
			raids[name] = r
			continue
		}
		r, ok := raids[name]
		if !ok {
			continue
		}
		if m := mdHealth.FindStringSubmatch(line); m != nil && strings.Contains(m[3], "_") {
			r.state = "degraded"
		}
		for _, work := range []string{"recovery", "resync", "reshape"} {
			if strings.Contains(line, work+" =") || strings.Contains(line, work+"=") {
				r.state = strings.TrimPrefix(r.state+", "+work, "active, ")
			}
		}
		raids[name] = r
	}
	return raids
}

var partition = regexp.MustCompile(`^(?:[hsv]d[a-z]+|xvd[a-z]+)\d+$|p\d+$`)

// fromPartitions reads /proc/partitions: major, minor, kilobytes, name.
func fromPartitions(text string, raids map[string]raid) []Disk {
	var disks []Disk
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 4 || partition.MatchString(f[3]) || noDisk.MatchString(f[3]) || len(disks) >= maxItems {
			continue
		}
		if kb, ok := number(f[2]); ok && kb > 1 && kb < 1<<50 {
			d := Disk{Name: clean(f[3]), Size: kb * 1024, Kind: "disk"}
			d.made(raids)
			disks = append(disks, d)
		}
	}
	return disks
}
