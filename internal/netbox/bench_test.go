package netbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// crowd is 40 machines and 60 guests with 600 interfaces, 500 addresses and 1,000
// services.
func crowd() []inventory.Host {
	var hosts []inventory.Host
	for n := range 100 {
		h := guest(fmt.Sprintf("h%03d", n), fmt.Sprintf("uuid-%03d", n), fmt.Sprintf("10.1.%d.11", n))
		h.Facts.Interfaces.Value = nil
		for i := range 6 {
			port := fact.Interface{Name: fmt.Sprintf("eth%d", i), Kind: "physical", State: "up", MTU: 1500, SpeedMbit: 10000, MAC: fmt.Sprintf("52:54:00:00:%02x:%02x", n, i)}
			if i < 5 {
				port.Addresses = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.11/24", i+1, n/4*4)).Masked()}
				port.Addresses[0] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i + 1), byte(n / 4 * 4), byte(11 + n)}), 24)
			}
			h.Facts.Interfaces.Value = append(h.Facts.Interfaces.Value, port)
		}
		h.Facts.Sockets.State, h.Facts.Sockets.Value.Named = fact.OK, true
		for p := range 10 {
			h.Facts.Sockets.Value.Listeners = append(h.Facts.Sockets.Value.Listeners, fact.Listener{Proto: "tcp", Port: 8000 + p, Process: fmt.Sprintf("app%d", p), All: true})
		}
		if n < 40 {
			h.Facts.Platform.Value = fact.Platform{Kind: "physical", Vendor: "Dell Inc.", Model: "PowerEdge R640", Serial: fmt.Sprintf("SN%04d", n), UUID: h.Facts.Platform.Value.UUID}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// nobody keeps no record.
type nobody struct{}

func (nobody) Writing(Batch) error { return nil }
func (nobody) Wrote(Batch) error   { return nil }

// connect reaches the NetBox that scripts/bench started.
func connect(b *testing.B) *Client {
	b.Helper()
	token, err := os.ReadFile(os.Getenv("NIGHTCALL_NETBOX_TOKEN_FILE"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(Options{URL: os.Getenv("NIGHTCALL_NETBOX_URL"), Token: strings.TrimSpace(string(token)), Budget: 100_000})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// replan reads NetBox and compares.
func replan(b *testing.B, c *Client, wanted []Wanted) Plan {
	b.Helper()
	there, err := c.Read(context.Background(), wanted)
	if err != nil {
		b.Fatal(err)
	}
	return Compare(wanted, there, nil)
}

// BenchmarkFill fills an empty NetBox with the crowd in bulk. It says how many
// requests the first apply and the second plan take, and what the second plan
// would write.
func BenchmarkFill(b *testing.B) {
	c := connect(b)
	wanted := Map(crowd(), Placing{Site: "bench"}, Notes{})
	for range b.N {
		began := time.Now()
		result, err := c.Apply(context.Background(), replan(b, c, wanted), "benchmark", nobody{})
		if err != nil || len(result.Failures) > 0 {
			b.Fatalf("%v %+v", err, result.Failures)
		}
		b.ReportMetric(float64(c.Requests()), "apply-requests")
		b.ReportMetric(float64(time.Since(began).Milliseconds())/float64(result.Created), "ms/object")
		before := c.Requests()
		p := replan(b, c, wanted)
		b.ReportMetric(float64(c.Requests()-before), "plan-requests")
		b.ReportMetric(float64(p.Writes()), "plan-writes")
		b.ReportMetric(float64(result.Created), "objects")
	}
}

// BenchmarkOneByOne makes some hosts with all they have as a straightforward tool
// does: over one connection, for each object it asks whether it is there, and makes
// it if it is not. In turn with it, others like them are made in bulk, from the
// first request to the last: what else this machine does then slows both. What is
// compared is the time for an object.
//
// The bulk is held back by NetBox alone, which validates, saves, logs and indexes
// each object of a list by itself: some thirty queries for a service, eighty for an
// interface with its MAC address. A list saves what comes around that (the question,
// authentication, the making of a view), and two lists occupy two processes.
func BenchmarkOneByOne(b *testing.B) {
	c := connect(b)
	var alone, bulk time.Duration
	made, many, next := 0, 0, 0
	some := func(n int) []Wanted {
		next += n
		return Map(strangers(next-n, n), Placing{Site: "bench"}, Notes{})
	}
	for range 4 {
		plan := replan(b, c, some(5)) // a bulk of reading, which is not counted
		began := time.Now()
		made += makeAlone(b, c, plan)
		alone += time.Since(began)

		began = time.Now()
		result, err := c.Apply(context.Background(), replan(b, c, some(25)), "benchmark", nobody{})
		if err != nil || len(result.Failures) > 0 {
			b.Fatalf("%v %+v", err, result.Failures)
		}
		many += result.Created
		bulk += time.Since(began)
	}
	single, each := float64(alone.Milliseconds())/float64(made), float64(bulk.Milliseconds())/float64(many)
	b.ReportMetric(single, "ms/object")
	b.ReportMetric(each, "ms/bulk-object")
	b.ReportMetric(single/each, "times")
	b.ReportMetric(float64(made), "objects")
	b.ReportMetric(float64(many), "bulk-objects")
}

// strangers are hosts of the crowd under other names, two of five machines.
func strangers(first, n int) []inventory.Host {
	crowd := crowd()
	var hosts []inventory.Host
	for i := first; i < first+n; i++ {
		of := crowd[60]
		if i%5 < 2 {
			of = crowd[0]
		}
		of.Facts.Interfaces.Value = slices.Clone(of.Facts.Interfaces.Value)
		hosts = append(hosts, stranger(i, of))
	}
	return hosts
}

// makeAlone carries out a plan one object a request, and says how many it made.
func makeAlone(b *testing.B, c *Client, plan Plan) int {
	b.Helper()
	a := &applier{client: c, record: nobody{}, why: "benchmark", ids: map[Ref]int64{}}
	for _, s := range plan.Steps {
		a.ids[s.ref()] = s.ID
	}
	made := 0
	for _, s := range plan.Steps {
		if s.Op == Create {
			alone(b, a, s)
			made++
		}
	}
	for _, s := range plan.Steps {
		t, ok := a.prepare(s, func(field string) bool { return slices.Contains(late, field) })
		if !ok {
			continue
		}
		if err := c.do(context.Background(), http.MethodPatch, fmt.Sprintf("%s/%d", kinds[s.Kind].path, t.done.ID), nil, t.body, nil); err != nil {
			b.Fatal(err)
		}
	}
	return made
}

// stranger is a host like another, of which nobody knows yet.
func stranger(n int, h inventory.Host) inventory.Host {
	h.Name = fmt.Sprintf("p%05d", n)
	h.Facts.Kernel.Value.Host, h.Facts.MachineID.Value, h.Facts.Platform.Value.UUID = h.Name, h.Name, h.Name
	if h.Facts.Platform.Value.Serial != "" {
		h.Facts.Platform.Value.Serial = h.Name
	}
	for i := range h.Facts.Interfaces.Value {
		port := &h.Facts.Interfaces.Value[i]
		port.MAC = fmt.Sprintf("52:54:01:%02x:%02x:%02x", n>>8, n&255, i)
		if len(port.Addresses) > 0 {
			port.Addresses = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i), byte(n >> 7), byte(11 + n&127)}), 24)}
		}
	}
	return h
}

