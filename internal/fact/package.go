package fact

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Package is an installed one of interest.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"` // exact, with the distribution's revision
	Arch    string `json:"arch"`
	Manager string `json:"manager"` // dpkg, rpm, apk, pkg
}

// Key names the item in its list.
func (p Package) Key() string { return p.Name }

func packagesFact() Fact {
	return define("packages", "packages of interest", Probe{Dpkg: packagesOfDpkg, Script: packagesScript, Timeout: 30 * time.Second},
		func(s *Set) *Observed[[]Package] { return &s.Packages }, parsePackages)
}

// interesting is what outages are made of: the beginnings of packages' names, and
// whole ones with a $ behind them.
var interesting = []string{
	"openssl", "libssl", "libgnutls", "openssh-server", "haproxy", "nginx", "apache2$", "httpd", "mysql-",
	"mariadb-", "percona-", "postgresql", "redis", "valkey", "memcached", "mongodb", "elasticsearch",
	"opensearch", "rabbitmq", "php", "openjdk", "default-jre", "nodejs", "docker", "containerd", "podman",
	"keepalived", "varnish", "tomcat", "jenkins", "samba$", "bind$", "bind9$", "postfix$", "exim", "sudo$",
	"bash$", "libc6$", "musl$", "busybox", "systemd$", "linux-image", "linux-lts", "monit$", "nagios", "nrpe",
	"zabbix", "prometheus-", "telegraf", "collectd", "munin", "sssd$", "winbind$",
}

var (
	interestingPattern = "(" + strings.Join(interesting, "|") + ")" // for awk and Go
	interestingName    = regexp.MustCompile("^" + interestingPattern)
)

// packagesOfDpkg finds the stanzas' first lines in dpkg's own file by words, not
// patterns. Choosing among the lines behind them there too costs the host three
// times as much, awk two and a half times, dpkg-query ten times. dpkg writes at most
// twelve lines between a package's name and its version.
var packagesOfDpkg = `echo "#dpkg"
grep -F -A13 '` + firstLines(interesting) + `' /var/lib/dpkg/status`

// firstLines are the beginnings of those stanzas' first lines.
func firstLines(names []string) string {
	lines := make([]string, len(names))
	for i, n := range names {
		lines[i] = "Package: " + strings.TrimSuffix(n, "$")
	}
	return strings.Join(lines, "\n")
}

// packagesScript asks any other package manager, once.
var packagesScript = `n='` + interestingPattern + `'
if has rpm; then echo "#rpm"
rpm -q --nosignature --nodigest --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH} installed\n' openssl openssl-libs openssl098e libopenssl0_9_8 libopenssl1_0_0 libopenssl1_1 libopenssl3 gnutls openssh-server haproxy nginx httpd apache2 mysql mariadb mysql-server \
mysql-community-server mariadb-server MariaDB-server percona-server-server postgresql-server redis valkey memcached mongodb-server mongodb-org-server \
elasticsearch rabbitmq-server php php-fpm java-1.6.0-openjdk java-1.7.0-openjdk java-1.8.0-openjdk-headless java-11-openjdk-headless \
java-17-openjdk-headless java-21-openjdk-headless nodejs docker docker-ce containerd.io podman keepalived varnish tomcat tomcat5 tomcat6 jenkins samba \
bind postfix sendmail exim sudo bash glibc systemd kernel kernel-smp kernel-core kernel-default monit nrpe zabbix-agent node_exporter telegraf collectd sssd
elif [ -r /lib/apk/db/installed ]; then echo "#apk"
awk -F: '$1=="P"{p=$2} $1=="V"{v=$2} $1=="A"{a=$2} $0==""&&p~n{print p,v,a,"installed"}' n="^$n" /lib/apk/db/installed
elif has pkg; then echo "#pkg"; pkg query '%n %v %q installed'
fi
:`

func parsePackages(r Raw) Observed[[]Package] {
	header, body, _ := strings.Cut(r.Out, "\n")
	manager, ok := strings.CutPrefix(header, "#")
	if !ok {
		return unknown[[]Package]("no package manager we know is here")
	}
	manager = clean(manager)
	read := packageLines
	if manager == "dpkg" {
		read = packageStanzas
	}
	list := read(manager, body)
	slices.SortFunc(list, func(a, b Package) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Version+a.Arch, b.Version+b.Arch)
	})
	list = slices.Compact(list)
	if len(list) == 0 {
		return unknown[[]Package]("%s names no package", manager)
	}
	return found(list, manager)
}

// packageLines reads name, version, architecture and state, a line each.
func packageLines(manager, text string) []Package {
	list := []Package{}
	for line := range strings.Lines(text) {
		f := strings.Fields(clean(line))
		if len(f) < 4 || f[len(f)-1] != "installed" || len(list) >= maxItems {
			continue
		}
		if f[0] == "package" && f[2] == "is" { // rpm's "package x is not installed"
			continue
		}
		list = append(list, Package{Name: f[0], Version: f[1], Arch: f[2], Manager: manager})
	}
	return list
}

// packageStanzas reads lines of dpkg's status file. In a stanza the package is
// named first and its version comes last; of packages that nobody asked for there
// may be the beginning.
func packageStanzas(manager, text string) []Package {
	list := []Package{}
	var p Package
	installed := false
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "Package":
			p, installed = Package{Name: clean(value), Manager: manager}, false
		case "Status":
			installed = strings.HasSuffix(clean(value), " installed")
		case "Architecture":
			p.Arch = clean(value)
		case "Version":
			p.Version = clean(value)
			if installed && p.Arch != "" && interestingName.MatchString(p.Name) && len(list) < maxItems {
				list = append(list, p)
			}
			p = Package{}
		}
	}
	return list
}
