package inventory

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

func ok[T any](value T) fact.Observed[T] { return fact.Observed[T]{State: fact.OK, Value: value} }

func partial[T any](value T) fact.Observed[T] {
	return fact.Observed[T]{State: fact.Partial, Reason: "no root", Value: value}
}

var booted = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestDiff(t *testing.T) {
	t.Parallel()
	root := fact.Filesystem{Mount: "/", Type: "ext4", Size: 100}
	openssl := fact.Package{Name: "openssl", Version: "1.0.1f", Arch: "amd64"}
	redis := fact.Listener{Proto: "tcp", Addr: netip.MustParseAddr("127.0.0.1"), Port: 6379, Process: "redis", PID: 7, Local: true}
	worker := fact.Process{PID: 10, User: "www", Name: "php", Command: "php worker"}
	for _, tt := range []struct {
		name          string
		before, after fact.Set
		want          []string
	}{
		{"nothing read", fact.Set{}, fact.Set{}, nil},
		{"asked once", fact.Set{}, fact.Set{OS: ok(fact.OS{ID: "debian"})}, nil},
		{
			"a field",
			fact.Set{OS: ok(fact.OS{ID: "debian", Version: "11"})},
			fact.Set{OS: ok(fact.OS{ID: "debian", Version: "12"})},
			[]string{`os  changed version "11" "12"`},
		},
		{
			"one value",
			fact.Set{MachineID: ok("a")},
			fact.Set{MachineID: ok("b")},
			[]string{`machine_id  changed  "a" "b"`},
		},
		{
			"volatile fields",
			fact.Set{Memory: ok(fact.Memory{Total: 8, Available: 1}), Load: ok(fact.Load{One: 1})},
			fact.Set{Memory: ok(fact.Memory{Total: 8, Available: 7}), Load: ok(fact.Load{One: 9})},
			nil,
		},
		{
			"more memory",
			fact.Set{Memory: ok(fact.Memory{Total: 8})},
			fact.Set{Memory: ok(fact.Memory{Total: 16})},
			[]string{`memory  changed total 8 16`},
		},
		{
			"boot time jitters",
			fact.Set{Boot: ok(fact.Boot{At: booted, Uptime: 5})},
			fact.Set{Boot: ok(fact.Boot{At: booted.Add(time.Second), Uptime: 9})},
			nil,
		},
		{
			"reboot",
			fact.Set{Boot: ok(fact.Boot{At: booted})},
			fact.Set{Boot: ok(fact.Boot{At: booted.Add(time.Hour)})},
			[]string{`boot  changed at "2026-03-01T12:00:00Z" "2026-03-01T13:00:00Z"`},
		},
		{
			"items",
			fact.Set{Packages: ok([]fact.Package{openssl, {Name: "gone"}})},
			fact.Set{Packages: ok([]fact.Package{{Name: "openssl", Version: "1.0.1g", Arch: "amd64"}, {Name: "new"}})},
			[]string{
				`packages gone removed  {"name":"gone","version":"","arch":"","manager":""} null`,
				`packages new added  null {"name":"new","version":"","arch":"","manager":""}`,
				`packages openssl changed version "1.0.1f" "1.0.1g"`,
			},
		},
		{
			"read-only",
			fact.Set{Filesystems: ok([]fact.Filesystem{root})},
			fact.Set{Filesystems: ok([]fact.Filesystem{{Mount: "/", Type: "ext4", Size: 100, ReadOnly: true, UsedPercent: 99}})},
			[]string{`filesystems / changed read_only false true`},
		},
		{
			"a list inside",
			fact.Set{Sockets: ok(fact.Sockets{Named: true, Listeners: []fact.Listener{redis}})},
			fact.Set{Sockets: ok(fact.Sockets{Named: true, Listeners: []fact.Listener{{Proto: "tcp", Addr: redis.Addr, Port: 6379, Process: "redis", PID: 8}}})},
			[]string{`sockets tcp 127.0.0.1:6379 changed local true false`},
		},
		{
			"owners that one visit could not see",
			fact.Set{Sockets: ok(fact.Sockets{Named: true, Listeners: []fact.Listener{redis}})},
			fact.Set{Sockets: ok(fact.Sockets{Listeners: []fact.Listener{{Proto: "tcp", Addr: redis.Addr, Port: 6379, Local: true}}})},
			nil,
		},
		{
			"processes of one name are a set",
			fact.Set{Processes: ok([]fact.Process{worker, {PID: 11, User: "www", Name: "php", Command: "php worker", RSS: 5}})},
			fact.Set{Processes: ok([]fact.Process{{PID: 12, User: "www", Name: "php", Command: "php worker"}, {PID: 13, Parent: 2, Name: "kworker/0:1"}})},
			nil,
		},
		{
			"processes that just began, and one that stays",
			fact.Set{Processes: ok([]fact.Process{{PID: 20, Name: "cron", Elapsed: time.Second}})},
			fact.Set{Processes: ok([]fact.Process{{PID: 21, Name: "sh", Elapsed: time.Minute - 1}, {PID: 22, Name: "redis", Elapsed: time.Hour}})},
			[]string{`processes redis added  null {"pid":22,"parent":0,"user":"","name":"redis","command":"","state":"","elapsed":3600000000000,"cpu_time":0,"rss":0}`},
		},
		{
			"lost and found",
			fact.Set{Firewall: ok(fact.Firewall{Kind: "nftables"}), DNS: fact.Observed[fact.DNS]{State: fact.Unknown, Reason: "gone"}},
			fact.Set{Firewall: fact.Observed[fact.Firewall]{State: fact.Unknown, Reason: "no root"}, DNS: ok(fact.DNS{})},
			[]string{`dns  found  null null`, `firewall  lost  null null (no root)`},
		},
		{
			"partly read",
			fact.Set{Packages: ok([]fact.Package{openssl})},
			fact.Set{Packages: partial([]fact.Package{})},
			[]string{`packages openssl removed  {"name":"openssl","version":"1.0.1f","arch":"amd64","manager":""} null (the later reading was partial: no root)`},
		},
		{
			"what is no longer recent", fact.Set{Changes: ok([]fact.Change{{Kind: "file", What: "/etc/a"}})}, fact.Set{Changes: ok([]fact.Change{})}, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range Diff(tt.before, tt.after) {
				got = append(got, line(t, c))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if same := Diff(tt.after, tt.after); len(same) > 0 {
				t.Errorf("a set differs from itself: %v", same)
			}
		})
	}
}

