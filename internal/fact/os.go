package fact

import (
	"regexp"
	"strings"
)

// OS is the operating system by name and version.
type OS struct {
	ID      string `json:"id"`      // as os-release spells it: debian, ubuntu, rhel, centos, alpine, freebsd, sles …
	Name    string `json:"name"`    // for people: "Debian GNU/Linux", "Red Hat Enterprise Linux AS"
	Version string `json:"version"` // "12", "6.0.10", "4", "22.04", "13.2"; as exact as the host tells
	Text    string `json:"text"`    // the raw line it was read from
}

func osFact() Fact {
	return define("os", "operating system", Probe{
		Files: []string{
			"/etc/*-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/issue",
		},
		Elsewhere: `if has freebsd-version; then say "FreeBSD $(freebsd-version)"; else uname -sr; fi`,
	}, func(s *Set) *Observed[OS] { return &s.OS }, parseOS)
}

// parseOS tries the sources from the most to the least exact.
func parseOS(r Raw) Observed[OS] {
	if text, path := r.Text("/etc/os-release", "/usr/lib/os-release"); text != "" {
		if os, ok := osRelease(r, keyValues(text, "=")); ok {
			return found(os, path)
		}
	}
	for _, path := range []string{"/etc/redhat-release", "/etc/system-release"} {
		if os, ok := redHatRelease(r.line(path)); ok {
			return found(os, path)
		}
	}
	if os, ok := suseRelease(r); ok {
		return found(os, "/etc/SuSE-release")
	}
	if v := r.line("/etc/alpine-release"); v != "" {
		return found(OS{ID: "alpine", Name: "Alpine Linux", Version: v, Text: v}, "/etc/alpine-release")
	}
	if text, path := r.Text("/etc/lsb-release"); strings.Contains(text, "DISTRIB_RELEASE=") {
		kv := keyValues(text, "=")
		return found(OS{
			ID: strings.ToLower(kv["DISTRIB_ID"]), Name: kv["DISTRIB_ID"], Version: kv["DISTRIB_RELEASE"], Text: kv["DISTRIB_DESCRIPTION"],
		}, path)
	}
	if v := r.line("/etc/debian_version"); v != "" {
		return found(OS{ID: "debian", Name: "Debian GNU/Linux", Version: v, Text: v}, "/etc/debian_version")
	}
	if os, ok := issue(r.Files["/etc/issue"].Content); ok {
		return partly(os, "/etc/issue", "only the login banner tells")
	}
	return osFromKernel(r)
}

func osRelease(r Raw, kv map[string]string) (OS, bool) {
	os := OS{ID: strings.ToLower(kv["ID"]), Name: kv["NAME"], Version: kv["VERSION_ID"], Text: kv["PRETTY_NAME"]}
	if os.ID == "" {
		return OS{}, false
	}
	if os.Text == "" {
		os.Text = strings.TrimSpace(os.Name + " " + os.Version)
	}
	exact := r.line("/etc/debian_version")
	if os.ID == "debian" && exact != "" && exact[0] >= '0' && exact[0] <= '9' {
		os.Version = exact // os-release knows no point release
	}
	for _, path := range []string{"/etc/centos-release", "/etc/oracle-release", "/etc/redhat-release"} {
		more, ok := redHatRelease(r.line(path))
		if ok && more.ID == os.ID && strings.HasPrefix(more.Version, os.Version+".") {
			os.Version, os.Text = more.Version, more.Text
		}
	}
	return os, true
}

// releaseLine reads "NAME release VERSION (CODENAME)", as Red Hat's family has
// written it since 1997.
var releaseLine = regexp.MustCompile(`^(.+?) release ([0-9][0-9A-Za-z.]*)`)

// suseLine reads "SUSE Linux Enterprise Server 11 (x86_64)".
var suseLine = regexp.MustCompile(`^((?:open)?SUSE.*?) ([0-9][0-9.]*)`)

var redHatIDs = []struct{ name, id string }{
	{"CentOS", "centos"},
	{"Red Hat Enterprise Linux", "rhel"},
	{"Red Hat Linux", "redhat"},
	{"Fedora", "fedora"},
	{"Oracle Linux", "ol"},
	{"Enterprise Linux Enterprise Linux", "ol"},
	{"Scientific Linux", "scientific"},
	{"Rocky Linux", "rocky"},
	{"AlmaLinux", "almalinux"},
	{"Amazon Linux", "amzn"},
	{"SUSE Linux Enterprise", "sles"},
	{"openSUSE", "opensuse"},
	{"SUSE", "suse"},
}

