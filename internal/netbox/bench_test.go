package netbox

import (
	"context"
	"fmt"
	"net/netip"
	"os"
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

// BenchmarkOneByOne creates services of the kind the crowd has, one a request, as
// clients without lists do.
func BenchmarkOneByOne(b *testing.B) {
	c := connect(b)
	wanted := Map(crowd()[:10], Placing{Site: "bench"}, Notes{})
	plan := replan(b, c, wanted)
	a := &applier{client: c, record: nobody{}, why: "benchmark", ids: map[Ref]int64{}}
	for _, s := range plan.Steps {
		a.ids[s.ref()] = s.ID
	}
	made := 0
	began := time.Now()
	for _, s := range plan.Steps {
		if s.Kind != Service {
			continue
		}
		s.Changes = []Change{
			{Field: "parent_object_type", After: kinds[Device].model},
			{Field: "parent_object_id", After: Ref{Device, s.Host}},
			{Field: "name", After: s.Key + " alone"},
			{Field: "port_mappings", After: "tcp/80"},
		}
		if err := a.create(context.Background(), Service, []Step{s}); err != nil {
			b.Fatal(err)
		}
		made++
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds())/float64(made), "ms/object")
}
