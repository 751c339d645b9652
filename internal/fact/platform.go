package fact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

const (
	// dmi is where the kernel shows what the firmware says of the machine.
	dmi = "/sys/class/dmi/id/"

	// cpuModalias is where it shows which features the processors have, as numbers,
	// since 3.3.
	cpuModalias = "/sys/devices/system/cpu/modalias"
)

// hypervisorFeature is the number of x86's feature "hypervisor" in cpuModalias.
var hypervisorFeature = regexp.MustCompile(`^cpu:type:x86,.*:feature:.*,009F(?:,|$)`)

// Platform is what the host runs on.
type Platform struct {
	Kind       string   `json:"kind"`       // physical, virtual, container
	Hypervisor string   `json:"hypervisor"` // kvm, vmware, hyperv, xen, virtualbox, amazon, lxc, docker, systemd-nspawn, openvz …; empty when physical
	Evidence   []string `json:"evidence"`   // each: source=what it says
	Vendor     string   `json:"vendor"`
	Model      string   `json:"model"`
	Serial     string   `json:"serial"` // empty for vendors' placeholders, which identify nothing
	UUID       string   `json:"uuid"`   // likewise
	BIOS       string   `json:"bios"`
}

func platformFact() Fact {
	return define("platform", "virtual or physical, and what on", Probe{
		Files: []string{
			dmi + "*_vendor", dmi + "product_*", dmi + "chassis_type", dmi + "bios_version",
			"/sys/hypervisor/type", "/sys/hypervisor/uuid", "/proc/xen/capabilities", "/run/systemd/container", "/proc/vz/veinfo",
			cpuModalias, "/proc/sysinfo", "/proc/1/cgroup", "/sys/class/net/*/address", "/proc/scsi/scsi",
		},
		Script: platformScript, Elsewhere: platformElsewhere, Brief: true,
	}, func(s *Set) *Observed[Platform] { return &s.Platform }, parsePlatform)
}

// platformScript adds what is no line in a file: a flag of the first CPU where an old
// kernel tells features nowhere else, marks of containers, and dmidecode where the
// kernel shows no DMI.
const platformScript = `if [ ! -r ` + cpuModalias + ` ] && [ -r /proc/cpuinfo ]; then
while read -r k v; do case $k in flags) case " $v " in *" hypervisor "*) say flag=hypervisor ;; esac; break ;; esac; done </proc/cpuinfo
fi
[ -e /.dockerenv ] && say mark=docker
[ -e /run/.containerenv ] && say mark=podman
[ -d /proc/bc ] && say mark=openvz-host
if [ ! -e /run/systemd/container ] && [ -r /proc/1/environ ]; then
while e=; read -r e || [ -n "$e" ]; do for v in lxc-libvirt lxc systemd-nspawn docker podman oci wsl; do
case $e in *container=$v*) say "container=$v"; break ;; esac; done; done </proc/1/environ
fi
[ -r /proc/device-tree/model ] && { read -r m </proc/device-tree/model; say "model=$m"; }
if [ ! -d /sys/class/dmi/id ] && has dmidecode; then
` + dmidecode + `
fi
:`

const dmidecode = `for k in system-manufacturer system-product-name system-serial-number system-uuid bios-version; do say "$k=$(dmidecode -s $k)"; done`

const platformElsewhere = `has dmidecode && ` + dmidecode + `
if has sysctl; then
say "vm_guest=$(sysctl -n kern.vm_guest)"; say "jailed=$(sysctl -n security.jail.jailed)"
has kenv && for k in smbios.system.maker smbios.system.product smbios.system.serial; do say "$k=$(kenv -q $k)"; done
fi
:`

