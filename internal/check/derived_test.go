package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

func TestHeartbleedPackages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ os, version, manager, name, openssl, want string }{
		{"debian", "7.4", "dpkg", "libssl1.0.0", "1.0.1e-2+deb7u4", vulnerable},
		{"debian", "7.4", "dpkg", "libssl1.0.0", "1.0.1e-2", vulnerable},
		{"debian", "7.4", "dpkg", "libssl1.0.0", "1.0.1e-2+deb7u5", fixed},
		{"debian", "7.11", "dpkg", "libssl1.0.0", "1.0.1t-1+deb7u4", fixed},
		{"debian", "6.0.10", "dpkg", "libssl0.9.8", "0.9.8o-4squeeze14", unaffected},
		{"debian", "8.0", "dpkg", "libssl1.0.0", "1.0.1f-1", vulnerable},
		{"debian", "8.0", "dpkg", "libssl1.0.0", "1.0.1g-1", fixed},
		{"raspbian", "7", "dpkg", "libssl1.0.0", "1.0.1e-2+rvt+deb7u4", vulnerable},
		{"raspbian", "7", "dpkg", "libssl1.0.0", "1.0.1e-2+rvt+deb7u6", fixed},
		{"debian", "12", "dpkg", "libssl3", "3.0.11-1~deb12u2", unaffected},
		{"ubuntu", "12.04", "dpkg", "libssl1.0.0", "1.0.1-4ubuntu5.11", vulnerable},
		{"ubuntu", "12.04", "dpkg", "libssl1.0.0", "1.0.1-4ubuntu5.12", fixed},
		{"ubuntu", "12.10", "dpkg", "libssl1.0.0", "1.0.1c-3ubuntu2.6", vulnerable},
		{"ubuntu", "12.10", "dpkg", "libssl1.0.0", "1.0.1c-3ubuntu2.7", fixed},
		{"ubuntu", "13.04", "dpkg", "libssl1.0.0", "1.0.1c-4ubuntu8.2", unsure},
		{"ubuntu", "13.10", "dpkg", "libssl1.0.0", "1.0.1e-3ubuntu1.1", vulnerable},
		{"ubuntu", "13.10", "dpkg", "libssl1.0.0", "1.0.1e-3ubuntu1.2", fixed},
		{"ubuntu", "14.04", "dpkg", "libssl1.0.0", "1.0.1f-1ubuntu2.27", fixed},
		{"ubuntu", "10.04", "dpkg", "libssl0.9.8", "0.9.8k-7ubuntu8.15", unaffected},
		{"rhel", "6.5", "rpm", "openssl", "1.0.1e-16.el6_5.4", vulnerable},
		{"rhel", "6.5", "rpm", "openssl", "1.0.1e-16.el6_5.7", fixed},
		{"rhel", "6.5", "rpm", "openssl", "0:1.0.1e-16.el6_5.7", fixed},
		{"centos", "6.5", "rpm", "openssl", "1.0.1e-15.el6", vulnerable},
		{"centos", "6.5", "rpm", "openssl", "1.0.1e-16.el6_5.4.0.1.centos", fixed},
		{"centos", "6.8", "rpm", "openssl", "1.0.1e-48.el6_8.4", fixed},
		{"rhel", "6.4", "rpm", "openssl", "1.0.0-27.el6_4.2", unaffected},
		{"rhel", "5.11", "rpm", "openssl", "0.9.8e-27.el5_10.1", unaffected},
		{"rhel", "4", "rpm", "openssl", "0.9.7a-43.18.el4", unaffected},
		{"rhel", "7.0", "rpm", "openssl-libs", "1:1.0.1e-33.el7", vulnerable},
		{"rhel", "7.0", "rpm", "openssl-libs", "1:1.0.1e-34.el7", fixed},
		{"rhel", "7.0", "rpm", "openssl-libs", "1:1.0.1e-34.el7_0.3", fixed},
		{"fedora", "19", "rpm", "openssl", "1:1.0.1e-37.fc19", vulnerable},
		{"fedora", "20", "rpm", "openssl", "1:1.0.1e-37.fc20.1", fixed},
		{"amzn", "2013.09", "rpm", "openssl", "1.0.1e-4.60.amzn1", vulnerable},
		{"amzn", "2014.03", "rpm", "openssl", "1.0.1e-37.66.amzn1", fixed},
		{"opensuse", "13.1", "rpm", "libopenssl1_0_0", "1.0.1e-11.28.1", vulnerable},
		{"opensuse", "12.3", "rpm", "libopenssl1_0_0", "1.0.1e-1.44.1", fixed},
		{"sles", "11.3", "rpm", "libopenssl0_9_8", "0.9.8j-0.58.1", unaffected},
		{"alpine", "2.7.5", "apk", "openssl", "1.0.1f-r0", vulnerable},
		{"alpine", "2.7.6", "apk", "openssl", "1.0.1g-r0", fixed},
		{"freebsd", "9.2", "pkg", "openssl", "1.0.1_9", vulnerable},
		{"freebsd", "9.2", "pkg", "openssl", "1.0.1_10", fixed},
		{"freebsd", "10.1", "pkg", "openssl", "1.0.1_16", fixed},
		{"gentoo", "2.2", "portage", "openssl", "1.0.1f", unsure},
		{"debian", "8", "dpkg", "libssl1.0.0", "1.0.2~beta1-1", unsure},
		{"debian", "7", "dpkg", "libssl1.0.0", "1.0.2~beta1-1", unsure},
		{"debian", "8", "dpkg", "libssl1.0.0", "1.0.2d-1", unaffected},
		{"debian", "7", "dpkg", "openssl", "unknown", unsure},
	} {
		os := seen(fact.OS{ID: c.os, Version: c.version})
		p := fact.Package{Name: c.name, Version: c.openssl, Manager: c.manager}
		got := judgePackages([]fact.Package{p, {Name: "nginx", Version: "1.0.1f"}}, distroOf(os))
		if len(got) != 1 || got[0].Verdict != c.want || got[0].Why == "" {
			t.Errorf("%s %s %s: %+v, want %s", c.os, c.version, c.openssl, got, c.want)
		}
	}
}

