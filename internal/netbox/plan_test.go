package netbox

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

var seen = time.Date(2026, 3, 4, 4, 30, 0, 0, time.UTC)

// guest is a virtual machine as a visit sees it.
func guest(name, uuid, address string) inventory.Host {
	ok := fact.OK
	return inventory.Host{Name: name, Seen: seen, Facts: fact.Set{
		Kernel:    fact.Observed[fact.Kernel]{State: ok, Value: fact.Kernel{Host: name, Release: "6.1.0", Arch: "x86_64"}},
		Platform:  fact.Observed[fact.Platform]{State: ok, Value: fact.Platform{Kind: "virtual", Hypervisor: "kvm", UUID: uuid}},
		MachineID: fact.Observed[string]{State: ok, Value: uuid},
		Memory:    fact.Observed[fact.Memory]{State: ok, Value: fact.Memory{Total: 2 << 30}},
		Interfaces: fact.Observed[[]fact.Interface]{State: ok, Value: []fact.Interface{
			{Name: "lo", Kind: "loopback", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
			{Name: "ens3", Kind: "physical", State: "up", MTU: 1500, MAC: "52:54:00:00:00:" + address[len(address)-2:], Addresses: []netip.Prefix{netip.MustParsePrefix(address + "/24")}},
		}},
	}}
}

// filled is a NetBox that holds what is wanted, as its API tells it, with the
// memory of having written it.
func filled(wanted []Wanted) (Remote, Memory) {
	r, memory, ids := Remote{kinds: map[Kind][]object{}}, Memory{}, map[Ref]int64{}
	for n, w := range wanted {
		if w.Doubt == "" {
			ids[w.ref()] = int64(n + 100)
		}
	}
	for _, w := range wanted {
		if w.Doubt != "" {
			continue
		}
		o := object{kind: w.Kind, id: ids[w.ref()], ours: w.Kind.tagged(), fields: map[string]any{}}
		for name, value := range w.Fields {
			if ref, ok := value.(Ref); ok {
				value = ids[ref]
			}
			o.fields[name] = value
			memory[Cell{w.Kind, o.id, name}] = value
		}
		r.add(o)
	}
	return r, memory
}

// set changes a field of what is there, as somebody in NetBox would.
func (r *Remote) set(t *testing.T, kind Kind, name string, field string, value any) {
	t.Helper()
	for _, o := range r.kinds[kind] {
		if o.fields["name"] == name || o.fields["address"] == name {
			o.fields[field] = value
			return
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
}

func find(t *testing.T, p Plan, kind Kind, key string) Step {
	t.Helper()
	for _, s := range p.Steps {
		if s.Kind == kind && s.Key == key && !s.release {
			return s
		}
	}
	t.Fatalf("the plan has no %s %s", kind, key)
	return Step{}
}

func TestSecondPlanWritesNothing(t *testing.T) {
	t.Parallel()
	wanted := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web2", "u2", "10.0.0.12")}, Placing{Site: "dc1", Cluster: "vmware"}, Notes{})
	empty := Compare(wanted, Remote{}, nil)
	if empty.Count(Create) != len(wanted) {
		t.Errorf("%d of %d are created in an empty NetBox", empty.Count(Create), len(wanted))
	}
	there, memory := filled(wanted)
	if p := Compare(wanted, there, memory); p.Writes() != 0 || p.Count(Conflict) != 0 {
		t.Errorf("the second plan has %d writes and %d conflicts: %+v", p.Writes(), p.Count(Conflict), p.Steps)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	hosts := []inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web2", "u2", "10.0.0.12")}
	for _, test := range []struct {
		name   string
		change func(*testing.T, *Remote, Memory)
		kind   Kind
		key    string
		op     Op
		want   string // in what the step says of fields, or in its reason
	}{
		{"a person set the memory", func(t *testing.T, r *Remote, _ Memory) { r.set(t, VM, "web1", "memory", int64(1)) }, VM, "web1", Leave, "kept memory"},
		{"the memory grew since we wrote it", func(t *testing.T, r *Remote, m Memory) {
			r.set(t, VM, "web1", "memory", int64(1))
			m[Cell{VM, r.kinds[VM][0].id, "memory"}] = int64(1)
		}, VM, "web1", Update, "writes memory"},
		{"another laptop wrote it, or a person", func(t *testing.T, r *Remote, m Memory) {
			r.set(t, VM, "web1", "memory", int64(1))
			clear(m)
		}, VM, "web1", Leave, "kept memory"},
		{"our own field is old", func(t *testing.T, r *Remote, m Memory) {
			r.set(t, VM, "web1", custom+"nightcall_kernel", "5.10")
			clear(m)
		}, VM, "web1", Update, "writes custom_fields.nightcall_kernel"},
		{"an empty field is filled", func(t *testing.T, r *Remote, _ Memory) {
			r.set(t, VM, "web1", "platform", nil)
			r.set(t, VM, "web1", "serial", "")
		}, VM, "web1", Update, "writes serial"},
		{"the host was renamed", func(t *testing.T, r *Remote, _ Memory) { r.set(t, VM, "web1", "name", "shop1") }, VM, "web1", Leave, "kept name"},
		{"a status of their own", func(t *testing.T, r *Remote, _ Memory) { r.set(t, VM, "web1", "status", "rented") }, VM, "web1", Leave, "kept status"},
		{"another machine has the name", func(t *testing.T, r *Remote, _ Memory) {
			r.set(t, VM, "web1", "serial", "u9")
			r.set(t, VM, "web1", custom+"nightcall_uid", "ffff")
		}, VM, "web1", Conflict, "is another machine"},
		{"two of the name", func(_ *testing.T, r *Remote, _ Memory) {
			twin := r.kinds[VM][0]
			twin.id = 999
			r.add(twin)
		}, VM, "web1", Conflict, "NetBox has 2 of them"},
		{"it is modelled as a machine", func(_ *testing.T, r *Remote, _ Memory) {
			o := r.kinds[VM][0]
			r.kinds[VM] = r.kinds[VM][1:]
			o.kind = Device
			r.add(o)
		}, VM, "web1", Conflict, "NetBox has it as device"},
		{"it is not ours", func(_ *testing.T, r *Remote, _ Memory) {
			r.kinds[VM][0].ours = false
		}, VM, "web1", Leave, "not ours"},
		{"and neither are its parts", func(_ *testing.T, r *Remote, _ Memory) {
			r.kinds[VM][0].ours = false
			r.kinds[VMInterface] = nil
		}, VMInterface, "web1 ens3", Leave, "its host is left"},
		{"the address is on a machine nobody saw", func(t *testing.T, r *Remote, _ Memory) {
			r.set(t, Address, "10.0.0.11/24", "assigned_object_id", int64(77))
		}, Address, "10.0.0.11", Conflict, "seen on web1"},
		{"the address was on a host of this run", func(t *testing.T, r *Remote, _ Memory) {
			r.set(t, Address, "10.0.0.11/24", "assigned_object_id", r.kinds[VMInterface][1].id)
			r.set(t, VM, "web2", "primary_ip4", r.kinds[Address][0].id)
		}, Address, "10.0.0.11", Leave, "kept assigned_object_id"},
		{"a mask is not another address", func(t *testing.T, r *Remote, _ Memory) {
			r.set(t, Address, "10.0.0.11/24", "address", "10.0.0.11/32")
		}, Address, "10.0.0.11", Leave, "kept address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wanted := Map(hosts, Placing{Site: "dc1"}, Notes{})
			there, memory := filled(wanted)
			test.change(t, &there, memory)
			s := find(t, Compare(wanted, there, memory), test.kind, test.key)
			if s.Op != test.op || !strings.Contains(told(s), test.want) {
				t.Errorf("%s: %s, want %s: %s", s.Op, told(s), test.op, test.want)
			}
		})
	}
}

// told is what a step says, in one line.
func told(s Step) string {
	words := []string{s.Reason}
	for _, c := range s.Changes {
		words = append(words, "writes "+c.Field)
	}
	for _, c := range s.Kept {
		words = append(words, "kept "+c.Field)
	}
	return strings.Join(words, "; ")
}

// An address that we put on one host and that is now seen on another moves, after
// its old host has let it go.
func TestAddressMoves(t *testing.T) {
	t.Parallel()
	before := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web2", "u2", "10.0.0.12")}, Placing{Site: "dc1"}, Notes{})
	there, memory := filled(before)
	after := Map([]inventory.Host{guest("web1", "u1", "10.0.0.13"), guest("web2", "u2", "10.0.0.11")}, Placing{Site: "dc1"}, Notes{})
	p := Compare(after, there, memory)
	if s := find(t, p, Address, "10.0.0.11"); s.Op != Update || !strings.Contains(told(s), "writes assigned_object_id") {
		t.Errorf("%s: %s", s.Op, told(s))
	}
	if first := p.Steps[0]; !first.release || first.Key != "web1" || first.Changes[0].Field != "primary_ip4" || first.Changes[0].After != nil {
		t.Errorf("the plan begins with %+v", first)
	}
}

func TestMapLeavesOutWhatIdentifiesNobody(t *testing.T) {
	t.Parallel()
	wanted := Map([]inventory.Host{guest("web1", "same", "10.0.0.11"), guest("web2", "same", "10.0.0.12")}, Placing{Site: "dc1"}, Notes{})
	for _, w := range wanted {
		if w.Kind == VM && (w.Fields["serial"] != nil || w.Fields[custom+"nightcall_uid"] != nil) {
			t.Errorf("a clone is known by what it shares: %v", w.Fields)
		}
	}
	twins := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web1", "u2", "10.0.0.12")}, Placing{Site: "dc1"}, Notes{})
	if p := Compare(twins, Remote{}, nil); p.Count(Conflict) == 0 {
		t.Error("two hosts of one name are no conflict")
	}
	both := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11"), guest("web2", "u2", "10.0.0.11")}, Placing{Site: "dc1"}, Notes{})
	if s := find(t, Compare(both, Remote{}, nil), Address, "10.0.0.11"); s.Op != Conflict || !strings.Contains(s.Reason, "web1, web2") {
		t.Errorf("one address on two hosts: %s: %s", s.Op, s.Reason)
	}
}

func TestMapSaysNothingOfWhatIsUnknown(t *testing.T) {
	t.Parallel()
	h := guest("web1", "u1", "10.0.0.11")
	h.Facts.Memory, h.Facts.Interfaces = fact.Observed[fact.Memory]{State: fact.Unknown}, fact.Observed[[]fact.Interface]{}
	for _, w := range Map([]inventory.Host{h}, Placing{Site: "dc1"}, Notes{}) {
		if _, told := w.Fields["memory"]; told || w.Kind == VMInterface || w.Kind == Address {
			t.Errorf("%s %s %v", w.Kind, w.Key, w.Fields)
		}
	}
	h.Facts.Platform = fact.Observed[fact.Platform]{State: fact.Unknown, Reason: "denied"}
	if s := find(t, Compare(Map([]inventory.Host{h}, Placing{Site: "dc1"}, Notes{}), Remote{}, nil), VM, "web1"); s.Op != Conflict || !strings.Contains(s.Reason, "denied") {
		t.Errorf("a host of unknown kind: %s: %s", s.Op, s.Reason)
	}
}

func TestGlobal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"10.0.0.7/24": true, "10.0.0.0/24": false, "10.0.0.255/24": false, "10.0.0.0/31": true, "10.0.0.9/32": true,
		"127.0.0.1/8": false, "169.254.1.1/16": false, "fe80::1/64": false, "2001:db8::1/64": true, "2001:db8::/64": false, "10.0.0.1/0": false,
	} {
		if got := global(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Data Centre 1": "data-centre-1", "Dell Inc. R640": "dell-inc-r640", "…": "unnamed", "a_b": "a_b", strings.Repeat("x", 200): strings.Repeat("x", 100),
	} {
		if got := slug(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