// updateLevel is how Red Hat counted point releases up to version 4.
var updateLevel = regexp.MustCompile(`Update ([0-9]+)`)

func redHatRelease(line string) (OS, bool) {
	m := releaseLine.FindStringSubmatch(line)
	if m == nil {
		m = suseLine.FindStringSubmatch(line)
	}
	if m == nil {
		return OS{}, false
	}
	os := OS{ID: "linux", Name: m[1], Version: m[2], Text: line}
	if u := updateLevel.FindStringSubmatch(line); u != nil && !strings.Contains(os.Version, ".") {
		os.Version += "." + u[1]
	}
	for _, known := range redHatIDs {
		if strings.HasPrefix(os.Name, known.name) {
			os.ID = known.id
			break
		}
	}
	return os, true
}

// suseRelease adds the service pack, which SUSE wrote on a line of its own.
func suseRelease(r Raw) (OS, bool) {
	const path = "/etc/SuSE-release"
	os, ok := redHatRelease(r.line(path))
	pack := keyValues(r.Files[path].Content, "=")["PATCHLEVEL"]
	if ok && pack != "" && pack != "0" && !strings.Contains(os.Version, ".") {
		os.Version += "." + pack
	}
	return os, ok
}

var issueLine = regexp.MustCompile(`(?i)^(debian|ubuntu|red hat|centos|suse|opensuse|alpine|gentoo|slackware)[A-Za-z/ ]*?([0-9][0-9.]*)`)

// issue reads the banner before the login prompt, for what has nothing better.
func issue(text string) (OS, bool) {
	for line := range strings.Lines(text) {
		line = clean(line)
		if os, ok := redHatRelease(line); ok {
			return os, true
		}
		if m := issueLine.FindStringSubmatch(line); m != nil {
			return OS{ID: strings.ToLower(strings.Fields(m[1])[0]), Name: m[1], Version: m[2], Text: line}, true
		}
	}
	return OS{}, false
}

// osFromKernel serves systems without any of the files.
func osFromKernel(r Raw) Observed[OS] {
	text := clean(r.Out)
	name, version, ok := strings.Cut(text, " ")
	if !ok {
		return unknown[OS]("no file names the system, and uname says nothing")
	}
	os := OS{ID: strings.ToLower(name), Name: name, Version: version, Text: text}
	if os.ID == "freebsd" {
		os.Version, _, _ = strings.Cut(version, "-")
		return found(os, "freebsd-version")
	}
	return partly(os, "uname", "only the kernel's name and version are known")
}

// Kernel is what uname says.
type Kernel struct {
	Name    string `json:"name"`    // Linux, FreeBSD, SunOS
	Release string `json:"release"` // 6.1.0-18-amd64
	Version string `json:"version"` // #1 SMP …
	Arch    string `json:"arch"`    // x86_64, i686, aarch64 …
	Host    string `json:"host"`    // the host's own name for itself
}

func kernelFact() Fact {
	return define("kernel", "kernel", Probe{
		Files: []string{
			sysKernel + "ostype", sysKernel + "hostname", sysKernel + "osrelease", sysKernel + "version", sysKernel + "arch",
		},
		Script:    "[ -r " + sysKernel + "arch ] || { said; uname -snrvm; }", // as it is since 6.1
		Elsewhere: "uname -snrvm",
		Brief:     true,
	}, func(s *Set) *Observed[Kernel] { return &s.Kernel }, parseKernel)
}

// sysKernel is where Linux shows what uname says; the architecture since 6.1.
const sysKernel = "/proc/sys/kernel/"

// parseKernel reads the kernel's own files, or uname's one line: system, node,
// release, version, machine. Only the version has spaces.
func parseKernel(r Raw) Observed[Kernel] {
	if arch := r.line(sysKernel + "arch"); arch != "" {
		return found(Kernel{
			Name: r.line(sysKernel + "ostype"), Host: r.line(sysKernel + "hostname"), Release: r.line(sysKernel + "osrelease"),
			Version: r.line(sysKernel + "version"), Arch: arch,
		}, sysKernel)
	}
	f := strings.Fields(clean(r.Out))
	if len(f) < 5 {
		return unknown[Kernel]("uname says %q", clean(r.Out))
	}
	last := len(f) - 1
	return found(Kernel{Name: f[0], Host: f[1], Release: f[2], Version: strings.Join(f[3:last], " "), Arch: f[last]}, "uname")
}
