package netbox

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// TagSlug marks everything that is ours.
const TagSlug = "nightcall"

// A Ref is another wanted object, as a field's value.
type Ref struct {
	Kind Kind   `json:"kind"`
	Key  string `json:"key"`
}

func (r Ref) String() string { return r.Key }

// A Wanted is one object that NetBox should hold.
type Wanted struct {
	Kind   Kind
	Key    string // unique in its kind: "web1", "web1 eth0", "10.0.0.7"
	Host   string // the host of the incident it was seen on; empty for what many share
	Fields map[string]any
	Doubt  string // why it must not be written, when mapping found that out

	content []byte   // of a picture
	fine    []string // slugs of the findings that are known to be no more
}

func (w Wanted) ref() Ref { return Ref{w.Kind, w.Key} }

// Placing says what no host can tell about itself.
type Placing struct {
	Site    string // where the hosts stand
	Cluster string // of hypervisors, for virtual machines; empty for none
}

// Notes are what is known about the hosts beside their facts.
type Notes struct {
	Incident string               // its id; empty for none
	Link     string               // where people read about it: a ticket, a page
	Roles    map[string]string    // what a host is there for, as its siblings show it
	Findings map[string][]Finding // of a host; nil when nobody judged, and then tags stay
	Fine     map[string][]string  // the checks that found nothing on a host: their tags go
	Diagram  []byte               // a PNG for the site; empty for none
	Drawn    string               // what the diagram shows, hashed: equal means not to be sent again
}

// A Finding is one thing that was found wrong with a host.
type Finding struct {
	ID       string // the same at the next scan
	Check    string
	Critical bool
	Summary  string // for technicians
	Business string // for everybody
}