// line is a change on one line.
func line(t *testing.T, c Change) string {
	t.Helper()
	text := c.Fact + " " + c.Key + " " + string(c.Kind) + " " + c.Field
	for _, v := range []any{c.Old, c.New} {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text += " " + string(encoded)
	}
	if c.Doubt != "" {
		text += " (" + c.Doubt + ")"
	}
	return text
}

// TestVolatileNamesExist: a field that was renamed must not come back as noise.
func TestVolatileNamesExist(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(fact.Set{
		Filesystems: ok([]fact.Filesystem{{}}), Processes: ok([]fact.Process{{}}), Services: ok([]fact.Service{{}}),
		Libraries: ok([]fact.Library{{}}), Sockets: ok(fact.Sockets{Listeners: []fact.Listener{{Addr: netip.IPv4Unspecified()}}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var set map[string]struct {
		Value any `json:"value"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	for name := range volatile {
		if !hasField(set, name) {
			t.Errorf("there is no %s", name)
		}
	}
}

// The items of every fact that is a list can be compared.
func TestDiffOfEveryFact(t *testing.T) {
	t.Parallel()
	decode := func(f fact.Fact, value string) (set fact.Set, err error) {
		err = f.Decode([]byte(`{"state":"ok","value":`+value+`}`), &set)
		return set, err
	}
	for _, f := range fact.All() {
		before, err := decode(f, "[]")
		if err != nil || volatile[f.Name] {
			continue // no list, or never compared
		}
		after, err := decode(f, "[{}]")
		if err != nil {
			t.Fatal(err)
		}
		if changes := Diff(before, after); len(changes) != 1 || changes[0].Kind != Added {
			t.Errorf("%s: %+v", f.Name, changes)
		}
	}
}

// hasField finds "fact" or "fact.field", also in the items of its lists.
func hasField(set map[string]struct {
	Value any `json:"value"`
}, name string,
) bool {
	factName, field, whole := strings.Cut(name, ".")
	observed, ok := set[factName]
	if !ok || !whole {
		return ok
	}
	return inValue(observed.Value, field)
}

func inValue(v any, field string) bool {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v[field]; ok {
			return true
		}
		for _, inner := range v {
			if inValue(inner, field) {
				return true
			}
		}
	case []any:
		return len(v) > 0 && inValue(v[0], field)
	}
	return false
}
