package demo

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// A spec is what one host of the story is; a profile fills in the rest.
type spec struct {
	name, address string
	profile       profile
	cpus          int
	memoryMB      int
	load          float64
	swapUsedMB    int
	uptime        time.Duration
	skew          time.Duration
	vendor, model string // of the machine; VMware when empty
	mounts        []mount
	listeners     []listener
	daemons       []string // command lines of processes without sockets
	changes       []touched
	files         map[string]string
	dropped       []string // addresses that do not answer this host
	virtual       string   // an address that moves between hosts, when it is here
	connections   []string // lines of ss
	services      []string // lines of systemctl, or names of init scripts
	packages      []string // "name version"
	libraries     []string // "pid path"
	certs         string   // PEM, behind "file PATH" lines
	redis         string   // lines of its configuration: "file:line:text"
	configured    string   // lines of configurations: "file:line:text"
	cron          string
	mdstat        string
	hangs         Stage
}

// A profile is an operating system of its time.
type profile struct {
	files    map[string]string // what names the system
	kernel   string            // release
	version  string            // uname -v
	arch     string
	greeting string
	hostKey  string
	old      bool
	manager  string // dpkg or rpm
	systemd  bool
	ss       bool // has ss; else netstat
}

type mount struct {
	point, device, kind string
	sizeGB, usedPercent float64
	readOnly            bool
}

type listener struct {
	port    int
	address string // empty means every address
	process string
	pid     int
	command string
	user    string
	rssMB   int
}

// touched is a file of /etc and how long ago it changed.
type touched struct {
	file string
	ago  time.Duration
}

const gib = 1 << 30

// machine fills in everything a real host of this kind answers.
func (s spec) machine(now time.Time) Machine {
	m := Machine{
		Name: s.name, Address: s.address, Greeting: s.profile.greeting, HostKey: s.profile.hostKey,
		Old: s.profile.old, Dropped: s.dropped, Hangs: s.hangs, Skew: s.skew,
		Files: map[string]string{}, Again: map[string]string{}, Scripts: map[string]string{}, Typed: map[string]shell.Reply{},
	}
	for name, text := range s.profile.files {
		m.Files[name] = text
	}
	for name, text := range s.files {
		m.Files[name] = text
	}
	s.proc(&m, now)
	s.disks(&m)
	s.network(&m)
	s.software(&m, now)
	m.Typed["uptime"] = shell.Reply{Stdout: fmt.Sprintf(" %s up %d days, 1 user, load average: %.2f, %.2f, %.2f\n",
		now.Format("15:04:05"), int(s.uptime.Hours()/24), s.load, s.load*0.9, s.load*0.8)}
	m.Typed["hostname"] = shell.Reply{Stdout: s.name + "\n"}
	m.Typed["uname -a"] = shell.Reply{Stdout: fmt.Sprintf("Linux %s %s %s %s GNU/Linux\n", s.name, s.profile.kernel, s.profile.version, s.profile.arch)}
	m.Typed["id"] = shell.Reply{Stdout: "uid=0(root) gid=0(root) groups=0(root)\n"}
	m.Typed["true"] = shell.Reply{}
	return m
}