// Map turns hosts into the objects that NetBox should hold, in the order in which
// they can be made. What a host could not tell is left out: unknown is not empty.
func Map(hosts []inventory.Host, place Placing, notes Notes) []Wanted {
	m := &mapper{wanted: Preparation(), place: place, notes: notes, seen: map[Ref]bool{}, names: map[string]int{}, identities: map[string]int{}, addresses: map[netip.Addr][]string{}}
	for _, h := range hosts {
		m.count(h)
	}
	for _, h := range hosts {
		m.host(h)
	}
	m.diagram()
	slices.SortStableFunc(m.wanted, func(a, b Wanted) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return m.wanted
}

// Preparation is what NetBox must hold before anything of ours: the tag and the
// custom fields.
func Preparation() []Wanted {
	hosts := kinds[Device].model + " " + kinds[VM].model
	field := func(name, kind, models, label string) Wanted {
		return Wanted{Kind: CustomField, Key: "nightcall_" + name, Fields: map[string]any{
			"name": "nightcall_" + name, "type": kind, "object_types": models, "label": label,
			"group_name": "nightcall", "filter_logic": "exact", "ui_editable": "no",
		}}
	}
	return []Wanted{
		{Kind: Tag, Key: TagSlug, Fields: map[string]any{"name": TagSlug, "slug": TagSlug, "color": "2196f3", "description": "Written by nightcall from what it observed"}},
		field("uid", "text", hosts, "Identity"),
		field("fqdn", "text", hosts, "Full name"),
		field("incident", "text", hosts, "Last incident"),
		field("os", "text", hosts, "Operating system"),
		field("kernel", "text", hosts, "Kernel"),
		field("arch", "text", hosts, "Architecture"),
		field("cpus", "integer", kinds[Device].model, "CPUs"),
		field("memory_mb", "integer", kinds[Device].model, "Memory (MB)"),
	}
}

// A mapper collects what the hosts want, and what they have in common.
type mapper struct {
	place      Placing
	notes      Notes
	wanted     []Wanted
	seen       map[Ref]bool
	names      map[string]int // how many hosts call themselves so
	identities map[string]int // how many hosts have this identity or serial
	addresses  map[netip.Addr][]string
}

func (m *mapper) count(h inventory.Host) {
	m.names[hostName(h)]++
	if id := identity(h.Facts); id != "" {
		m.identities[id]++
	}
	if serial := serial(h.Facts); serial != "" {
		m.identities[serial]++
	}
	for _, a := range addresses(h.Facts) {
		m.addresses[a.Addr()] = append(m.addresses[a.Addr()], h.Name)
	}
}

// add keeps an object; one that many share is kept once.
func (m *mapper) add(w Wanted) Ref {
	if !m.seen[w.ref()] {
		m.seen[w.ref()] = true
		m.wanted = append(m.wanted, w)
	}
	return w.ref()
}

// named adds an object of the catalogue, which has a name and a slug.
func (m *mapper) named(kind Kind, name string, more map[string]any) Ref {
	fields := map[string]any{"name": clip(name, 100), "slug": slug(name)}
	for k, v := range more {
		fields[k] = v
	}
	return m.add(Wanted{Kind: kind, Key: slug(name), Fields: fields})
}

// only is value when a single host of the run has it: what two hosts share
// identifies neither.
func (m *mapper) only(value string) string {
	if m.identities[value] > 1 {
		return ""
	}
	return value
}

func (m *mapper) host(h inventory.Host) {
	kind := kindOf(h.Facts)
	w := Wanted{Kind: or(kind, VM), Key: h.Name, Host: h.Name, Doubt: m.doubt(h, kind)}
	if w.Doubt != "" {
		m.add(w)
		return
	}
	w.Fields = m.hostFields(h, kind)
	for _, check := range m.notes.Fine[h.Name] {
		w.fine = append(w.fine, findingPrefix+slug(check))
	}
	m.add(w)
	ports := m.interfaces(h, w)
	m.addressesOf(h, w, ports)
	m.disks(h, w)
	m.services(h, w)
	m.findings(h, w)
}

// doubt says why a host must not be written, or nothing.
func (m *mapper) doubt(h inventory.Host, kind Kind) string {
	switch {
	case h.Seen.IsZero():
		return "never reached"
	case kind == "":
		return "whether it is a machine or a guest is unknown: " + or(h.Facts.Platform.Reason, "not asked")
	case m.names[hostName(h)] > 1:
		return fmt.Sprintf("%d hosts of this incident call themselves %s", m.names[hostName(h)], hostName(h))
	}
	return ""
}

// kindOf is what a host is in NetBox's eyes, empty when it is not known.
func kindOf(f fact.Set) Kind {
	switch {
	case !f.Platform.Known():
		return ""
	case f.Platform.Value.Kind == "physical":
		return Device
	case f.Platform.Value.Kind == "virtual", f.Platform.Value.Kind == "container":
		return VM
	}
	return ""
}

// hostName is the short name a host gives itself, or its name in the incident
// when it gives none worth keeping.
func hostName(h inventory.Host) string {
	name, _, _ := strings.Cut(strings.ToLower(h.Facts.Kernel.Value.Host), ".")
	if name == "" || name == "localhost" || name == "(none)" {
		name = strings.ToLower(h.Name)
	}
	return clip(name, 64)
}

// identity tells machines apart without telling their secrets: the machine's id
// is not to be published.
func identity(f fact.Set) string {
	id := f.MachineID.Value + " " + strings.ToLower(f.Platform.Value.UUID)
	if id == " " {
		return ""
	}
	mac := hmac.New(sha256.New, []byte("nightcall identity of a host in NetBox"))
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// serial is a device's serial number, or the UUID of a guest.
func serial(f fact.Set) string {
	if kindOf(f) == Device {
		return clip(f.Platform.Value.Serial, 50)
	}
	return clip(strings.ToLower(f.Platform.Value.UUID), 50)
}

func (m *mapper) hostFields(h inventory.Host, kind Kind) map[string]any {
	f := h.Facts
	fields := map[string]any{
		"name": hostName(h), "status": "active",
		"site": m.named(Site, m.place.Site, nil),
		"role": m.named(Role, or(m.notes.Roles[h.Name], "Server"), map[string]any{"vm_role": true}),
	}
	set(fields, custom+"nightcall_incident", clip(or(m.notes.Link, m.notes.Incident), 200))
	set(fields, "serial", m.only(serial(f)))
	set(fields, custom+"nightcall_uid", m.only(identity(f)))
	set(fields, custom+"nightcall_kernel", clip(f.Kernel.Value.Release, 100))
	set(fields, custom+"nightcall_arch", clip(f.Kernel.Value.Arch, 50))
	if name := f.Kernel.Value.Host; strings.Contains(name, ".") {
		fields[custom+"nightcall_fqdn"] = clip(strings.ToLower(name), 200)
	}
	if f.OS.Known() && f.OS.Value.ID != "" {
		os := f.OS.Value
		fields[custom+"nightcall_os"] = clip(strings.TrimSpace(or(os.Name, os.ID)+" "+os.Version), 200)
		fields["platform"] = m.platform(os)
	}
	if kind == Device {
		m.deviceFields(f, fields)
	} else {
		m.guestFields(f, fields)
	}
	return fields
}

// platform is the system's release, as far as it is kept apart in inventories:
// Debian 12, not 12.4.
func (m *mapper) platform(os fact.OS) Ref {
	major, minor, _ := strings.Cut(os.Version, ".")
	if os.ID == "ubuntu" || os.ID == "alpine" {
		minor, _, _ = strings.Cut(minor, ".")
		major = strings.TrimSuffix(major+"."+minor, ".")
	}
	return m.named(Platform, strings.TrimSpace(os.ID+" "+major), nil)
}

func (m *mapper) deviceFields(f fact.Set, fields map[string]any) {
	vendor := vendorName(f.Platform.Value.Vendor)
	manufacturer := m.named(Manufacturer, vendor, nil)
	model := or(clip(f.Platform.Value.Model, 100), "Server")
	fields["device_type"] = m.add(Wanted{
		Kind: DeviceType, Key: slug(vendor + " " + model),
		Fields: map[string]any{"manufacturer": manufacturer, "model": model, "slug": slug(vendor + " " + model)},
	})
	if f.CPU.Known() {
		fields[custom+"nightcall_cpus"] = int64(f.CPU.Value.Count)
	}
	if f.Memory.Known() {
		fields[custom+"nightcall_memory_mb"] = f.Memory.Value.Total >> 20
	}
}

// vendors are the names that the same makers go by.
var vendors = []struct{ prefix, name string }{
	{"dell", "Dell"},
	{"hewlett packard enterprise", "HPE"},
	{"hpe", "HPE"},
	{"hp", "HP"},
	{"hewlett", "HP"},
	{"lenovo", "Lenovo"},
	{"ibm", "IBM"},
	{"super", "Supermicro"},
	{"fujitsu", "Fujitsu"},
	{"cisco", "Cisco"},
	{"intel", "Intel"},
}

func vendorName(vendor string) string {
	for _, v := range vendors {
		if strings.HasPrefix(strings.ToLower(vendor), v.prefix) {
			return v.name
		}
	}
	return or(clip(vendor, 100), "Generic")
}

func (m *mapper) guestFields(f fact.Set, fields map[string]any) {
	if f.CPU.Known() && f.CPU.Value.Count > 0 {
		fields["vcpus"] = int64(f.CPU.Value.Count)
	}
	if f.Memory.Known() && f.Memory.Value.Total > 0 {
		fields["memory"] = f.Memory.Value.Total >> 20
	}
	if m.place.Cluster != "" {
		kind := m.named(ClusterType, or(f.Platform.Value.Hypervisor, "hypervisor"), nil)
		fields["cluster"] = m.add(Wanted{
			Kind: Cluster, Key: m.place.Cluster,
			Fields: map[string]any{"name": m.place.Cluster, "type": kind},
		})
	}
}

// passing are interfaces that come and go with containers and guests.
var passing = []string{"veth", "cali", "cni", "docker", "br-", "virbr", "flannel", "tap", "lxc", "ifb", "vnet", "fwbr", "fwpr", "fwln"}

// kept reports whether an interface belongs into an inventory.
func kept(i fact.Interface) bool {
	return i.Kind != "loopback" && i.Name != "" && len(i.Name) <= 64 &&
		!slices.ContainsFunc(passing, func(p string) bool { return strings.HasPrefix(i.Name, p) })
}

func (m *mapper) interfaces(h inventory.Host, of Wanted) map[string]Ref {
	ports := map[string]Ref{}
	if !h.Facts.Interfaces.Known() {
		return ports
	}
	kind, parent := Interface, "device"
	if of.Kind == VM {
		kind, parent = VMInterface, "virtual_machine"
	}
	list := slices.DeleteFunc(slices.Clone(h.Facts.Interfaces.Value), func(i fact.Interface) bool { return !kept(i) })
	for _, i := range list {
		ports[i.Name] = Ref{kind, h.Name + " " + i.Name}
	}
	for _, i := range list {
		fields := map[string]any{parent: of.ref(), "name": i.Name}
		portFields(i, kind, list, ports, fields)
		m.add(Wanted{Kind: kind, Key: ports[i.Name].Key, Host: h.Name, Fields: fields})
	}
	return ports
}

func portFields(i fact.Interface, kind Kind, all []fact.Interface, ports map[string]Ref, fields map[string]any) {
	if i.State == "up" || i.State == "down" {
		fields["enabled"] = i.State == "up"
	}
	if i.MTU > 0 && i.MTU <= 65536 {
		fields["mtu"] = int64(i.MTU)
	}
	if len(i.MAC) == len("00:00:00:00:00:00") && ownMAC(i, all) {
		fields["mac_address"] = strings.ToUpper(i.MAC)
	}
	if kind == Interface {
		fields["type"] = portType(i)
		if i.SpeedMbit > 0 {
			fields["speed"] = int64(i.SpeedMbit) * 1000
		}
	}
	if master, ok := ports[i.Master]; ok {
		switch {
		case kindNamed(all, i.Master) == "bridge":
			fields["bridge"] = master
		case kind == Interface:
			fields["lag"] = master
		}
	}
}

func kindNamed(all []fact.Interface, name string) string {
	for _, i := range all {
		if i.Name == name {
			return i.Kind
		}
	}
	return ""
}

// ownMAC reports whether the address is the interface's own, not lent by the one
// below it as bonds, bridges and VLANs do.
func ownMAC(i fact.Interface, all []fact.Interface) bool {
	for _, other := range all {
		if other.MAC == i.MAC && other.Name != i.Name && i.Kind != "physical" {
			return false
		}
	}
	return true
}

func portType(i fact.Interface) string {
	switch i.Kind {
	case "bond":
		return "lag"
	case "bridge":
		return "bridge"
	case "vlan", "virtual":
		return "virtual"
	}
	switch i.SpeedMbit {
	case 1000:
		return "1000base-t"
	case 10000:
		return "10gbase-x-sfpp"
	case 25000:
		return "25gbase-x-sfp28"
	case 40000:
		return "40gbase-x-qsfpp"
	case 100000:
		return "100gbase-x-qsfp28"
	}
	return "other"
}

// addresses are those of a host that mean something outside it.
func addresses(f fact.Set) []netip.Prefix {
	var list []netip.Prefix
	for _, i := range f.Interfaces.Value {
		if !kept(i) {
			continue
		}
		for _, p := range i.Addresses {
			if global(p) && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// global reports whether NetBox takes the address on an interface.
func global(p netip.Prefix) bool {
	a := p.Addr()
	if !a.IsValid() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || p.Bits() == 0 {
		return false
	}
	return p.Bits() >= a.BitLen()-1 || a != p.Masked().Addr() && a != broadcast(p)
}

// broadcast is the last address of an IPv4 network; others have none.
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(b)
}

func (m *mapper) addressesOf(h inventory.Host, of Wanted, ports map[string]Ref) {
	for _, i := range h.Facts.Interfaces.Value {
		port, ok := ports[i.Name]
		if !ok {
			continue
		}
		for _, p := range i.Addresses {
			if global(p) {
				m.address(h, of, port, p)
			}
		}
	}
}

func (m *mapper) address(h inventory.Host, of Wanted, port Ref, p netip.Prefix) {
	w := Wanted{Kind: Address, Key: p.Addr().String(), Host: h.Name}
	if holders := m.addresses[p.Addr()]; len(holders) > 1 {
		w.Doubt = "several hosts hold it: " + strings.Join(holders, ", ")
		m.add(w)
		return
	}
	w.Fields = map[string]any{
		"address": p.String(), "status": "active",
		"assigned_object_type": kinds[port.Kind].model, "assigned_object_id": port,
	}
	m.add(w)
	m.prefix(p.Masked())
	m.primary(h, of, w)
}

// primary makes an address the host's primary one: the one it was reached by, or
// else its first of the family.
func (m *mapper) primary(h inventory.Host, of Wanted, address Wanted) {
	field := "primary_ip6"
	if addr, err := netip.ParseAddr(address.Key); err == nil && addr.Is4() {
		field = "primary_ip4"
	}
	if _, taken := of.Fields[field]; !taken || address.Key == h.Access.Address {
		of.Fields[field] = address.ref()
	}
}

func (m *mapper) prefix(p netip.Prefix) {
	if p.Bits() >= p.Addr().BitLen()-1 {
		return
	}
	m.add(Wanted{Kind: Prefix, Key: p.String(), Fields: map[string]any{
		"prefix": p.String(), "status": "active", "scope_type": kinds[Site].model, "scope_id": m.named(Site, m.place.Site, nil),
	}})
}

func (m *mapper) disks(h inventory.Host, of Wanted) {
	if of.Kind != VM || h.Facts.Platform.Value.Kind != "virtual" || !h.Facts.Disks.Known() {
		return // a container sees its machine's disks
	}
	for _, d := range h.Facts.Disks.Value {
		if d.Kind != "disk" || d.Removable || d.Size < 1<<20 || len(d.Name) > 64 {
			continue
		}
		m.add(Wanted{Kind: Disk, Key: h.Name + " " + d.Name, Host: h.Name, Fields: map[string]any{
			"virtual_machine": of.ref(), "name": d.Name, "size": d.Size / 1_000_000,
		}})
	}
}

// services are the listeners that others can reach, by process. Without root
// their owners are unknown, and names that come and go with it help nobody.
func (m *mapper) services(h inventory.Host, of Wanted) {
	if !h.Facts.Sockets.Known() || !h.Facts.Sockets.Value.Named {
		return
	}
	ports := map[string][]string{}
	for _, l := range h.Facts.Sockets.Value.Listeners {
		if l.Local || l.Process == "" || l.Proto == "udp" && l.Port >= 32768 {
			continue
		}
		name, port := clip(l.Process, 100), fmt.Sprintf("%s/%d", l.Proto, l.Port)
		if !slices.Contains(ports[name], port) {
			ports[name] = append(ports[name], port)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		list := slices.Sorted(slices.Values(ports[name]))
		m.add(Wanted{Kind: Service, Key: h.Name + " " + name, Host: h.Name, Fields: map[string]any{
			"parent_object_type": kinds[of.Kind].model, "parent_object_id": of.ref(), "name": name, "port_mappings": strings.Join(list, " "),
		}})
	}
}

// set fills a field with what is known.
func set(fields map[string]any, name, value string) {
	if value != "" {
		fields[name] = value
	}
}

// clip bounds a text to what NetBox takes, in runes, without control characters.
func clip(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	runes := []rune(strings.TrimSpace(s))
	return strings.TrimSpace(string(runes[:min(len(runes), limit)]))
}

// slug is a name as NetBox has it in addresses.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	return or(strings.TrimRight(s[:min(len(s), 100)], "-"), "unnamed")
}
