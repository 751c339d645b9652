package fact

import (
	"slices"
	"strings"
	"time"
)

func packagesFact() Fact {
	return define("packages", "packages of interest", Probe{Script: packagesScript, Timeout: 30 * time.Second},
		func(s *Set) *Observed[[]Package] { return &s.Packages }, parsePackages)
}

// packagesScript asks the package manager once, for what outages are made of.
const packagesScript = `if [ -r /var/lib/dpkg/status ] && has dpkg-query; then echo "#dpkg"
dpkg-query -W -f='${Package} ${Version} ${Architecture} ${Status}\n' openssl 'libssl*' 'libgnutls*' openssh-server haproxy nginx nginx-core 'nginx-*' apache2 \
'mysql-server*' 'mariadb-server*' 'percona-server-server*' 'postgresql-[0-9]*' redis-server valkey-server memcached 'mongodb*' 'mongodb-org-server' \
elasticsearch opensearch rabbitmq-server 'php[0-9]*-fpm' 'php[0-9]*-cli' 'php[0-9]' 'openjdk-*-jre-headless' default-jre-headless nodejs docker.io docker-ce \
containerd containerd.io podman keepalived varnish 'tomcat[0-9]*' jenkins samba bind9 postfix exim4-daemon-light sudo bash libc6 systemd 'linux-image-[0-9]*' \
monit nagios-nrpe-server zabbix-agent zabbix-agent2 prometheus-node-exporter telegraf collectd munin-node sssd winbind
elif has rpm; then echo "#rpm"
rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH} installed\n' openssl openssl-libs openssl098e gnutls openssh-server haproxy nginx httpd mysql-server \
mysql-community-server mariadb-server MariaDB-server percona-server-server Percona-Server-server-55 postgresql-server postgresql redis valkey memcached \
mongodb-server mongodb-org-server elasticsearch rabbitmq-server php php-fpm php-common java-1.6.0-openjdk java-1.7.0-openjdk java-1.8.0-openjdk \
java-1.8.0-openjdk-headless java-11-openjdk-headless java-17-openjdk-headless java-21-openjdk-headless nodejs docker docker-ce containerd.io podman \
keepalived varnish tomcat tomcat5 tomcat6 jenkins samba bind postfix sendmail exim sudo bash glibc systemd kernel kernel-smp kernel-core kernel-default \
monit nrpe zabbix-agent node_exporter telegraf collectd munin-node sssd samba-winbind xz-libs
elif [ -r /lib/apk/db/installed ]; then echo "#apk"
awk -F: '$1=="P"{p=$2} $1=="V"{v=$2} $1=="A"{a=$2} $0==""{print p, v, a, "installed"}' /lib/apk/db/installed
elif has pkg; then echo "#pkg"; pkg query '%n %v %q installed'
fi
:`

// interesting are the packages kept of managers that list them all.
var interesting = []string{
	"openssl", "libssl", "gnutls", "openssh", "haproxy", "nginx", "apache", "mysql", "mariadb", "postgresql", "redis", "valkey", "memcached", "mongodb",
	"elasticsearch", "rabbitmq", "php", "openjdk", "nodejs", "docker", "containerd", "podman", "keepalived", "varnish", "tomcat", "jenkins", "samba",
	"bind", "postfix", "exim", "sudo", "bash", "musl", "busybox", "alpine-base", "linux-", "monit", "nrpe", "zabbix", "node_exporter", "telegraf",
}

func parsePackages(r Raw) Observed[[]Package] {
	header, body, _ := strings.Cut(r.Out, "\n")
	manager, ok := strings.CutPrefix(header, "#")
	if !ok {
		return unknown[[]Package]("no package manager we know is here")
	}
	manager = clean(manager)
	list := []Package{}
	for line := range strings.Lines(body) {
		f := strings.Fields(clean(line))
		if len(f) < 4 || f[len(f)-1] != "installed" || len(list) >= maxItems { // "package x is not installed" is rpm's no
			continue
		}
		if f[0] == "package" && f[2] == "is" {
			continue
		}
		p := Package{Name: f[0], Version: f[1], Arch: f[2], Manager: manager}
		if manager == "dpkg" || manager == "rpm" || slices.ContainsFunc(interesting, func(s string) bool { return strings.HasPrefix(p.Name, s) }) {
			list = append(list, p)
		}
	}
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