// proc is the kernel's view: time, load, memory, and what the machine is.
func (s spec) proc(m *Machine, now time.Time) {
	up := s.uptime.Seconds()
	boot := now.Add(-s.uptime).Unix()
	m.Files["/proc/uptime"] = fmt.Sprintf("%.2f %.2f\n", up, up*float64(s.cpus)*0.7)
	m.Again["/proc/uptime"] = fmt.Sprintf("%.2f %.2f\n", up+0.31, up*float64(s.cpus)*0.7)
	busy := min(s.load/float64(s.cpus), 1)
	m.Files["/proc/stat"] = stat(s.cpus, 1_000_000, busy, boot)
	m.Again["/proc/stat"] = stat(s.cpus, 1_000_000+31, busy, boot)
	m.Files["/proc/loadavg"] = fmt.Sprintf("%.2f %.2f %.2f 2/310 4711\n", s.load, s.load*0.9, s.load*0.8)
	total := s.memoryMB * 1024
	available := total * 45 / 100
	swap := 4 * 1024 * 1024
	text := fmt.Sprintf("MemTotal: %d kB\nMemFree: %d kB\nBuffers: %d kB\nCached: %d kB\nSwapTotal: %d kB\nSwapFree: %d kB\n",
		total, available/3, available/6, available/2, swap, swap-s.swapUsedMB*1024)
	if s.profile.systemd { // kernels from 3.14 on estimate what is available
		text += fmt.Sprintf("MemAvailable: %d kB\n", available)
	}
	m.Files["/proc/meminfo"] = text
	m.Files["/proc/net/snmp"] = "Tcp: RtoMin OutSegs RetransSegs\nTcp: 200 9000000 21000\n"
	m.Again["/proc/net/snmp"] = "Tcp: RtoMin OutSegs RetransSegs\nTcp: 200 9000310 21000\n"
	m.Files["/proc/net/netstat"] = "TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 0\n"
	m.Scripts["kernel"] = fmt.Sprintf("Linux %s %s %s %s\n", s.name, s.profile.kernel, s.profile.version, s.profile.arch)
	m.Scripts["cpu"] = "Intel(R) Xeon(R) CPU E5-2640 v3 @ 2.60GHz\n"
	m.Scripts["os"], m.Scripts["boot"], m.Scripts["load"], m.Scripts["memory"], m.Scripts["disks"] = "", "", "", "", ""
	m.Scripts["routes"], m.Scripts["certs"] = "", s.certs
	m.Scripts["dependencies"] = s.configured + s.redis + s.sums() + "#end\n"
	if s.profile.systemd {
		m.Files["/etc/machine-id"] = fmt.Sprintf("%032x\n", []byte(s.name + "-demo-host-----")[:16])
	}
	s.hardware(m)
}

func (s spec) hardware(m *Machine) {
	vendor, model, kind, serial := s.vendor, s.model, "23", strings.ToUpper(s.name)+"7X2"
	if vendor == "" {
		vendor, model, kind, serial = "VMware, Inc.", "VMware Virtual Platform", "1", "VMware-42 1d 6f 0c "+s.name
		m.Scripts["platform"] = "flag=hypervisor\n"
	} else {
		m.Scripts["platform"] = ""
	}
	if strings.HasPrefix(s.profile.kernel, "2.6.9") { // this kernel shows no DMI; dmidecode does
		m.Scripts["platform"] += fmt.Sprintf("system-manufacturer=%s\nsystem-product-name=%s\nsystem-serial-number=%s\n", vendor, model, serial)
		return
	}
	const dmi = "/sys/class/dmi/id/"
	m.Files[dmi+"sys_vendor"], m.Files[dmi+"product_name"] = vendor+"\n", model+"\n"
	m.Files[dmi+"product_serial"], m.Files[dmi+"chassis_type"] = serial+"\n", kind+"\n"
	m.Files[dmi+"bios_vendor"], m.Files[dmi+"bios_version"] = "Phoenix Technologies LTD\n", "6.00\n"
}

// stat is /proc/stat after so many hundredths of a second.
func stat(cpus, ticks int, busy float64, boot int64) string {
	user := int(float64(ticks*cpus) * busy)
	var b strings.Builder
	fmt.Fprintf(&b, "cpu  %d 0 %d %d 0 0 0 0\n", user*8/10, user*2/10, ticks*cpus-user)
	for n := range cpus {
		fmt.Fprintf(&b, "cpu%d %d 0 %d %d 0 0 0 0\n", n, user/cpus*8/10, user/cpus*2/10, ticks-user/cpus)
	}
	fmt.Fprintf(&b, "btime %d\n", boot)
	return b.String()
}

