package netbox

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
)

// A Kind is a sort of NetBox object, as its plan and JSON name it.
type Kind string

// The kinds, in the order in which they are made.
const (
	Tag          Kind = "tag"
	CustomField  Kind = "custom_field"
	Site         Kind = "site"
	Manufacturer Kind = "manufacturer"
	DeviceType   Kind = "device_type"
	Role         Kind = "role"
	Platform     Kind = "platform"
	ClusterType  Kind = "cluster_type"
	Cluster      Kind = "cluster"
	Device       Kind = "device"
	VM           Kind = "virtual_machine"
	Interface    Kind = "interface"
	VMInterface  Kind = "vm_interface"
	Disk         Kind = "virtual_disk"
	Prefix       Kind = "prefix"
	Address      Kind = "ip_address"
	Service      Kind = "service"
	Journal      Kind = "journal_entry"
	Picture      Kind = "image_attachment"
)

// waves are the kinds in the order in which they are written: what comes later may
// point at what comes earlier. The kinds of one wave do not need each other, nor does
// a transaction of one wait for rows that another's holds, so they are written side
// by side. (Interfaces and disks are both counted at their host: not in one wave.)
var waves = [][]Kind{
	{Tag},
	{CustomField},
	{Site},
	{Manufacturer},
	{DeviceType},
	{Role},
	{Platform},
	{ClusterType},
	{Cluster},
	{Device, VM},
	{Interface, VMInterface},
	{Disk, Prefix, Address, Service},
	{Journal},
	{Picture},
}

// order is every kind, wave after wave.
var order = slices.Concat(waves...)

// A rule says who may change a field after its object was made.
type rule int

const (
	once      rule = iota // written at creation, then people's
	said                  // written at creation, and never looked at again
	fill                  // written when it is empty
	overwrite             // kept up to date while nobody else changed it
	ours                  // kept up to date: nobody else writes it
)

// A kindInfo is what must be known to read and write a kind.
type kindInfo struct {
	path   string // below /api/
	model  string // as NetBox names it where any kind may stand
	fields []string
	rules  map[string]rule // a field without one is written once
}

// reads are the fields to ask for.
func (k kindInfo) reads() []string { return append([]string{"id"}, k.fields...) }

var hostRules = map[string]rule{
	"serial": fill, "platform": fill, "primary_ip4": fill, "primary_ip6": fill, "cluster": fill,
	"vcpus": overwrite, "memory": overwrite, "role": overwrite, findings: ours,
}

var portRules = map[string]rule{
	"enabled": overwrite, "mtu": overwrite, "speed": overwrite, "mac_address": overwrite,
	"type": fill, "lag": overwrite, "bridge": overwrite,
}

var kinds = map[Kind]kindInfo{
	Tag:          {"extras/tags", "extras.tag", []string{"name", "slug"}, nil},
	CustomField:  {"extras/custom-fields", "extras.customfield", []string{"name", "object_types", "type"}, nil},
	Site:         {"dcim/sites", "dcim.site", []string{"name", "slug", "tags"}, nil},
	Manufacturer: {"dcim/manufacturers", "dcim.manufacturer", []string{"name", "slug", "tags"}, nil},
	DeviceType:   {"dcim/device-types", "dcim.devicetype", []string{"model", "slug", "manufacturer", "tags"}, nil},
	Role:         {"dcim/device-roles", "dcim.devicerole", []string{"name", "slug", "tags"}, nil},
	Platform:     {"dcim/platforms", "dcim.platform", []string{"name", "slug", "tags"}, nil},
	ClusterType:  {"virtualization/cluster-types", "virtualization.clustertype", []string{"name", "slug", "tags"}, nil},
	Cluster:      {"virtualization/clusters", "virtualization.cluster", []string{"name", "type", "tags"}, nil},
	Device: {"dcim/devices", "dcim.device", []string{
		"name", "site", "role", "device_type", "platform", "serial", "status", "primary_ip4", "primary_ip6", "tags", "custom_fields",
	}, hostRules},
	VM: {"virtualization/virtual-machines", "virtualization.virtualmachine", []string{
		"name", "site", "cluster", "role", "platform", "serial", "status", "vcpus", "memory", "primary_ip4", "primary_ip6", "tags", "custom_fields",
	}, hostRules},
	Interface: {"dcim/interfaces", "dcim.interface", []string{
		"device", "name", "type", "enabled", "mtu", "speed", "mac_address", "lag", "bridge", "tags",
	}, portRules},
	VMInterface: {"virtualization/interfaces", "virtualization.vminterface", []string{
		"virtual_machine", "name", "enabled", "mtu", "mac_address", "bridge", "tags",
	}, portRules},
	Disk: {"virtualization/virtual-disks", "virtualization.virtualdisk", []string{
		"virtual_machine", "name", "size", "tags",
	}, map[string]rule{"size": overwrite}},
	Prefix: {"ipam/prefixes", "ipam.prefix", []string{"prefix", "vrf", "status", "tags"}, nil},
	Address: {"ipam/ip-addresses", "ipam.ipaddress", []string{
		"address", "vrf", "status", "role", "dns_name", "assigned_object_type", "assigned_object_id", "assigned_object", "tags",
	}, map[string]rule{"dns_name": fill, "assigned_object_id": overwrite, "assigned_object_type": overwrite}},
	Service: {"ipam/services", "ipam.service", []string{
		"parent_object_type", "parent_object_id", "name", "port_mappings", "description", "tags",
	}, map[string]rule{"port_mappings": overwrite, "description": fill}},
	Journal: {"extras/journal-entries", "extras.journalentry", []string{
		"assigned_object_type", "assigned_object_id", "kind", "comments", "tags",
	}, map[string]rule{"kind": said, "comments": said}},
	Picture: {"extras/image-attachments", "extras.imageattachment", []string{
		"object_type", "object_id", "name", "description",
	}, map[string]rule{"description": ours}},
}

