package netbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Remote is the part of a NetBox that some wanted objects concern.
type Remote struct {
	objects []object
	kinds   map[Kind][]object
	seen    map[Cell]bool
}

func (r *Remote) of(kind Kind) []object { return r.kinds[kind] }

func (r *Remote) add(o object) {
	if r.seen == nil {
		r.seen = map[Cell]bool{}
	}
	if r.seen[Cell{o.kind, o.id, ""}] {
		return // two filters found it
	}
	r.seen[Cell{o.kind, o.id, ""}] = true
	r.objects = append(r.objects, o)
	r.kinds[o.kind] = append(r.kinds[o.kind], o)
}

// Status is what a NetBox says about itself.
type Status struct {
	Version string `json:"netbox-version"`
}

// Status asks for the version, and refuses one that is too old to be written to.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	if err := c.get(ctx, "status", nil, &s); err != nil {
		return s, err
	}
	var major, minor int
	if _, err := fmt.Sscanf(s.Version, "%d.%d", &major, &minor); err != nil {
		return s, fmt.Errorf("netbox: the server says its version is %q", clip(s.Version, 50))
	}
	if major < 4 || major == 4 && minor < 7 {
		return s, fmt.Errorf("netbox: %w: %s; services and interfaces are written as 4.7 wants them", ErrTooOld, s.Version)
	}
	return s, nil
}

// Read fetches what NetBox has of the wanted objects, kind after kind: hosts are
// found through the catalogue, and what belongs to them through the hosts.
func (c *Client) Read(ctx context.Context, wanted []Wanted) (Remote, error) {
	r := newReader(c, wanted)
	for _, kind := range order {
		if err := r.fetch(ctx, kind); err != nil {
			return Remote{}, err
		}
		for _, w := range wanted {
			if w.Kind != kind {
				continue
			}
			if found, why := r.match(w); why == "" && found != nil {
				r.ids[w.ref()] = found.id
			}
		}
	}
	return r.there, nil
}

// A reader finds wanted objects in NetBox.
type reader struct {
	planner
	client *Client
	wanted []Wanted
	uid    bool // NetBox has our field of identities
}

func newReader(c *Client, wanted []Wanted) *reader {
	return &reader{
		client: c, wanted: wanted,
		planner: planner{there: Remote{kinds: map[Kind][]object{}}, ids: map[Ref]int64{}, known: map[Ref]Wanted{}},
	}
}

