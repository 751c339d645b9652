package netbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

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
