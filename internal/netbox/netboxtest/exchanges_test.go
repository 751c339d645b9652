package netboxtest_test

import (
	"encoding/json"

	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

// exchanges are what our client says to NetBox, and what it may hear.
func exchanges() []netboxtest.Exchange {
	as := "admin"
	var list []netboxtest.Exchange
	say := func(name, method, path, body string) {
		list = append(list, netboxtest.Exchange{Name: name, As: as, Method: method, Path: path, Body: json.RawMessage(body)})
	}
	post := func(name, path, body string) { say(name, "POST", path, body) }
	get := func(name, path string) { say(name, "GET", path, "") }
	const ours = `"tags": [{"slug": "nightcall"}]`

	// The catalogue, by the administrator.
	get("status", "status/")
	get("rights of an administrator", "authentication-check/")
	post("tag", "extras/tags/", `[{"name": "nightcall", "slug": "nightcall", "color": "2196f3", "description": "ours", "changelog_message": "why"}]`)
	post("field", "extras/custom-fields/", `[{"name": "nightcall_uid", "type": "text", "object_types": ["dcim.device", "virtualization.virtualmachine"], "label": "Identity", "group_name": "nightcall", "filter_logic": "exact", "ui_editable": "no"}, {"name": "nightcall_cpus", "type": "integer", "object_types": ["dcim.device"], "label": "CPUs", "group_name": "nightcall", "filter_logic": "exact", "ui_editable": "no"}]`)
	post("site", "dcim/sites/", `[{"name": "dc1", "slug": "dc1", `+ours+`, "changelog_message": "why"}]`)
	post("site again", "dcim/sites/", `[{"name": "dc1", "slug": "dc1"}, {"name": "dc2", "slug": "dc2"}]`)
	post("sites alike", "dcim/sites/", `[{"name": "dc3", "slug": "dc3"}, {"name": "dc4", "slug": "dc3"}]`)
	post("maker", "dcim/manufacturers/", `[{"name": "Dell", "slug": "dell", `+ours+`}]`)
	post("type", "dcim/device-types/", `[{"manufacturer": "${maker}", "model": "R640", "slug": "dell-r640", `+ours+`}]`)
	post("role", "dcim/device-roles/", `[{"name": "Server", "slug": "server", "vm_role": true, `+ours+`}]`)
	post("platform", "dcim/platforms/", `[{"name": "debian 12", "slug": "debian-12", `+ours+`}]`)
	post("cluster type", "virtualization/cluster-types/", `[{"name": "kvm", "slug": "kvm", `+ours+`}]`)
	post("cluster", "virtualization/clusters/", `[{"name": "c1", "type": "${cluster type}", `+ours+`}]`)

	post("maker again", "dcim/manufacturers/", `[{"name": "Dell", "slug": "dell2"}]`)
	post("role again", "dcim/device-roles/", `[{"name": "Servers", "slug": "server"}]`)
	post("site without more", "dcim/sites/", `[{"name": "dc8", "slug": "dc8"}]`)

	// A user who may do what apply does.
	post("user", "users/users/", `{"username": "nightcall", "password": "night-Call-0430"}`)
	post("view", "users/permissions/", `{"name": "view", "enabled": true, "actions": ["view"], "users": ["${user}"], "object_types": ["dcim.site", "dcim.manufacturer", "dcim.devicetype", "dcim.devicerole", "dcim.platform", "dcim.device", "dcim.interface", "dcim.macaddress", "virtualization.virtualmachine", "virtualization.vminterface", "virtualization.virtualdisk", "virtualization.cluster", "ipam.prefix", "ipam.ipaddress", "ipam.service", "extras.tag", "extras.journalentry", "extras.imageattachment"]}`)
	post("add", "users/permissions/", `{"name": "add", "enabled": true, "actions": ["add"], "users": ["${user}"], "object_types": ["dcim.device", "dcim.interface", "dcim.macaddress", "virtualization.virtualmachine", "virtualization.vminterface", "virtualization.virtualdisk", "ipam.prefix", "ipam.ipaddress", "ipam.service", "extras.journalentry", "extras.imageattachment"]}`)
	post("change", "users/permissions/", `{"name": "change", "enabled": true, "actions": ["change"], "users": ["${user}"], "object_types": ["dcim.device", "dcim.interface", "virtualization.virtualmachine", "virtualization.vminterface", "virtualization.virtualdisk", "ipam.ipaddress", "ipam.service"], "constraints": {"tags__slug": "nightcall"}}`)
	post("token", "users/tokens/provision/", `{"username": "nightcall", "password": "night-Call-0430"}`)

	as = "user"
	get("rights of a user", "authentication-check/")
	say("what a user may do", "OPTIONS", "dcim/sites/", "")
	say("what a user may do with services", "OPTIONS", "ipam/services/", "")
	post("site by a user", "dcim/sites/", `[{"name": "dc9", "slug": "dc9"}]`)
	get("clusters types by a user", "virtualization/cluster-types/?limit=1&fields=id")

	// Hosts.
	post("device", "dcim/devices/?omit=config_context", `[{"name": "db1", "site": "${site}", "role": "${role}", "device_type": "${type}", "platform": "${platform}", "serial": "SN1", "status": "active", "custom_fields": {"nightcall_uid": "aa11", "nightcall_cpus": 8}, `+ours+`, "changelog_message": "why"}]`)
	post("guest", "virtualization/virtual-machines/?omit=config_context", `[{"name": "web1", "site": "${site}", "role": "${role}", "platform": "${platform}", "serial": "uuid-1", "status": "active", "vcpus": 2, "memory": 2048, "custom_fields": {"nightcall_uid": "bb22"}, `+ours+`}, {"name": "web2", "site": "${site}", `+ours+`}]`)
	post("device without more", "dcim/devices/", `[{"name": "db2", "site": "${site}", "role": "${role}", "device_type": "${type}"}]`)
	post("guest in a cluster", "virtualization/virtual-machines/?omit=config_context", `[{"name": "web3", "cluster": "${cluster}", `+ours+`}]`)
	post("guest nowhere", "virtualization/virtual-machines/", `[{"name": "web4", `+ours+`}]`)
	post("field unknown", "virtualization/virtual-machines/", `[{"name": "web5", "site": "${site}", "custom_fields": {"nightcall_none": "x"}, `+ours+`}]`)
	post("status unknown", "virtualization/virtual-machines/", `[{"name": "web5", "site": "${site}", "status": "gone", `+ours+`}]`)
	post("status of their own", "virtualization/virtual-machines/", `[{"name": "web6", "site": "${site}", "status": "rented", `+ours+`}]`)
	post("no name", "dcim/interfaces/", `[{"device": "${device}", "type": "other"}]`)
	post("device again", "dcim/devices/", `[{"name": "DB1", "site": "${site}", "role": "${role}", "device_type": "${type}"}]`)

	// What is in them.
	post("port", "dcim/interfaces/", `[{"device": "${device}", "name": "bond0", "type": "lag", "enabled": true, `+ours+`}, {"device": "${device}", "name": "eth0", "type": "10gbase-x-sfpp", "enabled": true, "mtu": 1500, "speed": 10000000, "mac_address": "52:54:00:00:00:0a", `+ours+`}]`)
	say("port in a bond", "PATCH", "dcim/interfaces/", `[{"id": "${port.1}", "lag": "${port}", "changelog_message": "why"}]`)
	post("port again", "dcim/interfaces/", `[{"device": "${device}", "name": "bond0", "type": "lag"}]`)
	post("guest port", "virtualization/interfaces/", `[{"virtual_machine": "${guest}", "name": "ens3", "enabled": true, "mtu": 1500, "mac_address": "52:54:00:00:00:0b", `+ours+`}, {"virtual_machine": "${guest.1}", "name": "ens3", `+ours+`}]`)
	say("guest port, another address", "PATCH", "virtualization/interfaces/", `[{"id": "${guest port}", "mac_address": "52:54:00:00:00:0c"}]`)
	post("guest port again", "virtualization/interfaces/", `[{"virtual_machine": "${guest}", "name": "ens3"}]`)
	post("disk", "virtualization/virtual-disks/", `[{"virtual_machine": "${guest}", "name": "vda", "size": 10737, `+ours+`}]`)
	post("disk again", "virtualization/virtual-disks/", `[{"virtual_machine": "${guest}", "name": "vda", "size": 1}]`)
	post("prefix", "ipam/prefixes/", `[{"prefix": "10.0.0.0/24", "status": "active", "scope_type": "dcim.site", "scope_id": "${site}", `+ours+`}]`)
	post("address", "ipam/ip-addresses/", `[{"address": "10.0.0.11/24", "status": "active", "assigned_object_type": "virtualization.vminterface", "assigned_object_id": "${guest port}", `+ours+`}, {"address": "2001:db8::11/64", "status": "active", "assigned_object_type": "dcim.interface", "assigned_object_id": "${port.1}", "dns_name": "db1.example.org", `+ours+`}]`)
	post("address again", "ipam/ip-addresses/", `[{"address": "10.0.0.11/25"}]`)
	post("address of a network", "ipam/ip-addresses/", `[{"address": "10.0.0.0/24", "assigned_object_type": "virtualization.vminterface", "assigned_object_id": "${guest port}"}]`)
	post("address alone", "ipam/ip-addresses/", `[{"address": "10.0.0.12/24", `+ours+`}]`)
	say("primary", "PATCH", "virtualization/virtual-machines/?omit=config_context", `[{"id": "${guest}", "primary_ip4": "${address}"}]`)
	say("primary of a device", "PATCH", "dcim/devices/?omit=config_context", `[{"id": "${device}", "primary_ip6": "${address.1}"}]`)
	say("primary of another", "PATCH", "virtualization/virtual-machines/", `[{"id": "${guest.1}", "primary_ip4": "${address}"}]`)
	say("primary that moves", "PATCH", "ipam/ip-addresses/", `[{"id": "${address}", "assigned_object_type": "virtualization.vminterface", "assigned_object_id": "${guest port.1}"}]`)
	post("service", "ipam/services/", `[{"parent_object_type": "virtualization.virtualmachine", "parent_object_id": "${guest}", "name": "nginx", "port_mappings": ["tcp/443", "tcp/80"], `+ours+`}, {"parent_object_type": "dcim.device", "parent_object_id": "${device}", "name": "named", "port_mappings": ["tcp/53", "udp/53"], `+ours+`}]`)
	post("service twice", "ipam/services/", `[{"parent_object_type": "virtualization.virtualmachine", "parent_object_id": "${guest.1}", "name": "nginx", "port_mappings": ["tcp/80"]}, {"parent_object_type": "virtualization.virtualmachine", "parent_object_id": "${guest.1}", "name": "nginx", "port_mappings": ["tcp/80"]}]`)
	post("service of nobody", "ipam/services/", `[{"parent_object_type": "dcim.device", "parent_object_id": 4711, "name": "x", "port_mappings": ["tcp/80"]}]`)
	post("journal", "extras/journal-entries/", `[{"assigned_object_type": "virtualization.virtualmachine", "assigned_object_id": "${guest}", "kind": "warning", "comments": "it is full", `+ours+`}]`)
	post("picture", "extras/image-attachments/", `{"object_type": "dcim.site", "object_id": "${site}", "name": "map"}`)
	list[len(list)-1].Image = true

	as = "admin"
	post("cluster again", "virtualization/clusters/", `[{"name": "c1", "type": "${cluster type}"}]`)
	post("guest in a cluster again", "virtualization/virtual-machines/", `[{"name": "WEB3", "cluster": "${cluster}"}]`)
	as = "user"

	as = "admin"
	post("tags", "extras/tags/", `[{"name": "nightcall-a", "slug": "nightcall-a"}, {"name": "nightcall-b", "slug": "nightcall-b"}]`)
	as = "user"
	say("tags on", "PATCH", "virtualization/virtual-machines/?omit=config_context", `[{"id": "${guest.1}", "add_tags": [{"slug": "nightcall-a"}, {"slug": "nightcall-b"}]}]`)
	say("tags off", "PATCH", "virtualization/virtual-machines/?omit=config_context", `[{"id": "${guest.1}", "add_tags": [], "remove_tags": [{"slug": "nightcall-a"}]}]`)
	as = "admin"
	say("picture again", "PATCH", "extras/image-attachments/${picture}/", `{"object_type": "dcim.site", "object_id": "${site}", "description": "other"}`)
	list[len(list)-1].Image = true
	get("hardware", "dcim/mac-addresses/?limit=1")
	as = "user"

	// Lists.
	for _, query := range []string{
		"extras/tags/?fields=id,name,slug",
		"dcim/devices/?name__ie=DB1&fields=id,name,site,role,device_type,platform,serial,status,primary_ip4,primary_ip6,tags,custom_fields",
		"dcim/devices/?serial=SN9&fields=id", "dcim/devices/?cf_nightcall_uid=aa11&fields=id,name", "dcim/devices/?cf_nightcall_none=aa11&fields=id,name",
		"virtualization/virtual-machines/?name__ie=web1&name__ie=web3&limit=1&fields=id,name,site,cluster,role,platform,serial,status,vcpus,memory,primary_ip4,primary_ip6,tags,custom_fields",
		"virtualization/virtual-machines/?name=web1", "virtualization/virtual-machines/?status=rented&fields=name", "virtualization/virtual-machines/?tag=nightcall&site=dc1&role=server&fields=name",
		"virtualization/virtual-machines/?limit=2&offset=2&fields=name",
		"dcim/interfaces/?device_id=${device}&fields=id,device,name,type,enabled,mtu,speed,mac_address,lag,bridge,tags",
		"virtualization/interfaces/?virtual_machine_id=${guest}&virtual_machine_id=${guest.1}&fields=id,virtual_machine,name,enabled,mtu,mac_address,bridge,tags",
		"virtualization/virtual-disks/?virtual_machine_id=${guest}&fields=id,virtual_machine,name,size,tags",
		"ipam/prefixes/?prefix=10.0.0.0%2F24&prefix=10.9.0.0%2F24&fields=id,prefix,vrf,status,tags",
		"ipam/ip-addresses/?address=10.0.0.11&address=10.0.0.99&fields=id,address,vrf,status,role,dns_name,assigned_object_type,assigned_object_id,assigned_object,tags",
		"ipam/ip-addresses/?vminterface_id=${guest port}&fields=address", "ipam/ip-addresses/?interface_id=${port.1}&fields=address",
		"ipam/services/?parent_object_type=virtualization.virtualmachine&parent_object_id=${guest}&fields=id,parent_object_type,parent_object_id,name,port_mappings,description,tags",
		"extras/journal-entries/?assigned_object_type=virtualization.virtualmachine&assigned_object_id=${guest}&assigned_object_id=${guest.1}&tag=nightcall&fields=id,assigned_object_type,assigned_object_id,kind,comments,tags",
		"extras/image-attachments/?object_type=dcim.site&object_id=${site}&fields=id,object_type,object_id,name,description,image_width",
		"dcim/sites/?nonsense=1&fields=name", "dcim/sites/?id=${site}&fields=id,name",
	} {
		get("list "+query, query)
	}

	// What is not ours, and what is refused.
	as = "admin"
	post("theirs", "virtualization/virtual-machines/", `{"name": "theirs", "site": "${site}"}`)
	as = "user"
	say("change of theirs", "PATCH", "virtualization/virtual-machines/", `[{"id": "${theirs}", "memory": 1}, {"id": "${guest}", "memory": 4096}]`)
	say("change refused", "PATCH", "virtualization/virtual-machines/", `[{"id": "${guest}", "status": "gone"}, {"id": "${guest.1}", "memory": 4096}]`)
	say("change of many", "PATCH", "virtualization/virtual-machines/?omit=config_context", `[{"id": "${guest}", "memory": 4096, "custom_fields": {"nightcall_uid": "bb23"}}, {"id": "${guest.1}", "memory": 4096}]`)
	say("deletion by a user", "DELETE", "ipam/services/", `[{"id": "${service}"}]`)
	as = "admin"
	say("deletion of what is used", "DELETE", "dcim/sites/", `[{"id": "${site}", "changelog_message": "why"}]`)
	say("deletion", "DELETE", "ipam/services/", `[{"id": "${service}", "changelog_message": "why"}, {"id": "${service.1}"}]`)
	get("after the deletion", "ipam/services/?fields=name")
	get("nothing there", "dcim/nothing/")
	say("token expires", "PATCH", "users/tokens/${token}/", `{"expires": "2020-01-01T00:00:00Z"}`)
	as = "expired"
	get("token expired", "status/")
	as = "nobody"
	get("no token", "status/")
	return list
}
