package check

import (
	"slices"
	"testing"
)

// The expectations are what dpkg --compare-versions says.
var dpkgOrders = []struct {
	a, b string
	want int
}{
	{"1.0.1e-2+deb7u4", "1.0.1e-2+deb7u5", -1},
	{"1.0.1e-2+deb7u10", "1.0.1e-2+deb7u5", 1},
	{"1.0.1-4ubuntu5.11", "1.0.1-4ubuntu5.12", -1},
	{"1.0.1f-1ubuntu2", "1.0.1f-1ubuntu2.27", -1},
	{"1.0", "1.0", 0},
	{"1.0", "1.0-0", 0},
	{"1:1.0", "2.0", 1},
	{"0:1.0", "1.0", 0},
	{"1.0~rc1", "1.0", -1},
	{"1.0~rc1", "1.0~rc2", -1},
	{"1.0~~", "1.0~", -1},
	{"1.0", "1.0a", -1},
	{"1.0a", "1.0+b", -1},
	{"1.2.10", "1.2.9", 1},
	{"1.002", "1.2", 0},
	{"10000000000000000000000000", "9999999999999999999999999", 1},
	{"1.0-1", "1.0-1.1", -1},
	{"1.0-a-1", "1.0-b-1", -1},
	{"", "", 0},
	{"", "0", 0},
}

// The expectations follow the rules that rpm documents for its versions.
var rpmOrders = []struct {
	a, b string
	want int
}{
	{"1.0.1e-16.el6_5.4", "1.0.1e-16.el6_5.7", -1},
	{"1.0.1e-16.el6_5.14", "1.0.1e-16.el6_5.7", 1},
	{"1.0.1e-16.el6_5.4.0.1.centos", "1.0.1e-16.el6_5.7", -1},
	{"1.0.1e-37.fc20.1", "1.0.1e-37.fc20", 1},
	{"1.0.0-27.el6_4.2", "1.0.1e-16.el6_5.7", -1},
	{"1.0", "1.0-5", 0},
	{"1:1.0-1", "2.0-1", 1},
	{"(none):1.0-1", "1.0-1", 0},
	{"1.0", "1.0", 0},
	{"1.0", "2.0", -1},
	{"2.0.1", "2.0", 1},
	{"5.5p1", "5.5p10", -1},
	{"10xyz", "10.1xyz", -1},
	{"xyz10", "xyz10.1", -1},
	{"xyz.4", "8", -1},
	{"2a", "2.0", -1},
	{"1.0~rc1", "1.0", -1},
	{"1.0~rc1", "1.0~rc2", -1},
	{"1.0~rc1~git123", "1.0~rc1", -1},
	{"1.0^", "1.0", 1},
	{"1.0^git1", "1.01", -1},
	{"1.0^20160101", "1.0.1", -1},
	{"1.0~rc1^git1", "1.0~rc1", 1},
	{"1b.fc17", "1.fc17", -1},
	{"fc4", "fc.4", 0},
	{"1.0010", "1.9", 1},
	{"1.05", "1.5", 0},
}

func TestCompareDpkg(t *testing.T) {
	t.Parallel()
	for _, c := range dpkgOrders {
		both(t, "dpkg", CompareDpkg, c.a, c.b, c.want)
	}
}

func TestCompareRPM(t *testing.T) {
	t.Parallel()
	for _, c := range rpmOrders {
		both(t, "rpm", CompareRPM, c.a, c.b, c.want)
	}
}

func TestComparePort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.0.1_9", "1.0.1_10", -1},
		{"1.0.1_10,1", "1.0.1_10", 0},
		{"1.0.1f-r0", "1.0.1g-r0", -1},
		{"1.0.1g-r10", "1.0.1g-r9", 1},
		{"1.0.1", "1.0.1_1", -1},
	} {
		both(t, "port", comparePort, c.a, c.b, c.want)
	}
}

// both tries an order and its mirror image.
func both(t *testing.T, what string, compare func(a, b string) int, a, b string, want int) {
	t.Helper()
	if got := compare(a, b); got != want {
		t.Errorf("%s: %q against %q: %d, want %d", what, a, b, got, want)
	}
	if got := compare(b, a); got != -want {
		t.Errorf("%s: %q against %q: %d, want %d", what, b, a, got, -want)
	}
}

// An order is only one if it is the same both ways and passes from one to the
// next.
func FuzzCompareVersions(f *testing.F) {
	for _, c := range dpkgOrders {
		f.Add(c.a, c.b, "1.0")
	}
	for _, c := range rpmOrders {
		f.Add(c.a, c.b, "1.0~rc1")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for name, compare := range map[string]func(a, b string) int{"dpkg": CompareDpkg, "rpm": compareRPMPart, "port": comparePort} {
			if compare(a, a) != 0 {
				t.Errorf("%s: %q differs from itself", name, a)
			}
			if compare(a, b) != -compare(b, a) {
				t.Errorf("%s: %q and %q are not mirrored", name, a, b)
			}
			sorted := []string{a, b, c}
			slices.SortFunc(sorted, compare)
			if compare(sorted[0], sorted[2]) > 0 {
				t.Errorf("%s: no order of %q", name, sorted)
			}
		}
	})
}
