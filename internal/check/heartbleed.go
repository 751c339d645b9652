package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A Heartbleed is one OpenSSL on a host, judged for CVE-2014-0160: 1.0.1 to
// 1.0.1f and 1.0.2-beta1 hand out their process's memory to whoever asks.
// Distributions repaired it without changing the version, so the package's own
// revision decides; and a repaired file helps only processes started since.
type Heartbleed struct {
	Name       string   `json:"name"`    // the package, or the mapped file
	Version    string   `json:"version"` // empty for a file
	Verdict    string   `json:"verdict"` // vulnerable, fixed, unaffected, unknown
	Why        string   `json:"why"`
	Processes  []string `json:"processes"` // those that run it, where seen
	Confidence string   `json:"confidence"`
}

// Key names the item among its siblings.
func (h Heartbleed) Key() string { return h.Name }

// The verdicts.
const (
	vulnerable = "vulnerable"
	fixed      = "fixed"
	unaffected = "unaffected"
	unsure     = "unknown"
)

// opensslPackages are the names under which distributions ship the library.
var opensslPackages = []string{
	"openssl", "openssl-libs", "openssl-base", "libssl1.0.0", "libssl1.0", "libopenssl1_0_0", "libopenssl1_0_1",
	"openssl1", "openssl101", "libssl", "libssl1.1", "libssl3", "libssl3t64", "libopenssl1_1", "libopenssl3",
	"libssl0.9.8", "libopenssl0_9_8", "openssl098e",
}

// readHeartbleed judges packages and mapped files together. Packages are needed;
// without the mapped files the answer is only about what is installed.
//
// A service that was asked knows best: its answer is a verdict of its own, and
// settles what its process left open.
func readHeartbleed(s Subject) fact.Observed[[]Heartbleed] {
	out := judgeInstalled(s)
	probed := s.Host.Facts.Heartbeats
	if !probed.Known() {
		return out
	}
	for n := range out.Value {
		settle(&out.Value[n], probed.Value)
	}
	for _, p := range probed.Value {
		out.Value = append(out.Value, Heartbleed{
			Name: p.Key(), Verdict: p.Verdict, Why: p.Proof, Processes: []string{p.Process}, Confidence: string(Certain),
		})
	}
	if !out.Known() && len(probed.Value) > 0 {
		out.State, out.Reason, out.At = fact.Partial, "only the services that were asked: "+out.Reason, probed.At
	}
	return out
}

// settle decides what was open of a library, when every process that runs it
// showed itself repaired.
func settle(h *Heartbleed, probed []fact.Heartbeat) {
	if h.Verdict != unsure || len(h.Processes) == 0 {
		return
	}
	for _, process := range h.Processes {
		repaired := func(p fact.Heartbeat) bool {
			return p.Process == process && (p.Verdict == fixed || p.Verdict == unaffected)
		}
		if !slices.ContainsFunc(probed, repaired) {
			return
		}
	}
	h.Verdict, h.Why = fixed, "every process that runs it was asked and gives nothing away"
}

// judgeInstalled judges what is installed and loaded.
func judgeInstalled(s Subject) fact.Observed[[]Heartbleed] {
	facts := s.Host.Facts
	base, isBase := freeBSDBase(facts)
	out := follow(facts.Packages, func(packages []fact.Package) []Heartbleed {
		return judgePackages(packages, distroOf(facts.OS))
	})
	if !out.Known() {
		return out
	}
	if isBase {
		out.Value = append(out.Value, base)
	}
	if !facts.Libraries.Known() {
		return withoutMapped(out)
	}
	out.Value = append(out.Value, judgeMapped(facts.Libraries.Value, out.Value)...)
	return out
}

// withoutMapped is the answer when nobody could see what processes have loaded:
// a repaired package then says nothing about those that run.
func withoutMapped(out fact.Observed[[]Heartbleed]) fact.Observed[[]Heartbleed] {
	const why = "what running processes have loaded could not be seen"
	if out.State == fact.OK {
		out.State, out.Reason = fact.Partial, why
	}
	if slices.ContainsFunc(out.Value, func(h Heartbleed) bool { return h.Verdict == fixed }) {
		out.Value = append(out.Value, Heartbleed{
			Name: "running processes", Verdict: unsure, Confidence: string(Certain),
			Why: "the package is repaired, but " + why,
		})
	}
	return out
}

// judgePackages gives one verdict per package name.
func judgePackages(packages []fact.Package, distro string) []Heartbleed {
	var verdicts []Heartbleed
	for _, p := range packages {
		if !slices.Contains(opensslPackages, p.Name) {
			continue
		}
		verdict, why := judgePackage(p, distro)
		verdicts = append(verdicts, Heartbleed{
			Name: "package " + p.Name, Version: p.Version, Verdict: verdict, Why: why, Confidence: string(Certain),
		})
	}
	return verdicts
}

// judgePackage looks at the upstream version first and asks the table of
// backports only inside the affected range.
func judgePackage(p fact.Package, distro string) (verdict, why string) {
	upstream := upstreamVersion(p.Version)
	if upstream == "" {
		return unsure, "the version cannot be read"
	}
	if !inRange(upstream) {
		if upstream == "1.0.1" || strings.HasPrefix(upstream, "1.0.1") {
			return fixed, "1.0.1g and later are repaired"
		}
		return unaffected, "OpenSSL " + upstream + " never had the fault"
	}
	for _, b := range backports {
		if b.manager != p.Manager || !b.covers(distro, p.Version) || !strings.HasPrefix(upstream, "1.0.1") {
			continue
		}
		return b.judge(p.Version)
	}
	return unsure, "OpenSSL " + upstream + " is in the affected range and no repaired revision of this distribution is known"
}