// disks are the filesystems and what they lie on.
func (s spec) disks(m *Machine) {
	mounts := append([]mount{{"/", "/dev/sda1", "ext3", 40, 41, false}, {"/boot", "/dev/sda2", "ext3", 0.5, 33, false}}, s.mounts...)
	var proc, fstab, sizes strings.Builder
	for _, f := range mounts {
		mode := "rw"
		if f.readOnly {
			mode = "ro"
		}
		fmt.Fprintf(&proc, "%s %s %s %s,relatime 0 0\n", f.device, f.point, f.kind, mode)
		fmt.Fprintf(&fstab, "%s %s %s defaults 0 2\n", f.device, f.point, f.kind)
		blocks := int64(f.sizeGB * gib / 4096)
		free := int64(float64(blocks) * (100 - f.usedPercent) / 100)
		inodes := blocks / 4
		fmt.Fprintf(&sizes, "4096|%d|%d|%d|%d|%d|%s\n", blocks, free, free, inodes, inodes*9/10, f.point)
	}
	m.Files["/proc/mounts"], m.Files["/etc/fstab"], m.Scripts["filesystems"] = proc.String(), fstab.String(), sizes.String()
	const sda = "/sys/block/sda/"
	m.Files[sda+"size"], m.Files[sda+"ro"], m.Files[sda+"removable"] = "209715200\n", "0\n", "0\n"
	m.Files[sda+"queue/rotational"], m.Files[sda+"device/model"] = "1\n", "Virtual disk\n"
	m.Files["/proc/diskstats"] = "   8       0 sda 901234 120 8012340 450000 1204321 900 20012340 903000 0 300000 1353000\n"
	m.Again["/proc/diskstats"] = "   8       0 sda 901238 120 8012372 450008 1204331 900 20012500 903030 0 300012 1353038\n"
	if s.mdstat != "" {
		m.Files["/proc/mdstat"] = s.mdstat
		m.Files["/sys/block/md0/size"], m.Files["/sys/block/md0/ro"] = "1953259520\n", "0\n"
	}
}

// network is the interface, its address, and every socket.
func (s spec) network(m *Machine) {
	const eth0 = "/sys/class/net/eth0/"
	var octets [4]int
	_, _ = fmt.Sscanf(s.address, "%d.%d.%d.%d", &octets[0], &octets[1], &octets[2], &octets[3])
	mac := fmt.Sprintf("00:50:56:%02x:%02x:%02x", octets[1], octets[2], octets[3])
	if s.vendor != "" {
		mac = fmt.Sprintf("b8:ca:3a:%02x:%02x:%02x", octets[1], octets[2], octets[3])
	}
	m.Files[eth0+"address"], m.Files[eth0+"operstate"], m.Files[eth0+"mtu"] = mac+"\n", "up\n", "1500\n"
	m.Files[eth0+"speed"], m.Files[eth0+"type"], m.Files[eth0+"device/uevent"] = "1000\n", "1\n", "DRIVER=vmxnet3\n"
	m.Scripts["interfaces"] = fmt.Sprintf("1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet %s/16 brd 10.0.255.255 scope global eth0\n", s.address)
	if s.virtual != "" {
		m.Scripts["interfaces"] += fmt.Sprintf("2: eth0    inet %s/32 scope global eth0\n", s.virtual)
	}
	m.Files["/proc/net/route"] = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\tFE00000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	m.Files["/etc/resolv.conf"] = "search corp.example\nnameserver 10.0.0.53\n"
	m.Files["/etc/hosts"] = "127.0.0.1 localhost\n" + s.address + " " + s.name + "\n"
	dev := "Inter-|   Receive  |  Transmit\n face |bytes\n  eth0: %d 9000 0 0 0 0 0 0 %d 8000 0 0 0 0 0 0\n"
	m.Files["/proc/net/dev"], m.Again["/proc/net/dev"] = fmt.Sprintf(dev, 800_000_000, 700_000_000), fmt.Sprintf(dev, 800_120_000, 700_310_000)
	m.Scripts["firewall"] = "#end 0\n"
	m.Scripts["sockets"] = s.sockets()
}