func TestHeartbleedMappings(t *testing.T) {
	t.Parallel()
	const debian = "/usr/lib/x86_64-linux-gnu/libssl.so.1.0.0"
	for name, c := range map[string]struct {
		pkg     string
		library fact.Library
		want    string // of the file; empty when it has no verdict of its own
	}{
		"restarted":             {"1.0.1e-2+deb7u5", fact.Library{Path: debian}, ""},
		"not restarted":         {"1.0.1e-2+deb7u5", fact.Library{Path: debian, Deleted: true}, vulnerable},
		"package is vulnerable": {"1.0.1e-2+deb7u4", fact.Library{Path: debian, Deleted: true}, ""},
		"later release":         {"1.0.1t-1+deb7u4", fact.Library{Path: debian, Deleted: true}, unsure},
		"other series":          {"1.0.1e-2+deb7u5", fact.Library{Path: "/usr/lib/libssl.so.1.1", Deleted: true}, ""},
		"other library":         {"1.0.1e-2+deb7u5", fact.Library{Path: "/usr/lib/libpq.so.5", Deleted: true}, ""},
		"vendor's":              {"1.0.1e-2+deb7u5", fact.Library{Path: "/opt/vendor/lib/libssl.so.1.0.0"}, unsure},
		"vendor's, no name":     {"1.0.1e-2+deb7u5", fact.Library{Path: "/usr/local/lib/libssl.so"}, unsure},
		"vendor's, new":         {"1.0.1e-2+deb7u5", fact.Library{Path: "/usr/local/lib/libssl.so.3"}, ""},
		"vendor's, old":         {"1.0.1e-2+deb7u5", fact.Library{Path: "/opt/lib/libssl.so.0.9.8"}, ""},
		"modern host":           {"3.0.11-1~deb12u2", fact.Library{Path: "/usr/lib/libssl.so.1.0.0", Deleted: true}, ""},
	} {
		s := subjectWith(fact.Set{
			OS:        seen(fact.OS{ID: "debian", Version: "7.4"}),
			Packages:  seen([]fact.Package{{Name: "libssl1.0.0", Version: c.pkg, Manager: "dpkg"}}),
			Libraries: seen([]fact.Library{c.library}),
		})
		got := ""
		for _, h := range readHeartbleed(s).Value {
			if h.Name == c.library.Path {
				got = h.Verdict
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestHeartbleedOnFreeBSD(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"10.0-RELEASE": unsure, "10.0-RELEASE-p1": fixed, "10.0-RELEASE-p14": fixed, "10.0-RELEASE-p0": unsure, "9.2-RELEASE-p3": unaffected, "14.1": unaffected,
	} {
		s := subjectWith(fact.Set{
			OS:       seen(fact.OS{ID: "freebsd", Version: version}),
			Packages: seen([]fact.Package{}), Libraries: seen([]fact.Library{}),
		})
		got := readHeartbleed(s).Value
		if len(got) != 1 || got[0].Verdict != want {
			t.Errorf("%s: %+v, want %s", version, got, want)
		}
	}
	// The kernel's level may lag behind that of the programs; theirs does not.
	s := subjectWith(fact.Set{OS: seen(fact.OS{ID: "freebsd", Version: "10.0"}), Packages: seen([]fact.Package{}), Libraries: seen([]fact.Library{})})
	s.Host.Facts.OS.Source = "freebsd-version"
	if got := readHeartbleed(s).Value; len(got) != 1 || got[0].Verdict != vulnerable {
		t.Errorf("by freebsd-version: %+v", got)
	}
}

func listener(port int, process string) fact.Listener {
	return fact.Listener{Proto: "tcp", Addr: netip.IPv4Unspecified(), Port: port, Process: process, PID: port, All: true}
}

func exposures(firewall fact.Observed[fact.Firewall], listeners ...fact.Listener) []Exposure {
	return readExposures(subjectWith(fact.Set{Sockets: seen(fact.Sockets{Listeners: listeners}), Firewall: firewall})).Value
}

func TestExposures(t *testing.T) {
	t.Parallel()
	local := listener(6379, "redis-server")
	local.All, local.Local = false, true
	war := listener(8080, "java")
	war.Command = "java -jar /usr/share/jenkins.war"
	dns := listener(6379, "")
	dns.Proto = "udp"
	for name, c := range map[string]struct {
		listener                  fact.Listener
		service, risk, confidence string
	}{
		"by process":             {listener(6379, "redis-server"), "Redis", riskOpen, "certain"},
		"on another port":        {listener(7000, "redis-server"), "Redis", riskOpen, "certain"},
		"by port":                {listener(6379, ""), "Redis", riskOpen, "probable"},
		"through docker":         {listener(27017, "docker-proxy"), "MongoDB", riskOpen, "probable"},
		"someone else's":         {listener(9200, "nginx"), "Elasticsearch", riskOpen, "possible"},
		"database":               {listener(5432, "postgres"), "PostgreSQL", riskGuarded, "certain"},
		"path":                   {listener(3306, "/usr/sbin/mysqld"), "MySQL", riskGuarded, "certain"},
		"jenkins":                {war, "Jenkins", riskGuarded, "certain"},
		"docker with TLS":        {listener(2376, "dockerd"), "Docker API (TLS)", riskGuarded, "probable"},
		"loopback":               {local, "", "", ""},
		"web server":             {listener(443, "nginx"), "", "", ""},
		"application":            {listener(8080, "java"), "", "", ""},
		"beam on its other port": {listener(5672, "beam.smp"), "", "", ""},
		"other protocol":         {dns, "", "", ""},
	} {
		got := exposures(fact.Observed[fact.Firewall]{}, c.listener)
		if c.service == "" {
			if len(got) > 0 {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Service != c.service || got[0].Risk != c.risk || got[0].Confidence != c.confidence || got[0].Why == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestFirewallLowersConfidence(t *testing.T) {
	t.Parallel()
	redis := listener(6379, "redis-server")
	for _, c := range []struct {
		firewall         fact.Observed[fact.Firewall]
		confidence, says string
	}{
		{seen(fact.Firewall{Kind: "nftables", Active: true, Rules: 14}), "probable", "active packet filter (nftables, 14 rules)"},
		{seen(fact.Firewall{Kind: "none"}), "certain", "no active packet filter"},
		{fact.Observed[fact.Firewall]{State: fact.Unknown}, "certain", "could not be read"},
	} {
		got := exposures(c.firewall, redis)[0]
		if got.Confidence != c.confidence || !strings.Contains(got.Firewall, c.says) {
			t.Errorf("%+v: %+v", c.firewall, got)
		}
	}
}

func TestOneServiceOnTwoAddressesIsOneExposure(t *testing.T) {
	t.Parallel()
	six := listener(6379, "redis-server")
	six.Addr = netip.IPv6Unspecified()
	got := exposures(fact.Observed[fact.Firewall]{}, listener(6379, "redis-server"), six)
	if len(got) != 1 || !slices.Equal(got[0].Addresses, []string{"0.0.0.0", "::"}) {
		t.Errorf("%+v", got)
	}
}

func TestSkewTakesTheErrorOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ offset, err, least time.Duration }{
		{9 * time.Second, 6 * time.Second, 3 * time.Second},
		{-9 * time.Second, time.Second, 8 * time.Second},
		{time.Second, 6 * time.Second, 0},
		{time.Second, -time.Second, time.Second},
	} {
		s := subjectWith(fact.Set{Clock: seen(fact.Clock{Offset: c.offset, Error: c.err})})
		if got := readSkew(s).Value.Least; got != c.least {
			t.Errorf("%s ± %s: %s, want %s", c.offset, c.err, got, c.least)
		}
	}
}

// The host's clock may be years off; its uptime still dates the restart.
func TestRestartTrustsTheUptime(t *testing.T) {
	t.Parallel()
	s := subjectWith(fact.Set{Boot: seen(fact.Boot{At: now.AddDate(-10, 0, 0), Uptime: 10 * time.Minute})})
	want := Restart{At: at.Add(-10 * time.Minute), Uptime: 10 * time.Minute, AfterOpen: false, HoursBefore: 0}
	if diff := cmp.Diff(want, readRestart(s).Value); diff != "" {
		t.Error(diff)
	}
	s.T0 = time.Time{}
	if got := readRestart(s); got.State != fact.Unknown {
		t.Errorf("without an opening: %+v", got)
	}
}

func TestVisit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class host.Class
		state fact.State
	}{{"", ""}, {host.ClassOK, fact.OK}, {host.ClassUnreachable, fact.OK}, {"vanished", fact.Unknown}} {
		got := readVisit(Subject{Host: inventory.Host{Class: c.class}})
		if got.State != c.state || got.Value.Reached != c.class.Reached() {
			t.Errorf("%q: %+v", c.class, got)
		}
	}
}

// Whatever versions and paths a host tells, every verdict is one of four and has
// a reason.
func FuzzHeartbleed(f *testing.F) {
	f.Add("debian", "7.4", "dpkg", "1.0.1e-2+deb7u4", "/usr/lib/libssl.so.1.0.0", true)
	f.Add("freebsd", "10.0-RELEASE-p1", "pkg", "1.0.1_9,1", "/usr/local/lib/libssl.so.8", false)
	f.Add("centos", "6.5", "rpm", "1:1.0.1e-16.el6_5.4.0.1.centos", "/usr/lib64/libssl.so.1.0.1e", true)
	verdicts := []string{vulnerable, fixed, unaffected, unsure}
	f.Fuzz(func(t *testing.T, id, version, manager, openssl, path string, deleted bool) {
		s := subjectWith(fact.Set{
			OS:        seen(fact.OS{ID: id, Version: version}),
			Packages:  seen([]fact.Package{{Name: "openssl", Version: openssl, Manager: manager}}),
			Libraries: seen([]fact.Library{{Path: path, Deleted: deleted}}),
		})
		for _, h := range readHeartbleed(s).Value {
			if !slices.Contains(verdicts, h.Verdict) || h.Why == "" {
				t.Errorf("%+v", h)
			}
		}
	})
}

func TestValuesForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		want  string
	}{
		{97.04, "97"},
		{97.06, "97.1"},
		{0.0, "0"},
		{7, "7"},
		{true, "true"},
		{"x", "x"},
		{90 * time.Second, "1m 30s"},
		{26 * time.Hour, "1d 2h"},
		{48 * time.Hour, "2d"},
		{1500 * time.Millisecond, "1.5s"},
		{-90 * time.Second, "-1m 30s"},
		{time.Duration(-1 << 63), "-106751d 23h"},
		{250 * time.Microsecond, "300µs"},
		{[]any{}, "none"},
		{[]any{"a", 2}, "a, 2"},
		{[]any{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "1, 2, 3, 4, 5, 6, 7, 8 and 2 more"},
		{time.Date(2026, 3, 1, 6, 0, 0, 0, time.FixedZone("", 4*3600)), "2026-03-01 02:00 UTC"},
	} {
		if got := valueText(c.value); got != c.want {
			t.Errorf("%v: %q, want %q", c.value, got, c.want)
		}
	}
	for bytes, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 40: "1 TiB", -2048: "-2 KiB"} {
		if got := sizeText(bytes); got != want {
			t.Errorf("%g: %q, want %q", bytes, got, want)
		}
	}
}

func TestStatusWords(t *testing.T) {
	t.Parallel()
	for _, word := range Statuses() {
		status, err := ParseStatus(word)
		if err != nil || status.String() != word {
			t.Errorf("%s: %v, %v", word, status, err)
		}
		var back Status
		text, err := status.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != status {
			t.Errorf("%s does not come back: %v", word, err)
		}
	}
	if _, err := ParseStatus("red"); err == nil || fmt.Sprint(err) != `status "red": want one of ok, warning, critical, unknown` {
		t.Errorf("error %v", err)
	}
}
