package netboxtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// complaints are what is wrong with one object, by field.
type complaints map[string]any

func (c complaints) add(field, format string, args ...any) {
	c[field] = []string{fmt.Sprintf(format, args...)}
}

// refusal tells which objects of a list were wrong, and that none was written.
func refusal(of int, what string, wrong []any) (int, any) {
	return http.StatusBadRequest, map[string]any{
		"detail": fmt.Sprintf("%d of %d objects could not be %s.", len(wrong), of, what), "errors": wrong,
	}
}

// create makes all of the objects or none.
func (s *Server) create(path string, sent []object, several bool, query url.Values) (int, any) {
	before, last := maps.Clone(s.tables[path].rows), s.tables[path].last
	var made []object
	var wrong []any
	for i, fields := range sent {
		o, bad := s.make(path, fields)
		if len(bad) > 0 {
			wrong = append(wrong, map[string]any{"index": i, "errors": bad})
		} else {
			made = append(made, o)
		}
	}
	if len(wrong) > 0 {
		s.tables[path].rows, s.tables[path].last = before, last
		if !several {
			return http.StatusBadRequest, wrong[0].(map[string]any)["errors"]
		}
		return refusal(len(sent), "created", wrong)
	}
	reply := s.tellAll(path, made, query)
	if !several {
		return http.StatusCreated, reply[0]
	}
	return http.StatusCreated, reply
}

func (s *Server) tellAll(path string, list []object, query url.Values) []any {
	var told []any
	for _, o := range list {
		one := s.tell(path, o, s.shapes.at(path).fields)
		if query.Get("omit") == "" && slices.Contains([]string{"dcim/devices", "virtualization/virtual-machines"}, path) {
			one["config_context"] = map[string]any{}
		} else {
			delete(one, "config_context")
		}
		told = append(told, one)
	}
	return told
}

func (s *Server) make(path string, fields object) (object, complaints) {
	bad := complaints{}
	for _, name := range endpoints[path].required {
		if _, ok := fields[name]; !ok {
			bad.add(name, "This field is required.")
		}
	}
	if _, picture := fields["image"]; picture && fields["image"] == nil {
		bad = complaints{}
		bad.add("image", "Upload a valid image. The file you uploaded was either not an image or a corrupted image.")
	}
	if len(bad) > 0 {
		return nil, bad
	}
	t := s.tables[path]
	o := object{"id": t.last + 1}
	if bad := s.set(path, o, fields); len(bad) > 0 {
		return nil, bad
	}
	t.last++
	t.rows[t.last] = o
	s.hardware(path, o, nil)
	return o, nil
}

// hardware makes the address object that an interface's mac_address stands for;
// the old one stays.
func (s *Server) hardware(path string, o, before object) {
	mac := text(o["mac_address"])
	if !strings.HasSuffix(path, "/interfaces") || mac == "" || before != nil && before["mac_address"] == o["mac_address"] {
		return
	}
	t := s.tables["dcim/mac-addresses"]
	t.last++
	t.rows[t.last] = object{"id": t.last, "mac_address": mac, "assigned_object_type": endpoints[path].model, "assigned_object_id": o["id"]}
}

// set puts fields into an object that is not kept yet, and checks it.
func (s *Server) set(path string, o, fields object) complaints {
	bad := complaints{}
	for name, value := range fields {
		if slices.Contains([]string{"id", "changelog_message"}, name) {
			continue
		}
		s.assign(path, o, name, value, bad)
	}
	if len(bad) == 0 {
		s.check(path, o, bad)
	}
	return bad
}

// statuses that some kind of object may have, and one that the owner of this
// NetBox added.
var statuses = strings.Fields("active offline planned staged failed inventory decommissioning paused reserved deprecated dhcp slaac container retired rented")

