package netboxtest

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// A shape is what the recordings tell of one kind of object.
type shape struct {
	fields   []string          // of a whole object
	unset    map[string]any    // what a field holds when nobody set it
	choices  map[string]bool   // fields that tell a value and a label
	relation map[string]string // fields that hold another object, and its path
}

// shapes are all of them, by path, and the labels of values.
type shapes struct {
	of     map[string]*shape
	inside map[string][]string // fields of an object inside others, by the way to it
	labels map[string]string   // field and value
	whole  map[string]json.RawMessage
}

var addressOf = regexp.MustCompile(`/api/([a-z-]+/[a-z-]+)/\d+/$`)

// learn reads the shapes from what was recorded.
func learn(list []Exchange) *shapes {
	s := &shapes{of: map[string]*shape{}, inside: map[string][]string{}, labels: map[string]string{}, whole: map[string]json.RawMessage{}}
	for _, e := range list {
		if e.Status/100 != 2 {
			continue
		}
		s.whole[e.Name] = e.Reply
		var reply any
		if json.Unmarshal(e.Reply, &reply) != nil {
			continue
		}
		objects, several := reply.([]any)
		if page, ok := reply.(map[string]any); ok && page["results"] != nil {
			objects, several = page["results"].([]any)
		}
		if !several {
			objects = []any{reply}
		}
		var sent any
		_ = json.Unmarshal(e.Body, &sent)
		given, _ := sent.([]any)
		for i, o := range objects {
			if object, ok := o.(map[string]any); ok {
				s.object(object, "")
				if e.Method == "POST" && i < len(given) {
					s.defaults(object, given[i].(map[string]any))
				}
			}
		}
	}
	return s
}

func (s *shapes) at(path string) *shape {
	if s.of[path] == nil {
		s.of[path] = &shape{unset: map[string]any{}, choices: map[string]bool{}, relation: map[string]string{}}
	}
	return s.of[path]
}

// object learns from one object and from those inside of it.
func (s *shapes) object(o map[string]any, way string) {
	address, _ := o["url"].(string)
	m := addressOf.FindStringSubmatch(address)
	for field, value := range o {
		part, nested := value.(map[string]any)
		if !nested {
			continue
		}
		if label, ok := part["label"].(string); ok {
			s.labels[field+"="+text(part["value"])] = label
			if m != nil {
				s.at(m[1]).choices[field] = true
			}
			continue
		}
		if url, ok := part["url"].(string); ok && m != nil {
			if to := addressOf.FindStringSubmatch(url); to != nil {
				s.at(m[1]).relation[field] = to[1]
			}
		}
		if m != nil {
			s.object(part, or(way, m[1])+" "+field)
		}
	}
	if m == nil {
		return
	}
	names := make([]string, 0, len(o))
	for field := range o {
		names = append(names, field)
	}
	if way != "" {
		s.inside[way] = names
		s.inside[m[1]] = names
	} else if len(names) > len(s.at(m[1]).fields) {
		s.at(m[1]).fields = names
	}
}

// defaults learns what fields hold that were not sent.
func (s *shapes) defaults(told, sent map[string]any) {
	m := addressOf.FindStringSubmatch(told["url"].(string))
	for field, value := range told {
		if _, given := sent[field]; given || m == nil {
			continue
		}
		if choice, ok := value.(map[string]any); ok && choice["label"] != nil {
			value = choice["value"]
		}
		s.at(m[1]).unset[field] = value
	}
}

// unsetAt is what a field holds that nobody set; a kind of which only full objects
// were recorded has its namesake's.
func (s *shapes) unsetAt(path, field string) any {
	if value, ok := s.at(path).unset[field]; ok {
		return value
	}
	for _, other := range s.of {
		if value, ok := other.unset[field]; ok {
			return value
		}
	}
	return nil
}

// tell is one object as NetBox tells it, with the fields that are named.
func (s *Server) tell(path string, o object, fields []string) map[string]any {
	told := map[string]any{}
	for _, field := range fields {
		if slices.Contains(s.shapes.at(path).fields, field) {
			told[field] = s.field(path, o, field, path)
		}
	}
	return told
}

// brief is an object inside of others, which the recordings show by the way to it.
func (s *Server) brief(path string, id any, way string) any {
	o := s.tables[path].rows[integer(id)]
	if o == nil {
		return nil
	}
	fields, recorded := s.shapes.inside[way]
	if !recorded {
		fields = s.shapes.inside[path]
	}
	told := map[string]any{}
	for _, field := range fields {
		told[field] = s.field(path, o, field, way)
	}
	return told
}