// opensslVersion is an upstream version at the start of a package's: the epoch
// is cut before.
var opensslVersion = regexp.MustCompile(`^(\d+\.\d+(?:\.\d+)?)([a-z]{0,2})(?:[-~_.]?(beta\d+))?`)

// upstreamVersion returns 1.0.1e, 1.0.2-beta1, 3.0.11 …
func upstreamVersion(version string) string {
	if _, after, found := strings.Cut(version, ":"); found {
		version = after
	}
	m := opensslVersion.FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	if m[3] != "" {
		return m[1] + m[2] + "-" + m[3]
	}
	return m[1] + m[2]
}

// inRange reports whether upstream published the version with the fault.
func inRange(upstream string) bool {
	if upstream == "1.0.2-beta1" {
		return true
	}
	letter, isSeries := strings.CutPrefix(upstream, "1.0.1")
	if beta := strings.HasPrefix(letter, "-beta"); beta && isSeries {
		return true
	}
	return isSeries && (letter == "" || len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'f')
}

// distroOf names the distribution and its release, as the table does.
func distroOf(os fact.Observed[fact.OS]) string {
	if !os.Known() {
		return ""
	}
	id := strings.ToLower(os.Value.ID)
	parts := 1
	if slices.Contains([]string{"ubuntu", "alpine", "opensuse", "freebsd"}, id) {
		parts = 2
	}
	return id + " " + releaseOf(os.Value.Version, parts)
}

// systemDirs hold the files of packages; whatever lies elsewhere was put there
// by hand or by a vendor.
var systemDirs = []string{"/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/"}

// judgeMapped gives a verdict on what runs, beside what is installed.
func judgeMapped(libraries []fact.Library, packages []Heartbleed) []Heartbleed {
	var verdicts []Heartbleed
	for _, l := range libraries {
		if !isOpenSSL(l) || otherSeries(l.Path) {
			continue
		}
		verdict, why, confidence := judgeFile(l, packages)
		if verdict == "" {
			continue
		}
		verdicts = append(verdicts, Heartbleed{
			Name: l.Path, Verdict: verdict, Why: why, Processes: l.Processes, Confidence: string(confidence),
		})
	}
	return verdicts
}

// judgeFile judges one mapped file that may be of the 1.0.1 series. A file of a
// package that was not replaced has the package's verdict and none of its own.
func judgeFile(l fact.Library, packages []Heartbleed) (verdict, why string, confidence Confidence) {
	if !inSystemDir(l.Path) {
		return unsure, "it belongs to no package; check by hand which OpenSSL it is", Certain
	}
	if !l.Deleted {
		return "", "", ""
	}
	switch p := seriesPackage(packages); {
	case p.Verdict == "", p.Verdict == vulnerable, p.Verdict == unsure:
		return "", "", ""
	case inRange(upstreamVersion(p.Version)):
		return vulnerable, "the package is repaired but the running process still uses the file it replaced; it must be restarted", Probable
	default:
		return unsure, "the running process uses a file that an update replaced, of an unknown version; it must be restarted", Certain
	}
}

// seriesPackage returns the package of the 1.0.1 series, if there is one.
func seriesPackage(packages []Heartbleed) Heartbleed {
	for _, p := range packages {
		if strings.HasPrefix(upstreamVersion(p.Version), "1.0.1") {
			return p
		}
	}
	return Heartbleed{}
}

func isOpenSSL(l fact.Library) bool {
	name := path.Base(l.Path)
	return strings.HasPrefix(name, "libssl.") || strings.HasPrefix(name, "libcrypto.") ||
		strings.HasPrefix(name, "libssl-") || strings.HasPrefix(name, "libcrypto-")
}

// otherSeries reports whether the file's name says a series without the fault.
// libssl.so.1.0.0 is the name of the 1.0.1 series too, and libssl.so.10 that of
// Red Hat's.
func otherSeries(file string) bool {
	_, suffix, found := strings.Cut(path.Base(file), ".so.")
	if !found {
		return false
	}
	for _, series := range []string{"0.", "1.1", "3", "1.0.2", "6", "7", "8"} {
		if strings.HasPrefix(suffix, series) {
			return true
		}
	}
	return suffix == "4" || suffix == "5"
}

func inSystemDir(file string) bool {
	return slices.ContainsFunc(systemDirs, func(dir string) bool { return strings.HasPrefix(file, dir) })
}

var freeBSDPatch = regexp.MustCompile(`10\.0-RELEASE-p(\d+)`)

// freeBSDBase judges the OpenSSL of FreeBSD's base system, which is no package.
// Only 10.0 shipped the affected series, and its first patch level repaired it.
func freeBSDBase(facts fact.Set) (Heartbleed, bool) {
	if !facts.OS.Known() || facts.OS.Value.ID != "freebsd" {
		return Heartbleed{}, false
	}
	h := Heartbleed{Name: "base system", Version: facts.OS.Value.Version, Confidence: string(Certain)}
	said := facts.OS.Value.Version + " " + facts.OS.Value.Text + " " + facts.Kernel.Value.Release
	switch m := freeBSDPatch.FindStringSubmatch(said); {
	case releaseOf(facts.OS.Value.Version, 2) != "10.0":
		h.Verdict, h.Why = unaffected, "only FreeBSD 10.0 shipped the affected series"
	case m != nil && m[1] != "0":
		h.Verdict, h.Why = fixed, "patch level 1 and later are repaired"
	case facts.OS.Source == "freebsd-version":
		h.Verdict, h.Why = vulnerable, "patch level 1 repaired it, and freebsd-version names none"
	default:
		h.Verdict = unsure
		h.Why = fmt.Sprintf("FreeBSD %s is repaired from patch level 1 on, and the patch level of its programs is not known; ask freebsd-version -u", plain.Clip(h.Version, 40))
	}
	return h, true
}
