package fact

import (
	"cmp"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const netClass = "/sys/class/net/"

// An Interface is a network interface with its addresses.
type Interface struct {
	Name      string         `json:"name"`
	MAC       string         `json:"mac"`
	State     string         `json:"state"` // up, down, unknown …
	MTU       int            `json:"mtu"`
	SpeedMbit int            `json:"speed_mbit"` // 0 when the kernel does not say
	Kind      string         `json:"kind"`       // physical, bond, bridge, vlan, virtual, loopback
	Master    string         `json:"master"`     // the bond or bridge it belongs to
	Addresses []netip.Prefix `json:"addresses"`
}

// Key names the item in its list.
func (i Interface) Key() string { return i.Name }

func interfacesFact() Fact {
	const each = netClass + "*/"
	return define("interfaces", "network interfaces and addresses", Probe{
		Files: []string{
			each + "address", each + "operstate", each + "mtu", each + "speed", each + "type", each + "bonding/mode", each + "bridge/bridge_id",
			each + "ifindex", each + "master/ifindex", each + "brport/bridge/ifindex", each + "bonding/slaves", each + "device/uevent", "/proc/net/vlan/config", "/proc/net/if_inet6",
		},
		Script: `if has ip; then ip -o addr show; elif has ifconfig; then ifconfig -a; fi`,
	}, func(s *Set) *Observed[[]Interface] { return &s.Interfaces }, parseInterfaces)
}

func parseInterfaces(r Raw) Observed[[]Interface] {
	l := interfaceList{raw: r, index: map[string]int{}}
	for _, path := range r.matching(netClass) {
		name, file, _ := strings.Cut(strings.TrimPrefix(path, netClass), "/")
		if file == "address" {
			l.get(name)
		}
	}
	source := "ip"
	switch {
	case ipLine.MatchString(r.Out):
		l.readIP(r.Out)
	case r.Out != "":
		source = "ifconfig"
		l.readIfconfig(r.Out)
	default:
		source = "/proc/net"
		l.readProc(r.Files["/proc/net/if_inet6"].Content)
	}
	l.setMasters()
	if len(l.list) == 0 {
		return unknown[[]Interface]("no interface is told")
	}
	if source == "/proc/net" {
		return partly(l.list, source, "IPv4 addresses are not told: neither ip nor ifconfig is there")
	}
	return found(l.list, source)
}

// An interfaceList collects interfaces by name, in the order they came.
type interfaceList struct {
	raw   Raw
	list  []Interface
	index map[string]int
}

// get finds an interface or begins it with what /sys says.
func (l *interfaceList) get(name string) *Interface {
	name = clean(name)
	if n, ok := l.index[name]; ok {
		return &l.list[n]
	}
	if len(l.list) >= maxItems {
		return &Interface{}
	}
	at := func(file string) string { return l.raw.line(netClass + name + "/" + file) }
	i := Interface{Name: name, MAC: mac(at("address")), State: at("operstate"), MTU: integer(at("mtu")), Kind: l.kind(name)}
	if speed := integer(at("speed")); speed > 0 && speed < 1<<20 {
		i.SpeedMbit = speed
	}
	l.index[name] = len(l.list)
	l.list = append(l.list, i)
	return &l.list[len(l.list)-1]
}

// setMasters names the bond or bridge that an interface belongs to.
func (l *interfaceList) setMasters() {
	byNumber, byBond := map[string]string{}, map[string]string{}
	for _, i := range l.list {
		if n := l.raw.line(netClass + i.Name + "/ifindex"); n != "" {
			byNumber[n] = i.Name
		}
		for slave := range strings.FieldsSeq(l.raw.line(netClass + i.Name + "/bonding/slaves")) {
			byBond[slave] = i.Name
		}
	}
	for n := range l.list {
		i := &l.list[n]
		i.Master = cmp.Or(
			byNumber[l.raw.line(netClass+i.Name+"/master/ifindex")],
			byNumber[l.raw.line(netClass+i.Name+"/brport/bridge/ifindex")], byBond[i.Name],
		)
	}
}

// macForm is a hardware address; tunnels have IP addresses in its place.
var macForm = regexp.MustCompile(`^[0-9a-f]{2}(?::[0-9a-f]{2}){5,19}$`)

// mac is a hardware address that identifies something.
func mac(s string) string {
	s = strings.ToLower(s)
	if strings.Trim(s, "0:") == "" || !macForm.MatchString(s) {
		return ""
	}
	return s
}

func (l *interfaceList) kind(name string) string {
	has := func(file string) bool { _, ok := l.raw.Files[netClass+name+"/"+file]; return ok }
	switch {
	case name == "lo" || name == "lo0" || l.raw.line(netClass+name+"/type") == "772":
		return "loopback"
	case has("bonding/mode"):
		return "bond"
	case has("bridge/bridge_id"):
		return "bridge"
	case strings.Contains(l.raw.Files["/proc/net/vlan/config"].Content, name+" ") || strings.Contains(name, "."):
		return "vlan"
	case has("device/uevent"):
		return "physical"
	default:
		return "virtual"
	}
}

// ipLine is "2: eth0    inet 10.0.0.1/24 brd …", one address a line.
var ipLine = regexp.MustCompile(`(?m)^\d+: (\S+?)(?:@\S+)?:?\s+(inet6?|link/\S+) (\S+)`)

func (l *interfaceList) readIP(text string) {
	for _, m := range ipLine.FindAllStringSubmatch(text, maxItems) {
		i := l.get(m[1])
		if strings.HasPrefix(m[2], "inet") {
			i.add(m[3])
		}
	}
}

// add takes an address with or without its prefix length.
func (i *Interface) add(text string) {
	text, _, _ = strings.Cut(text, "%")
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	for _, have := range i.Addresses {
		if have == p {
			return
		}
	}
	i.Addresses = append(i.Addresses, p)
}

// The dialects of ifconfig: old and new net-tools, busybox and FreeBSD.
var (
	ifName  = regexp.MustCompile(`^([A-Za-z][^\s:]*(?::\d+)?):?\s`)
	ifInet4 = regexp.MustCompile(`inet (?:addr:)?(\d+\.\d+\.\d+\.\d+)(?:.*?(?:Mask:|netmask )(\S+))?`)
	ifInet6 = regexp.MustCompile(`inet6 (?:addr: ?)?([0-9a-fA-F:]+)(?:%\S+)?(?:/(\d+)|\s+prefixlen (\d+))?`)
	ifMAC   = regexp.MustCompile(`(?:HWaddr|ether) ([0-9a-fA-F:]{17})`)
	ifMTU   = regexp.MustCompile(`(?i)mtu[: ](\d+)`)
)

func (l *interfaceList) readIfconfig(text string) {
	name := ""
	for line := range strings.Lines(text) {
		if m := ifName.FindStringSubmatch(line); m != nil {
			name, _, _ = strings.Cut(m[1], ":") // eth0:1 is another address of eth0
		}
		if name == "" {
			continue
		}
		i := l.get(name)
		if m := ifMAC.FindStringSubmatch(line); m != nil && i.MAC == "" {
			i.MAC = mac(m[1])
		}
		if m := ifMTU.FindStringSubmatch(line); m != nil && i.MTU == 0 {
			i.MTU = integer(m[1])
		}
		if i.State == "" && (strings.Contains(line, "<UP") || strings.Contains(line, " UP ")) {
			i.State = "up"
		}
		if m := ifInet4.FindStringSubmatch(line); m != nil {
			i.add(m[1] + "/" + strconv.Itoa(maskBits(m[2])))
		}
		if m := ifInet6.FindStringSubmatch(line); m != nil {
			bits := m[2] + m[3]
			if bits == "" {
				bits = "128"
			}
			i.add(m[1] + "/" + bits)
		}
	}
}

// maskBits is the length of a netmask, dotted or as FreeBSD's 0xffffff00.
func maskBits(mask string) int {
	if hex, ok := strings.CutPrefix(mask, "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 32)
		if err == nil {
			return ones(uint32(n))
		}
	}
	if a, err := netip.ParseAddr(mask); err == nil && a.Is4() {
		b := a.As4()
		return ones(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
	}
	return 32
}

func ones(n uint32) int {
	bits := 0
	for n&(1<<31) != 0 {
		bits++
		n <<= 1
	}
	return bits
}

// readProc reads /proc/net/if_inet6: address index length scope flags name.
func (l *interfaceList) readProc(text string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 6 || len(f[0]) != 32 {
			continue
		}
		bits, err := strconv.ParseUint(f[2], 16, 8)
		if a, ok := hexAddr6(f[0], false); ok && err == nil && bits <= 128 {
			l.get(f[5]).add(netip.PrefixFrom(a, int(bits)).String())
		}
	}
}