// values collects one thing of each wanted object of a kind, each once.
func (r *reader) values(kind Kind, of func(Wanted) string) []string {
	var list []string
	for _, w := range r.wanted {
		if w.Kind != kind || w.Fields == nil {
			continue
		}
		if v := of(w); v != "" {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func field(name string) func(Wanted) string {
	return func(w Wanted) string { return text(w.Fields[name]) }
}

// parent is the number of what an object belongs to.
func (r *reader) parent(name string) func(Wanted) string {
	return func(w Wanted) string {
		ref, _ := w.Fields[name].(Ref)
		id, known := w.Fields[name].(int64)
		if !known {
			id = r.ids[ref]
		}
		if id != 0 {
			return strconv.FormatInt(id, 10)
		}
		return ""
	}
}

func (r *reader) fetch(ctx context.Context, kind Kind) error {
	switch kind {
	case CustomField:
		return r.list(ctx, kind, "name", r.values(kind, field("name")))
	case Device:
		for _, side := range []Kind{Device, VM} { // a machine may be modelled as the other
			if err := r.hosts(ctx, side); err != nil {
				return err
			}
		}
		return nil
	case VM:
		return nil
	case Interface:
		return r.list(ctx, kind, "device_id", r.values(kind, r.parent("device")))
	case VMInterface, Disk:
		return r.list(ctx, kind, "virtual_machine_id", r.values(kind, r.parent("virtual_machine")))
	case Prefix:
		return r.list(ctx, kind, "prefix", r.values(kind, field("prefix")))
	case Address:
		return r.list(ctx, kind, "address", r.values(kind, func(w Wanted) string { return w.Key }))
	case Service:
		return r.of(ctx, kind, "parent_object", nil)
	case Journal:
		return r.of(ctx, kind, "assigned_object", url.Values{"tag": {TagSlug}})
	case Picture:
		return r.of(ctx, kind, "object", nil)
	}
	if len(r.values(kind, func(w Wanted) string { return w.Key })) == 0 {
		return nil
	}
	return r.client.list(ctx, kind, url.Values{}, r.keep(kind))
}

// keep stores what a list returns. The custom field of identities is remembered:
// a filter that NetBox does not know matches everything.
func (r *reader) keep(kind Kind) func(map[string]any) {
	return func(raw map[string]any) {
		o := newObject(kind, raw)
		r.uid = r.uid || kind == CustomField && o.fields["name"] == "nightcall_uid"
		r.there.add(o)
	}
}

func (r *reader) list(ctx context.Context, kind Kind, filter string, values []string) error {
	return r.client.listBy(ctx, kind, nil, filter, values, r.keep(kind))
}

// hosts looks on one side for every wanted host, as a machine and as a guest.
func (r *reader) hosts(ctx context.Context, side Kind) error {
	filters := map[string]string{"name__ie": "name", "serial": "serial"}
	if r.uid {
		filters["cf_nightcall_uid"] = custom + "nightcall_uid"
	}
	for _, filter := range []string{"name__ie", "serial", "cf_nightcall_uid"} {
		name, ok := filters[filter]
		if !ok {
			continue
		}
		values := append(r.values(Device, field(name)), r.values(VM, field(name))...)
		if err := r.list(ctx, side, filter, values); err != nil {
			return err
		}
	}
	return nil
}

// of reads objects of what may belong to more than one kind.
func (r *reader) of(ctx context.Context, kind Kind, field string, more url.Values) error {
	for _, side := range []Kind{Device, VM, Site} {
		model := kinds[side].model
		parents := r.values(kind, func(w Wanted) string {
			if w.Fields[field+"_type"] != model {
				return ""
			}
			return r.parent(field + "_id")(w)
		})
		fixed := clone(more)
		fixed.Set(field+"_type", model)
		if err := r.client.listBy(ctx, kind, fixed, field+"_id", parents, r.keep(kind)); err != nil {
			return err
		}
	}
	return nil
}

// rights are what applying a plan needs, by object type. Nothing is ever deleted
// but by undo.
func rights() map[string][]string {
	needed := map[string][]string{}
	for _, kind := range order {
		actions := []string{"view"}
		switch {
		case slices.Contains(order[slices.Index(order, Device):], kind) && kind != Prefix:
			actions = append(actions, "add", "change")
		case kind == CustomField:
		default:
			actions = append(actions, "add")
		}
		needed[kinds[kind].model] = actions
	}
	needed["dcim.macaddress"] = []string{"add", "view"}
	return needed
}

// A Right is one thing a token may have to be allowed.
type Right struct {
	Object string `json:"object"` // dcim.device
	Action string `json:"action"` // view, add, change
}

func (r Right) String() string { return r.Object + ": " + r.Action }

// Rights lists what a token needs to apply plans, sorted.
func Rights() []Right {
	var list []Right
	for object, actions := range rights() {
		for _, action := range actions {
			list = append(list, Right{object, action})
		}
	}
	slices.SortFunc(list, func(a, b Right) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// Missing returns those of the rights that the token's user has not. NetBox tells
// the permissions given to the user directly; those of groups and of
// administrators are asked for one by one.
func (c *Client) Missing(ctx context.Context, needed []Right) ([]Right, error) {
	var user struct {
		Permissions []struct {
			Enabled bool     `json:"enabled"`
			Objects []string `json:"object_types"`
			Actions []string `json:"actions"`
		} `json:"permissions"`
	}
	if err := c.get(ctx, "authentication-check", nil, &user); err != nil {
		return nil, err
	}
	given := map[Right]bool{}
	for _, p := range user.Permissions {
		for _, object := range p.Objects {
			for _, action := range p.Actions {
				given[Right{object, action}] = p.Enabled
			}
		}
	}
	asked := map[string]map[string]bool{}
	var missing []Right
	for _, right := range needed {
		if given[right] {
			continue
		}
		if asked[right.Object] == nil {
			allowed, err := c.allowed(ctx, right.Object)
			if err != nil {
				return nil, err
			}
			asked[right.Object] = allowed
		}
		if !asked[right.Object][right.Action] {
			missing = append(missing, right)
		}
	}
	return missing, nil
}

// allowed asks what may be done with objects of a model.
func (c *Client) allowed(ctx context.Context, model string) (map[string]bool, error) {
	path := "dcim/mac-addresses"
	for _, info := range kinds {
		if info.model == model {
			path = info.path
		}
	}
	var reply struct {
		Actions map[string]any `json:"actions"`
	}
	if err := c.do(ctx, "OPTIONS", path, nil, nil, &reply); err != nil {
		return nil, err
	}
	_, add := reply.Actions["POST"]
	_, change := reply.Actions["PUT"]
	err := c.get(ctx, path, url.Values{"limit": {"1"}, "fields": {"id"}}, nil)
	if err != nil && !errors.Is(err, ErrDenied) {
		return nil, err
	}
	return map[string]bool{"add": add, "change": change, "view": err == nil}, nil
}

// Rights lists what applying the plan needs, sorted: of kinds that it leaves
// alone, nothing but to see them.
func (p Plan) Rights() []Right {
	needed := map[Right]bool{}
	for _, s := range p.Steps {
		model := kinds[s.Kind].model
		switch s.Op {
		case Create:
			needed[Right{model, "add"}] = true
			if s.Kind == Interface || s.Kind == VMInterface {
				needed[Right{"dcim.macaddress", "add"}] = true
			}
		case Update:
			needed[Right{model, "change"}] = true
		}
		for _, c := range s.Changes {
			if s.Op == Create && slices.Contains(late, c.Field) {
				needed[Right{model, "change"}] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(needed), func(a, b Right) int { return strings.Compare(a.String(), b.String()) })
}