// alone makes one object.
func alone(b *testing.B, a *applier, s Step) {
	b.Helper()
	t, ok := a.prepare(s, func(field string) bool { return !slices.Contains(late, field) })
	if !ok {
		b.Fatalf("%s %s: %+v", s.Kind, s.Key, a.result.Failures)
	}
	query := url.Values{}
	for field, filter := range map[string]string{"name": "name", "address": "address", "device": "device_id", "virtual_machine": "virtual_machine_id", "parent_object_id": "parent_object_id"} {
		if value, ok := t.body[field]; ok {
			query.Set(filter, fmt.Sprint(value))
		}
	}
	path := kinds[s.Kind].path
	if err := a.client.do(context.Background(), http.MethodGet, path, query, nil, nil); err != nil {
		b.Fatal(err)
	}
	t.body["tags"] = []map[string]string{{"slug": TagSlug}}
	var reply map[string]any
	if err := a.client.do(context.Background(), http.MethodPost, path, nil, t.body, &reply); err != nil {
		b.Fatal(err)
	}
	a.made(&t, number(reply["id"]))
}

// BenchmarkPull reads 5,000 machines from a server in this process that tells what a
// real one tells of one, and says how much memory that took at most.
func BenchmarkPull(b *testing.B) {
	const machines = 5000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { many(w, r, machines) }))
	defer server.Close()
	c := dialled(b, server.URL)
	for range b.N {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		targets, _, err := c.Pull(context.Background(), Choice{})
		if err != nil || len(targets) != 2*machines/2 {
			b.Fatalf("%d machines, %v", len(targets), err)
		}
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapSys-after.HeapReleased)/(1<<20), "MB-heap")
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "MB-allocated")
	}
}

