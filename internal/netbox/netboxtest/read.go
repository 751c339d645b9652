package netboxtest

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// find is the first object whose field has the value.
func (s *Server) find(path, field, value string) object {
	for _, o := range s.tables[path].all() {
		if text(o[field]) == value {
			return o
		}
	}
	return nil
}

// list is one page of the objects that a query names.
func (s *Server) list(path string, query url.Values) any {
	var hits []object
	for _, o := range s.tables[path].all() {
		if s.matches(path, o, query) {
			hits = append(hits, o)
		}
	}
	slices.SortStableFunc(hits, func(a, b object) int { return strings.Compare(text(a["name"]), text(b["name"])) })
	fields := s.shapes.at(path).fields
	if names := query.Get("fields"); names != "" {
		fields = strings.Split(names, ",")
	}
	limit, offset := min(int(integer(query.Get("limit"))), 1000), min(int(integer(query.Get("offset"))), len(hits))
	if limit == 0 {
		limit = 50
	}
	results := []any{}
	for _, o := range hits[offset:min(offset+limit, len(hits))] {
		results = append(results, s.tell(path, o, fields))
	}
	page := map[string]any{"count": len(hits), "next": nil, "previous": nil, "results": results}
	if offset+limit < len(hits) {
		page["next"] = "http://netbox/api/" + path + "/?offset="
	}
	if offset > 0 {
		page["previous"] = "http://netbox/api/" + path + "/"
	}
	return page
}

func (s *Server) matches(path string, o object, query url.Values) bool {
	for name, values := range query {
		if fits := s.filter(path, name); fits != nil && !fits(o, values) {
			return false
		}
	}
	return true
}

// filter is what a filter's name asks of an object; one that NetBox does not know
// asks nothing.
func (s *Server) filter(path, name string) func(object, []string) bool {
	is := func(field string) func(object, []string) bool {
		return func(o object, values []string) bool { return slices.Contains(values, text(o[field])) }
	}
	port := map[string]string{"interface_id": "dcim.interface", "vminterface_id": "virtualization.vminterface"}
	relation, related := s.shapes.at(path).relation[name], s.shapes.at(path).relation[strings.TrimSuffix(name, "_id")]
	switch {
	case slices.Contains([]string{"limit", "offset", "fields", "omit", "brief"}, name):
		return nil
	case name == "name__ie":
		return func(o object, values []string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, text(o["name"])) })
		}
	case strings.HasPrefix(name, "cf_"):
		field := strings.TrimPrefix(name, "cf_")
		if s.find("extras/custom-fields", "name", field) == nil {
			return nil
		}
		return func(o object, values []string) bool { return slices.Contains(values, text(o.custom()[field])) }
	case name == "tag":
		return func(o object, values []string) bool {
			return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(o.tags(), v) })
		}
	case name == "address":
		return func(o object, values []string) bool {
			return slices.ContainsFunc(values, sameAddress(text(o["address"])))
		}
	case port[name] != "" && path == "ipam/ip-addresses":
		return func(o object, values []string) bool {
			return o["assigned_object_type"] == port[name] && slices.Contains(values, text(o["assigned_object_id"]))
		}
	case slices.Contains(s.shapes.at(path).fields, name) && relation == "":
		return is(name)
	case strings.HasSuffix(name, "_id") && related != "":
		return is(strings.TrimSuffix(name, "_id"))
	case relation != "":
		return func(o object, values []string) bool {
			other := s.tables[relation].rows[integer(o[name])]
			return other != nil && slices.Contains(values, text(other["slug"]))
		}
	}
	return nil
}

func sameAddress(mine string) func(string) bool {
	return func(asked string) bool {
		p, err := netip.ParsePrefix(mine)
		return err == nil && (asked == mine || asked == p.Addr().String())
	}
}
