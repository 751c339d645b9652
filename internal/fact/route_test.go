package fact

import (
	"fmt"
	"slices"
	"testing"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	linux := map[string]File{
		"/proc/net/route":      {Content: section(t, "routes/debian12", "/proc/net/route")},
		"/proc/net/ipv6_route": {Content: section(t, "routes/debian12", "/proc/net/ipv6_route")},
	}
	for _, c := range []struct {
		name string
		raw  Raw
		want []string
	}{
		{"linux", Raw{Files: linux}, []string{
			"0.0.0.0/0 via 192.0.2.1 dev eth0 metric 0", "10.66.0.0/24 dev nc-fleet0 metric 0", "192.0.2.0/24 dev eth0 metric 0",
			"fd00::/64 dev eth0 metric 256", "fe80::/64 dev eth0 metric 256", "fe80::/64 dev nc-fleet0 metric 256", "::/0 via fd00::1 dev eth0 metric 1024",
		}},
		{"freebsd 13", Raw{Out: recorded(t, "routes/freebsd13")}, []string{
			"0.0.0.0/0 via 10.0.0.1 dev em0 metric 0", "10.0.0.0/24 dev em0 metric 0", "127.0.0.1/32 dev lo0 metric 0",
			"::/0 via fe80::1 dev em0 metric 0", "fe80::/64 dev em0 metric 0",
		}},
		{"freebsd 9", Raw{Out: recorded(t, "routes/freebsd9")}, []string{
			"0.0.0.0/0 via 10.0.0.1 dev em0 metric 0", "10.0.0.0/24 dev em0 metric 0",
		}},
	} {
		set := observe(routesFact(), c.raw)
		var got []string
		for _, r := range set.Routes.Value {
			via := ""
			if r.Via.IsValid() {
				via = " via " + r.Via.String()
			}
			got = append(got, fmt.Sprintf("%s%s dev %s metric %d", r.To, via, r.Device, r.Metric))
		}
		if set.Routes.State != OK || !slices.Equal(got, c.want) {
			t.Errorf("%s: %s\n got %q\nwant %q", c.name, set.Routes.State, got, c.want)
		}
	}
	if got := observe(routesFact(), Raw{}).Routes; got.State != Unknown {
		t.Errorf("nothing told: %+v", got)
	}
}

func FuzzRoutes(f *testing.F) { fuzzOut(f, routesFact()) }

func FuzzRouteFiles(f *testing.F) {
	f.Add(section(f, "routes/debian12", "/proc/net/route"), section(f, "routes/debian12", "/proc/net/ipv6_route"))
	f.Fuzz(func(t *testing.T, four, six string) {
		set := observe(routesFact(), Raw{Files: map[string]File{"/proc/net/route": {Content: four}, "/proc/net/ipv6_route": {Content: six}}})
		for _, r := range set.Routes.Value {
			if !r.To.IsValid() {
				t.Errorf("a route to nowhere: %+v", r)
			}
		}
	})
}