func parsePlatform(r Raw) Observed[Platform] {
	kv := keyValues(r.Out, "=")
	p := Platform{
		Vendor: cmp.Or(r.line(dmi+"sys_vendor"), kv["system-manufacturer"], kv["smbios.system.maker"]),
		Model:  cmp.Or(r.line(dmi+"product_name"), kv["system-product-name"], kv["smbios.system.product"], kv["model"]),
		Serial: identity(cmp.Or(r.line(dmi+"product_serial"), kv["system-serial-number"], kv["smbios.system.serial"])),
		UUID:   strings.ToLower(identity(cmp.Or(r.line(dmi+"product_uuid"), kv["system-uuid"]))),
		BIOS:   cmp.Or(strings.TrimSpace(r.line(dmi+"bios_vendor")+" "+r.line(dmi+"bios_version")), kv["bios-version"]),
	}
	j := &judgement{}
	j.container(r, kv)
	if j.kind == "" {
		j.virtual(r, kv, p)
	}
	if j.kind == "" {
		j.physical(r, kv, p)
	}
	p.Kind, p.Hypervisor, p.Evidence = j.kind, j.on, j.evidence
	if p.Kind == "container" { // they name the machine that it shares
		p.Serial, p.UUID = "", ""
	}
	source := "dmi"
	if len(j.evidence) > 0 {
		source, _, _ = strings.Cut(j.evidence[0], "=")
	}
	if p.Kind == "" {
		o := unknown[Platform]("nothing says what it runs on")
		o.Value = p
		return o
	}
	if r.denied(dmi+"product_serial") || r.denied(dmi+"product_uuid") {
		return partly(p, source, "serial number and UUID need root")
	}
	return found(p, source)
}

// placeholder matches what vendors write in place of a serial number, in small
// letters.
var placeholder = regexp.MustCompile(`^(to be filled.*|default.*|system.*|not ?(specified|available|applicable|present|settable)|none|n/?a|unknown|empty|serial number|oem|o\.e\.m\.?|invalid|undefined|chassis.*|[0.\-]+|f[f\-]+|x+|123456789.*|0123456789.*|03000200-0400-0500-0006-000700080009|12345678-1234-5678-90ab-cddeefaabbcc)$`)

// identity is a serial number or UUID, or empty for a placeholder: that would
// make two machines one.
func identity(s string) string {
	if placeholder.MatchString(strings.ToLower(s)) {
		return ""
	}
	return s
}

// A judgement collects evidence until the kind is clear.
type judgement struct {
	kind, on string
	evidence []string
}

func (j *judgement) say(kind, on, source, text string) {
	j.evidence = append(j.evidence, clean(source+"="+text))
	if j.kind == "" {
		j.kind, j.on = kind, on
	}
}

func (j *judgement) container(r Raw, kv map[string]string) {
	if v := r.line("/run/systemd/container"); v != "" {
		j.say("container", v, "/run/systemd/container", v)
	}
	for _, mark := range []string{"docker", "podman"} {
		if kv["mark"] == mark {
			j.say("container", mark, "mark", mark)
		}
	}
	if v := kv["container"]; v != "" { // LXC tells its init, and nobody else
		j.say("container", v, "/proc/1/environ", "container="+v)
	}
	if _, ok := r.Files["/proc/vz/veinfo"]; ok && kv["mark"] != "openvz-host" {
		j.say("container", "openvz", "/proc/vz", "veinfo")
	}
	groups := r.Files["/proc/1/cgroup"].Content
	for _, c := range []struct{ in, name string }{{"/docker", "docker"}, {"/kubepods", "kubernetes"}, {"/lxc", "lxc"}, {"/libpod", "podman"}} {
		if strings.Contains(groups, c.in) {
			j.say("container", c.name, "/proc/1/cgroup", c.in)
			return
		}
	}
	if kv["jailed"] == "1" {
		j.say("container", "jail", "security.jail.jailed", "1")
	}
}

// hypervisors by what they write into the firmware's tables.
var hypervisors = []struct{ text, name string }{
	{"VMware", "vmware"},
	{"VirtualBox", "virtualbox"},
	{"innotek", "virtualbox"},
	{"QEMU", "kvm"},
	{"KVM", "kvm"},
	{"Bochs", "kvm"},
	{"Amazon EC2", "amazon"},
	{"Google", "google"},
	{"OpenStack", "openstack"},
	{"RHEV", "ovirt"},
	{"oVirt", "ovirt"},
	{"Nutanix", "nutanix"},
	{"Xen", "xen"},
	{"HVM domU", "xen"},
	{"Parallels", "parallels"},
	{"BHYVE", "bhyve"},
	{"DigitalOcean", "digitalocean"},
	{"Hetzner", "kvm"},
	{"Scaleway", "kvm"},
	{"Alibaba", "alibaba"},
	{"Bhyve", "bhyve"},
	{"Virtual Machine", "hyperv"},
	{"linux,dummy-virt", "kvm"},
}