// findings are the tags that tell what was found wrong with a host, as one field:
// their slugs, sorted. Other tags are not looked at.
const findings = "findings"

// findingPrefix begins the slug of such a tag.
const findingPrefix = TagSlug + "-"

// late are fields that point at objects made later, or beside: they are written
// when everything exists.
var late = []string{"primary_ip4", "primary_ip6", "lag", "bridge"}

// custom is the prefix of a custom field among an object's fields.
const custom = "custom_fields."

// ruleOf is the rule of one field.
func ruleOf(kind Kind, field string) rule {
	if strings.HasPrefix(field, custom) {
		return ours
	}
	return kinds[kind].rules[field]
}

// tagged says whether objects of the kind carry tags of their own.
func (k Kind) tagged() bool { return k != Tag && k != CustomField && k != Picture }

// An object of NetBox, as it was read: leniently, since statuses and types may
// be the owner's own.
type object struct {
	kind   Kind
	id     int64
	ours   bool           // it carries our tag
	fields map[string]any // comparable: choices as their value, relations as an id
	parent string         // the host it belongs to, by name, when NetBox says
}

func newObject(kind Kind, raw map[string]any) object {
	o := object{kind: kind, id: number(raw["id"]), fields: map[string]any{}}
	for name, value := range raw {
		switch name {
		case "id":
		case "tags":
			slugs := tagSlugs(value)
			o.ours = slices.Contains(slugs, TagSlug)
			o.fields[findings] = strings.Join(slices.DeleteFunc(slugs, func(s string) bool { return !strings.HasPrefix(s, findingPrefix) }), " ")
		case "custom_fields":
			fields, _ := value.(map[string]any)
			for field, v := range fields {
				o.fields[custom+field] = normal(field, v)
			}
		case "assigned_object":
			o.parent = owner(value)
		default:
			o.fields[name] = normal(name, value)
		}
	}
	if kind == Picture { // which cannot carry tags
		o.ours = strings.HasPrefix(text(o.fields["name"]), pictureName(""))
	}
	return o
}

func tagSlugs(value any) []string {
	var slugs []string
	tags, _ := value.([]any)
	for _, tag := range tags {
		fields, _ := tag.(map[string]any)
		slugs = append(slugs, text(fields["slug"]))
	}
	slices.Sort(slugs)
	return slugs
}

// owner names the machine of an assigned interface.
func owner(value any) string {
	port, _ := value.(map[string]any)
	for _, field := range []string{"device", "virtual_machine"} {
		if host, ok := port[field].(map[string]any); ok {
			return text(host["name"])
		}
	}
	return ""
}

// normal is a value of NetBox's as ours are spelt.
func normal(field string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if choice, ok := v["value"]; ok {
			return normal(field, choice)
		}
		if id, ok := v["id"]; ok {
			return number(id)
		}
		return v
	case json.Number, float64, int:
		return number(v)
	case string:
		return canonical(field, v)
	case []any:
		var list []string
		for _, item := range v {
			list = append(list, text(item))
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	default:
		return value
	}
}

// canonical spells a text as NetBox stores it, so that equal ones are equal.
func canonical(field, value string) any {
	switch field {
	case "mac_address":
		return strings.ToUpper(value)
	case "dns_name":
		return strings.ToLower(value)
	case "address", "prefix":
		if p, err := netip.ParsePrefix(value); err == nil {
			return p.String()
		}
	}
	return value
}

// number is an integer, of whatever JSON or a decimal made it; fractions of a
// CPU are the only ones NetBox has, and are rounded down.
func number(value any) int64 {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return int64(f)
	case float64:
		return int64(v)
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// empty reports whether nobody has said anything in a field.
func empty(value any) bool { return value == nil || value == "" }