func (s *Server) assign(path string, o object, name string, value any, bad complaints) {
	relation := s.shapes.at(path).relation[name]
	switch {
	case name == "tags":
		o[name] = slugsOf(value)
	case name == "add_tags":
		o["tags"] = slices.Concat(o.tags(), slugsOf(value))
	case name == "remove_tags":
		gone := slugsOf(value)
		o["tags"] = slices.DeleteFunc(slices.Clone(o.tags()), func(slug string) bool { return slices.Contains(gone, slug) })
	case name == "custom_fields":
		s.assignCustom(path, o, value, bad)
	case name == "status" && !slices.Contains(statuses, text(value)):
		bad.add(name, "%s is not a valid choice.", text(value))
	case relation != "" && value != nil:
		if s.tables[relation] == nil || s.tables[relation].rows[integer(value)] == nil {
			bad.add(name, "Related object not found using the provided value: %s.", text(value))
		}
		o[name] = integer(value)
	case strings.HasSuffix(name, "_id") && value != nil:
		model := text(o[strings.TrimSuffix(name, "_id")+"_type"])
		if model == "" {
			o[name] = integer(value) // its type comes later; check looks again
			return
		}
		o[name] = integer(value)
	case name == "mac_address" && value != nil:
		o[name] = strings.ToUpper(text(value))
	case name == "address" || name == "prefix":
		if _, err := netip.ParsePrefix(text(value)); err != nil {
			bad.add(name, "Enter a valid address.")
		}
		o[name] = text(value)
	default:
		o[name] = value
	}
}

func slugsOf(value any) []string {
	var slugs []string
	list, _ := value.([]any)
	for _, item := range list {
		slugs = append(slugs, text(item.(map[string]any)["slug"]))
	}
	return slugs
}

func (s *Server) assignCustom(path string, o object, value any, bad complaints) {
	fields, _ := value.(map[string]any)
	values := maps.Clone(o.custom())
	if values == nil {
		values = map[string]any{}
	}
	for name, v := range fields {
		f := s.find("extras/custom-fields", "name", name)
		if f == nil || !slices.Contains(words(f["object_types"]), endpoints[path].model) {
			bad["custom_fields"] = map[string]any{name: fmt.Sprintf("Custom field '%s' does not exist for this object type.", name)}
		}
		values[name] = v
	}
	o["custom_fields"] = values
}

// check holds an object to the rules that concern others.
func (s *Server) check(path string, o object, bad complaints) {
	e := endpoints[path]
	for _, other := range s.tables[path].all() {
		if other["id"] == o["id"] {
			continue
		}
		for _, field := range e.unique {
			if text(other[field]) == text(o[field]) {
				if slices.Contains(nested, path) { // whose names need only differ from their siblings'
					field = "__all__"
				}
				bad.add(field, "%s", e.already(field))
			}
		}
		for _, fields := range e.together {
			if o[fields[0]] != nil && o[fields[1]] != nil && s.alike(o, other, fields) {
				bad.add("__all__", "%s", or(e.clash, "The fields "+strings.Join(fields, ", ")+" must make a unique set."))
			}
		}
	}
	for _, name := range []string{"parent_object", "assigned_object", "object", "scope"} {
		model, of := o[name+"_type"], o[name+"_id"]
		if target := s.tables[pathOf(text(model))]; of != nil && (target == nil || target.rows[integer(of)] == nil) {
			bad.add(name+"_id", "Related object not found using the provided value: %s.", text(of))
		}
	}
	switch path {
	case "virtualization/virtual-machines":
		if o["site"] == nil && o["cluster"] == nil {
			bad.add("__all__", "A virtual machine must be assigned to a site, cluster, or device.")
		}
		s.checkPrimary(path, "VM", o, bad)
	case "dcim/devices":
		s.checkPrimary(path, "device", o, bad)
	case "ipam/ip-addresses":
		s.checkAddress(o, bad)
	}
}

// nested are kinds of which one may be inside another.
var nested = []string{"dcim/device-roles", "dcim/platforms"}

func (e endpoint) already(field string) string {
	if field == "__all__" {
		return "A " + e.name + " with this slug already exists."
	}
	return e.name + " with this " + field + " already exists."
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (s *Server) alike(a, b object, fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return !strings.EqualFold(text(a[f]), text(b[f])) })
}

// host is what an address is on: the path and the id of a machine.
func (s *Server) host(address object) (string, int64) {
	path := pathOf(text(address["assigned_object_type"]))
	if path == "" {
		return "", 0
	}
	port := s.tables[path].rows[integer(address["assigned_object_id"])]
	if path == "dcim/interfaces" {
		return "dcim/devices", integer(port["device"])
	}
	return "virtualization/virtual-machines", integer(port["virtual_machine"])
}

func (s *Server) checkPrimary(path, name string, o object, bad complaints) {
	for _, field := range []string{"primary_ip4", "primary_ip6"} {
		if o[field] == nil {
			continue
		}
		address := s.tables["ipam/ip-addresses"].rows[integer(o[field])]
		if on, id := s.host(address); on != path || id != integer(o["id"]) {
			bad.add(field, "The specified IP address (%s) is not assigned to this %s.", text(address["address"]), name)
		}
	}
}