func (s *Server) field(path string, o object, field, way string) any {
	if value, ok := s.reckoned(path, o, field, way); ok {
		return value
	}
	sh := s.shapes.at(path)
	value, set := o[field]
	if !set {
		value = s.shapes.unsetAt(path, field)
	}
	switch {
	case value == nil:
		return nil
	case sh.relation[field] != "" && set:
		return s.brief(sh.relation[field], value, way+" "+field)
	case sh.choices[field]:
		return s.choice(field, value)
	}
	return value
}

func (s *Server) choice(field string, value any) any {
	word := text(value)
	label := s.shapes.labels[field+"="+word]
	if label == "" && word != "" {
		label = strings.ToUpper(word[:1]) + word[1:]
	}
	return map[string]any{"value": value, "label": label}
}

// reckoned are fields that follow from others.
func (s *Server) reckoned(path string, o object, field, way string) (any, bool) {
	switch field {
	case "url", "display_url":
		return "http://netbox/api/" + path + "/" + text(o["id"]) + "/", true
	case "is_primary":
		return true, true
	case "created", "last_updated":
		return "2026-01-01T00:00:00Z", true
	case "display":
		return s.display(path, o), true
	case "tags":
		tags := []any{}
		for _, slug := range o.tags() {
			if tag := s.find("extras/tags", "slug", slug); tag != nil {
				tags = append(tags, s.tell("extras/tags", tag, []string{"id", "url", "display_url", "display", "name", "slug", "color"}))
			}
		}
		return tags, true
	case "custom_fields":
		return s.customFields(path, o), true
	case "primary_ip":
		return s.field(path, o, map[bool]string{true: "primary_ip4", false: "primary_ip6"}[o["primary_ip4"] != nil], way), true
	case "family":
		p, _ := netip.ParsePrefix(text(o["address"]) + text(o["prefix"]))
		if p.Addr().Is4() {
			return map[string]any{"value": 4, "label": "IPv4"}, true
		}
		return map[string]any{"value": 6, "label": "IPv6"}, true
	case "assigned_object", "parent", "scope":
		prefix := map[string]string{"assigned_object": "assigned_object", "parent": "parent_object", "scope": "scope"}[field]
		if path == "extras/image-attachments" {
			prefix = "object"
		}
		model, polymorphic := o[prefix+"_type"]
		if !polymorphic {
			return nil, false
		}
		return s.brief(pathOf(text(model)), o[prefix+"_id"], way+" "+field+" "+text(model)), true
	case "mac_addresses":
		return s.macs(path, o), true
	case "primary_mac_address":
		if macs := s.macs(path, o); len(macs) > 0 {
			return macs[len(macs)-1], true
		}
		return nil, true
	case "disk":
		return s.sizes(o), true
	case "protocol", "ports":
		return s.ports(o, field), true
	case "data_type":
		return map[string]any{"text": "string", "integer": "integer"}[text(o["type"])], true
	}
	return nil, false
}

// macs are the addresses that are assigned to an interface.
func (s *Server) macs(path string, o object) []any {
	macs := []any{}
	for _, m := range s.tables["dcim/mac-addresses"].all() {
		if m["assigned_object_type"] == endpoints[path].model && m["assigned_object_id"] == o["id"] {
			macs = append(macs, s.brief("dcim/mac-addresses", m["id"], ""))
		}
	}
	return macs
}

func (s *Server) display(path string, o object) string {
	for _, field := range []string{"label", "name", "model", "address", "prefix", "mac_address"} {
		if value := text(o[field]); value != "" {
			return value
		}
	}
	if path == "extras/journal-entries" {
		return "2026-01-01 00:00 (" + text(s.choice("kind", o["kind"]).(map[string]any)["label"]) + ")"
	}
	return text(o["id"])
}

func (s *Server) customFields(path string, o object) any {
	values := map[string]any{}
	for _, f := range s.tables["extras/custom-fields"].all() {
		if slices.Contains(words(f["object_types"]), endpoints[path].model) {
			values[text(f["name"])] = o.custom()[text(f["name"])]
		}
	}
	return values
}

func (s *Server) sizes(o object) any {
	var sum int64
	for _, d := range s.tables["virtualization/virtual-disks"].all() {
		if d["virtual_machine"] == o["id"] {
			sum += integer(d["size"])
		}
	}
	if sum == 0 {
		return nil
	}
	return sum
}

// ports tells a service as clients before 4.7 know it, which had one protocol.
func (s *Server) ports(o object, field string) any {
	protocols, ports := []string{}, []int64{}
	for _, mapping := range words(o["port_mappings"]) {
		protocol, port, _ := strings.Cut(mapping, "/")
		protocols = append(protocols, protocol)
		ports = append(ports, integer(json.Number(port)))
	}
	slices.Sort(protocols)
	slices.Sort(ports)
	switch {
	case len(slices.Compact(protocols)) != 1:
		return nil
	case field == "ports":
		return ports
	}
	return map[string]any{"value": protocols[0], "label": strings.ToUpper(protocols[0])}
}