// sockets is ss's table, or netstat's where ss did not exist yet.
func (s spec) sockets() string {
	var b strings.Builder
	header := "#ss\n"
	if !s.profile.ss {
		header = "#netstat\n"
	}
	b.WriteString(header)
	for _, l := range append([]listener{{port: 22, process: "sshd", pid: 801}}, s.listeners...) {
		address := l.address
		if address == "" {
			address = "0.0.0.0"
		}
		if s.profile.ss {
			fmt.Fprintf(&b, "tcp LISTEN 0 128 %s:%d 0.0.0.0:* users:((\"%s\",pid=%d,fd=6))\n", address, l.port, l.process, l.pid)
			continue
		}
		fmt.Fprintf(&b, "tcp 0 0 %s:%d 0.0.0.0:* LISTEN %d/%s\n", address, l.port, l.pid, l.process)
	}
	for _, line := range s.connections {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// software is processes, services, packages and what changed.
func (s spec) software(m *Machine, now time.Time) {
	ps := "#self 0\n    1     0 root      2100 S    30-01:00:00 00:00:41 /sbin/init\n  801     1 root      3300 S    30-01:00:00 00:00:09 /usr/sbin/sshd\n"
	for _, l := range s.listeners {
		ps += fmt.Sprintf("%5d     1 %-8s %d S    12-03:04:05 01:20:33 %s\n", l.pid, l.user, l.rssMB*1024, l.command)
	}
	for n, command := range s.daemons {
		ps += fmt.Sprintf("%5d     1 root      2900 S    12-03:04:05 00:10:33 %s\n", 1200+n, command)
	}
	m.Scripts["processes"] = ps
	manager := "#sysvinit\n"
	if s.profile.systemd {
		manager = "#systemd\nssh.service loaded active running OpenBSD Secure Shell server\ncron.service loaded active running Regular background program processing daemon\n"
	} else {
		manager += "/etc/rc3.d/S55sshd\n/etc/rc3.d/S90crond\n"
	}
	m.Scripts["services"] = manager + strings.Join(s.services, "\n") + "\n"
	m.Files["/etc/crontab"] = "17 * * * * root run-parts /etc/cron.hourly\n" + s.cron
	m.Scripts["schedules"] = ""
	packages := "#" + s.profile.manager + "\n"
	for _, p := range s.packages {
		name, version, _ := strings.Cut(p, " ")
		form := "%s %s %s installed\n"
		if s.profile.manager == "dpkg" {
			form = "Package: %[1]s\nStatus: install ok installed\nArchitecture: %[3]s\nVersion: %[2]s\n"
		}
		packages += fmt.Sprintf(form, name, version, s.profile.arch)
	}
	m.Scripts["packages"] = packages
	libraries := ""
	for n, l := range s.libraries {
		pid, path, _ := strings.Cut(l, " ")
		libraries += fmt.Sprintf("/proc/%s/maps:7f%04d000000-7f%04d200000 r-xp 00000000 08:01 %d                  %s\n", pid, n, n, 131000+n, path)
	}
	m.Scripts["libraries"] = "#maps\n" + libraries
	own := now.Add(s.skew) // by its own clock
	m.Scripts["changes"] = fmt.Sprintf("#etc\n%d /etc/hosts\n", own.Add(-50*time.Hour).Unix())
	for _, c := range s.changes {
		m.Scripts["changes"] += fmt.Sprintf("%d %s\n", own.Add(-c.ago).Unix(), c.file)
	}
}

// sums are the checksums of the files that are configured.
func (s spec) sums() string {
	files := map[string]string{}
	for line := range strings.Lines(s.configured) {
		file, text, _ := strings.Cut(line, ":")
		files[file] += text
	}
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%d %d %s\n", crc32.ChecksumIEEE([]byte(files[file])), 40*len(files[file]), file)
	}
	return fmt.Sprintf("#sums %d\n%s", len(files), b.String())
}
