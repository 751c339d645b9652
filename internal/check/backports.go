package check

import (
	"slices"
	"strings"
)

// A backport is the revision with which one distribution repaired CVE-2014-0160
// without leaving the affected upstream version.
type backport struct {
	manager  string
	distros  []string // with releases; empty covers all of the marker or, without one, of the manager
	marker   string   // in the package's version: ".el6"
	repaired string   // the first repaired version
	interim  []string // older revisions that switched the fault off instead
}

// The first repaired revisions, by the distributions' own advisories: DSA-2896,
// USN-2165, RHSA-2014:0376, FEDORA-2014-4879 and 4910, ALAS-2014-320,
// openSUSE-SU-2014:0492, and the FreeBSD port's entry in VuXML. Held in November
// 2026 against copies of those or of the checks that scanners made from them; for
// Fedora only against what others wrote of its builds, and for RHEL 7 against the
// package's changelog. Alpine's row and CentOS's interim revision are unconfirmed.
var backports = []backport{
	{manager: "dpkg", distros: []string{"debian 7", "raspbian 7"}, repaired: "1.0.1e-2+deb7u5"},
	// Jessie was testing then, and got the next upstream version.
	{manager: "dpkg", distros: []string{"debian 8"}, repaired: "1.0.1g-1"},
	{manager: "dpkg", distros: []string{"ubuntu 12.04"}, repaired: "1.0.1-4ubuntu5.12"},
	{manager: "dpkg", distros: []string{"ubuntu 12.10"}, repaired: "1.0.1c-3ubuntu2.7"},
	{manager: "dpkg", distros: []string{"ubuntu 13.10"}, repaired: "1.0.1e-3ubuntu1.2"},
	{manager: "dpkg", distros: []string{"ubuntu 14.04"}, repaired: "1.0.1f-1ubuntu2"},
	{
		manager: "rpm", marker: ".el6", repaired: "1.0.1e-16.el6_5.7",
		interim: []string{"1.0.1e-16.el6_5.4.0.1.centos"},
	},
	{manager: "rpm", marker: ".el7", repaired: "1.0.1e-34.el7"},
	{manager: "rpm", marker: ".fc19", repaired: "1.0.1e-37.fc19.1"},
	{manager: "rpm", marker: ".fc20", repaired: "1.0.1e-37.fc20.1"},
	{manager: "rpm", marker: ".amzn1", repaired: "1.0.1e-37.66.amzn1"},
	{manager: "rpm", distros: []string{"opensuse 12.3"}, repaired: "1.0.1e-1.44.1"},
	{manager: "rpm", distros: []string{"opensuse 13.1"}, repaired: "1.0.1e-11.32.1"},
	{manager: "apk", distros: []string{"alpine 2.6", "alpine 2.7"}, repaired: "1.0.1g-r0"},
	{manager: "pkg", repaired: "1.0.1_10"}, // the ports are the same for every release
}

// covers reports whether the line speaks about a package.
func (b backport) covers(distro, version string) bool {
	if b.marker != "" {
		return hasMarker(version, b.marker)
	}
	return len(b.distros) == 0 || slices.Contains(b.distros, distro)
}

// hasMarker finds the distribution's tag in a release, but not ".el6" in ".el60".
func hasMarker(version, marker string) bool {
	_, after, found := strings.Cut(version, marker)
	return found && (after == "" || !isDigit(after[0]))
}

// judge holds a package's version against the repaired one.
func (b backport) judge(version string) (verdict, why string) {
	version = withoutRebuild(withoutEpoch(version))
	if slices.Contains(b.interim, version) {
		return fixed, "this revision was built with the faulty extension switched off"
	}
	compare := CompareDpkg
	if b.manager == "rpm" {
		compare = CompareRPM
	}
	if b.manager == "pkg" || b.manager == "apk" {
		compare = comparePort
	}
	if compare(version, b.repaired) < 0 {
		return vulnerable, "this distribution repaired it in " + b.repaired
	}
	return fixed, "repaired in " + b.repaired + " without a change of the upstream version"
}

// withoutEpoch cuts the epoch: tables and tools disagree on naming it, and no
// distribution changed OpenSSL's in these years.
func withoutEpoch(version string) string {
	if _, after, found := strings.Cut(version, ":"); found {
		return after
	}
	return version
}

// withoutRebuild cuts the mark with which Raspbian rebuilt Debian's package: in
// 1.0.1e-2+rvt+deb7u4 it would sort after every revision of Debian's.
func withoutRebuild(version string) string {
	return strings.Replace(version, "+rvt", "", 1)
}

// comparePort orders versions with a build number behind "_" or "-r", as
// FreeBSD's ports and Alpine write them.
func comparePort(a, b string) int {
	upstreamA, buildA := splitPort(a)
	upstreamB, buildB := splitPort(b)
	if c := compareDpkgPart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return compareNumbers(buildA, buildB)
}

func splitPort(version string) (upstream, build string) {
	version, _, _ = strings.Cut(version, ",")
	for _, mark := range []string{"-r", "_"} {
		if before, after, found := strings.Cut(version, mark); found {
			digits, _ := takeDigits(after)
			return before, digits
		}
	}
	return version, ""
}