func (s *Server) checkAddress(o object, bad complaints) {
	p, _ := netip.ParsePrefix(text(o["address"]))
	for _, other := range s.tables["ipam/ip-addresses"].all() {
		if q, _ := netip.ParsePrefix(text(other["address"])); other["id"] != o["id"] && q.Addr() == p.Addr() {
			bad.add("address", "Duplicate IP address found in global table: %s", text(other["address"]))
		}
	}
	if o["assigned_object_id"] != nil && p.Addr().Is4() && p.Bits() < 31 && p.Addr() == p.Masked().Addr() {
		bad.add("__all__", "%s is a network ID, which may not be assigned to an interface.", p.Addr())
	}
	old := s.tables["ipam/ip-addresses"].rows[integer(o["id"])]
	if old == nil || old["assigned_object_id"] == nil {
		return
	}
	path, id := s.host(old)
	if now, to := s.host(o); now == path && to == id {
		return
	}
	if host := s.tables[path].rows[id]; host != nil && (host["primary_ip4"] == o["id"] || host["primary_ip6"] == o["id"]) {
		bad.add("__all__", "Cannot reassign IP address while it is designated as the primary IP for the parent object")
	}
}

// change alters all of the objects or none; what the user may not change does not
// exist for them.
func (s *Server) change(path string, sent []object, only constraint, query url.Values) (int, any) {
	before := maps.Clone(s.tables[path].rows)
	var changed []object
	var absent, wrong []any
	for _, fields := range sent {
		id := integer(fields["id"])
		old := before[id]
		if old == nil || !only.fits(old) {
			absent = append(absent, map[string]any{"id": id, "errors": map[string]any{"id": []string{fmt.Sprintf("Object with ID %d does not exist", id)}}})
			continue
		}
		o := maps.Clone(old)
		if bad := s.set(path, o, fields); len(bad) > 0 {
			wrong = append(wrong, map[string]any{"id": id, "errors": bad})
			continue
		}
		s.tables[path].rows[id] = o
		changed = append(changed, o)
	}
	if len(absent) > 0 || len(wrong) > 0 {
		s.tables[path].rows = before
		if len(absent) > 0 {
			return refusal(len(sent), "found", absent)
		}
		return refusal(len(sent), "updated", wrong)
	}
	for _, o := range changed {
		s.hardware(path, o, before[integer(o["id"])])
	}
	return http.StatusOK, s.tellAll(path, changed, query)
}

// remove deletes all of the objects or none, and what is in them.
func (s *Server) remove(path string, sent []object) (int, any) {
	var wrong []any
	for _, fields := range sent {
		id, held := integer(fields["id"]), 0
		for _, protected := range endpoints[path].protects {
			where, field, _ := strings.Cut(protected, " ")
			for _, o := range s.tables[where].all() {
				if o[field] == any(id) {
					held++
				}
			}
		}
		if held > 0 {
			wrong = append(wrong, map[string]any{"id": id, "errors": map[string]any{"__all__": []string{fmt.Sprintf("Unable to delete: %d dependent object(s) prevent deletion.", held)}}})
		}
	}
	if len(wrong) > 0 {
		_, reply := refusal(len(sent), "deleted", wrong)
		return http.StatusConflict, reply
	}
	for _, fields := range sent {
		s.drop(path, integer(fields["id"]))
	}
	return http.StatusNoContent, nil
}

func (s *Server) drop(path string, id int64) {
	delete(s.tables[path].rows, id)
	for _, taken := range endpoints[path].takes {
		where, field, _ := strings.Cut(taken, " ")
		for _, o := range s.tables[where].all() {
			model := o[strings.TrimSuffix(field, "_id")+"_type"]
			if o[field] == any(id) && (model == nil || model == endpoints[path].model) {
				s.drop(where, integer(o["id"]))
			}
		}
	}
	s.forget(path, id)
}

// forget empties the fields that pointed at what is gone.
func (s *Server) forget(path string, id int64) {
	for where, sh := range s.shapes.of {
		for field, to := range sh.relation {
			if to != path || s.tables[where] == nil {
				continue
			}
			for _, o := range s.tables[where].rows {
				if o[field] == any(id) {
					o[field] = nil
				}
			}
		}
	}
}