// macs of virtual network cards.
var macs = map[string]string{
	"00:50:56": "vmware", "00:0c:29": "vmware", "00:05:69": "vmware", "52:54:00": "kvm", "08:00:27": "virtualbox",
	"00:16:3e": "xen", "00:15:5d": "hyperv", "00:1c:42": "parallels",
}

// ethernet are the names of cards: the bridges and taps of a machine that runs
// guests have virtual addresses, too.
var ethernet = regexp.MustCompile(`^/sys/class/net/(eth\d|en[ospx])`)

func (j *judgement) virtual(r Raw, kv map[string]string, p Platform) {
	if strings.HasSuffix(p.Model, ".metal") { // Amazon rents out whole machines, too
		return
	}
	for _, path := range []string{"sys_vendor", "product_name", "board_vendor", "bios_vendor"} {
		j.named(dmi+path, r.line(dmi+path))
	}
	j.named("dmidecode", kv["system-manufacturer"]+" "+kv["system-product-name"])
	j.named("kenv", kv["smbios.system.maker"]+" "+kv["smbios.system.product"])
	j.named("device-tree", kv["model"])
	if t := r.line("/sys/hypervisor/type"); t == "xen" && !strings.Contains(r.line("/proc/xen/capabilities"), "control_d") {
		j.say("virtual", "xen", "/sys/hypervisor/type", t)
	}
	if g := kv["vm_guest"]; g != "" && g != "none" {
		j.say("virtual", g, "kern.vm_guest", g)
	}
	j.named("/proc/sysinfo", clean(r.Files["/proc/sysinfo"].Content))
	j.named("/proc/scsi/scsi", clean(r.Files["/proc/scsi/scsi"].Content))
	if kv["flag"] == "hypervisor" {
		j.say("virtual", "", "cpuinfo", "hypervisor flag")
	}
	if hypervisorFeature.MatchString(r.line(cpuModalias)) {
		j.say("virtual", "", cpuModalias, "hypervisor flag")
	}
	for _, path := range r.matching("/sys/class/net/") {
		mac := strings.ToLower(r.line(path))
		if len(mac) < 8 || !ethernet.MatchString(path) {
			continue
		}
		on, ok := macs[mac[:8]]
		if ok && (j.kind == "virtual" && j.on == "" || j.kind == "" && p.Vendor == "") {
			j.say("virtual", on, path, mac)
			j.on = on
		}
	}
	if j.kind == "virtual" && j.on == "" {
		j.on = "unknown"
	}
}

// named notes a hypervisor's name in what a source says.
func (j *judgement) named(source, text string) {
	for _, h := range hypervisors {
		if strings.Contains(text, h.text) {
			j.say("virtual", h.name, source, text)
			return
		}
	}
}

// chassis are the DMI chassis types of machines one can touch.
var chassis = []string{"3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "14", "15", "16", "17", "22", "23", "24", "25", "28", "29", "30", "31", "32", "35"}

func (j *judgement) physical(r Raw, kv map[string]string, p Platform) {
	if c := r.line(dmi + "chassis_type"); slices.Contains(chassis, c) {
		j.say("physical", "", dmi+"chassis_type", c)
	}
	if p.Vendor != "" && identity(p.Vendor) != "" {
		j.say("physical", "", "vendor", p.Vendor)
	}
	if kv["model"] != "" {
		j.say("physical", "", "device-tree", kv["model"])
	}
}

func machineIDFact() Fact {
	return define("machine_id", "machine id", Probe{
		Files: []string{"/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"},
	}, func(s *Set) *Observed[string] { return &s.MachineID }, parseMachineID)
}

var (
	hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuid  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

func parseMachineID(r Raw) Observed[string] {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id := strings.ToLower(r.line(path)); hex32.MatchString(id) {
			return found(id, path)
		}
	}
	if id := strings.ToLower(r.line("/etc/hostid")); uuid.MatchString(id) && identity(id) != "" { // FreeBSD's
		return found(id, "/etc/hostid")
	}
	return partly("", "", "it has none; they came with systemd and D-Bus")
}
