package fact

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Route is one line of the main routing table.
type Route struct {
	To     netip.Prefix `json:"to"`
	Via    netip.Addr   `json:"via,omitzero"`
	Device string       `json:"device"`
	Metric int          `json:"metric"`
}

// Key names the item in its list.
func (r Route) Key() string { return r.To.String() + " " + r.Device }

func routesFact() Fact {
	return define("routes", "routing table", Probe{
		Files:     []string{"/proc/net/route", "/proc/net/ipv6_route"},
		Elsewhere: `has netstat && netstat -rn`,
	}, func(s *Set) *Observed[[]Route] { return &s.Routes }, parseRoutes)
}

func parseRoutes(r Raw) Observed[[]Route] {
	routes := []Route{}
	four, told := r.Files["/proc/net/route"]
	if !told {
		if routes = bsdRoutes(r.Out); len(routes) == 0 {
			return unknown[[]Route]("no routing table is told")
		}
		return found(routes, "netstat")
	}
	for line := range strings.Lines(four.Content) {
		if route, ok := route4(strings.Fields(line)); ok && len(routes) < maxItems {
			routes = append(routes, route)
		}
	}
	for line := range strings.Lines(r.Files["/proc/net/ipv6_route"].Content) {
		if route, ok := route6(strings.Fields(line)); ok && len(routes) < maxItems {
			routes = append(routes, route)
		}
	}
	return found(routes, "/proc/net/route")
}

// The kernel's flags of a route. Its own addresses and those that any of several
// hosts answers are in the table of IPv6, and are no routes to anywhere.
const (
	routeUp      = 0x1
	routeAnycast = 0x00100000
	routeLocal   = 0x80000000
)

// route4 reads: iface destination gateway flags refcnt use metric mask …, in hex
// of the machine's byte order (little-endian on all but a few museum pieces).
func route4(f []string) (Route, bool) {
	if len(f) < 8 {
		return Route{}, false
	}
	to, ok := hexAddr4(f[1])
	via, ok2 := hexAddr4(f[2])
	mask, ok3 := hexAddr4(f[7])
	flags, err := strconv.ParseUint(f[3], 16, 32)
	if !ok || !ok2 || !ok3 || err != nil || flags&routeUp == 0 {
		return Route{}, false
	}
	m := mask.As4()
	r := Route{To: netip.PrefixFrom(to, ones(binary.BigEndian.Uint32(m[:]))), Device: clean(f[0]), Metric: integer(f[6])}
	if !via.IsUnspecified() {
		r.Via = via
	}
	return r, true
}

// route6 reads: destination length source length gateway metric refcnt use flags
// iface. Local and multicast routes tell nothing.
func route6(f []string) (Route, bool) {
	if len(f) < 10 || f[9] == "lo" || strings.HasPrefix(f[0], "ff") {
		return Route{}, false
	}
	to, ok := hexAddr6(f[0], false)
	via, ok2 := hexAddr6(f[4], false)
	bits, err := strconv.ParseUint(f[1], 16, 8)
	metric, err2 := strconv.ParseUint(f[5], 16, 32)
	flags, err3 := strconv.ParseUint(f[8], 16, 32)
	if !ok || !ok2 || err != nil || err2 != nil || err3 != nil || bits > 128 ||
		flags&routeUp == 0 || flags&(routeLocal|routeAnycast) != 0 {
		return Route{}, false
	}
	r := Route{To: netip.PrefixFrom(to, int(bits)), Device: clean(f[9]), Metric: int(metric)}
	if !via.IsUnspecified() {
		r.Via = via
	}
	return r, true
}

// hexAddr4 reads an address as the kernel prints it: one little-endian word.
func hexAddr4(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}), true
}

// hexAddr6 reads an IPv6 address of 32 digits; words says that it is four
// little-endian words, as in /proc/net/tcp6.
func hexAddr6(s string, words bool) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return netip.Addr{}, false
	}
	a := [16]byte(b)
	if words {
		for w := 0; w < 16; w += 4 {
			a[w], a[w+1], a[w+2], a[w+3] = a[w+3], a[w+2], a[w+1], a[w]
		}
	}
	return netip.AddrFrom16(a), true
}

// bsdRoutes reads FreeBSD's netstat -rn: one table for each family, whose
// columns are named; old ones have two more before the interface.
func bsdRoutes(text string) []Route {
	var routes []Route
	device, six := -1, false
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && strings.HasPrefix(f[0], "Internet"):
			six = f[0] == "Internet6:"
		case len(f) > 3 && f[0] == "Destination":
			device = slices.Index(f, "Netif")
		case device > 2 && len(f) > device && len(routes) < maxItems:
			if r, ok := bsdRoute(f, device, six); ok {
				routes = append(routes, r)
			}
		}
	}
	return routes
}

func bsdRoute(f []string, device int, six bool) (Route, bool) {
	to, ok := bsdPrefix(f[0], six)
	if !ok || !strings.Contains(f[2], "U") {
		return Route{}, false
	}
	r := Route{To: to, Device: clean(f[device])}
	gateway, _, _ := strings.Cut(f[1], "%")
	if via, err := netip.ParseAddr(gateway); err == nil {
		r.Via = via
	}
	return r, true
}

// bsdPrefix reads a destination, whose address may name its interface.
func bsdPrefix(s string, six bool) (netip.Prefix, bool) {
	if s == "default" {
		if six {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	host, bits, long := strings.Cut(s, "/")
	host, _, _ = strings.Cut(host, "%")
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, false
	}
	length := a.BitLen()
	if n, ok := number(bits); long && ok {
		length = int(n)
	}
	p := netip.PrefixFrom(a, length)
	return p, p.IsValid()
}