func dialled(b *testing.B, address string) *Client {
	b.Helper()
	c, err := New(Options{URL: address, Token: "x"})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// many tells half of the machines as devices and half as guests.
func many(w io.Writer, r *http.Request, machines int) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	end := min(offset+limit, machines/2)
	next := "null"
	if end < machines/2 {
		next = `"more"`
	}
	fmt.Fprintf(w, `{"count": %d, "next": %s, "results": [`, machines/2, next)
	for n := offset; n < end; n++ {
		comma := ","
		if n == end-1 {
			comma = ""
		}
		fmt.Fprintf(w, `{"id": %d, "name": "host-%05d", "status": {"value": "active", "label": "Active"}, "site": {"id": 1, "url": "http://netbox/api/dcim/sites/1/", "display": "Data centre 1", "name": "Data centre 1", "slug": "data-centre-1", "description": ""}, "role": {"id": 1, "url": "http://netbox/api/dcim/device-roles/1/", "display": "Server", "name": "Server", "slug": "server", "description": "", "device_count": 0, "virtualmachine_count": 0, "_depth": 0}, "primary_ip4": {"id": %d, "url": "http://netbox/api/ipam/ip-addresses/1/", "display": "10.0.0.1/16", "family": {"value": 4, "label": "IPv4"}, "address": "10.%d.%d.%d/16", "nat_inside": null, "nat_outside": [], "dns_name": "", "description": ""}, "primary_ip6": null}%s`,
			n+1, n, n+1, n>>16, n>>8&255, n&255, comma)
	}
	_, _ = io.WriteString(w, "]}")
}

// BenchmarkCompare plans for a NetBox that has it all already. Ten times the hosts
// must not take a hundred times as long.
func BenchmarkCompare(b *testing.B) {
	for _, hosts := range []int{100, 1000} {
		b.Run(strconv.Itoa(hosts), func(b *testing.B) {
			var list []inventory.Host
			for n := range hosts {
				h := guest(fmt.Sprintf("h%04d", n), fmt.Sprintf("uuid-%04d", n), fmt.Sprintf("10.%d.%d.10", n>>7, n&127))
				h.Facts.Interfaces.Value[1].MAC = fmt.Sprintf("52:54:00:00:%02x:%02x", n>>8, n&255)
				list = append(list, h)
			}
			wanted := Map(list, Placing{Site: "bench"}, Notes{})
			there, memory := filled(wanted)
			b.ResetTimer()
			for range b.N {
				if p := Compare(wanted, there, memory); p.Writes() != 0 {
					b.Fatalf("%d writes", p.Writes())
				}
			}
		})
	}
}
