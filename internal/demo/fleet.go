package demo

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/ssh"
)

// The systems of the story, as they were installed and never touched again.
var (
	redHat4 = profile{
		files:  map[string]string{"/etc/redhat-release": "Red Hat Enterprise Linux AS release 4 (Nahant Update 8)\n", "/etc/issue": "Red Hat Enterprise Linux AS release 4 (Nahant Update 8)\nKernel \\r on an \\m\n"},
		kernel: "2.6.9-89.ELsmp", version: "#1 SMP Mon Apr 20 10:34:33 EDT 2009", arch: "i686",
		greeting: "SSH-2.0-OpenSSH_3.9p1", hostKey: ssh.KeyAlgoRSA, old: true, manager: "rpm",
	}
	debian6 = profile{
		files:  map[string]string{"/etc/debian_version": "6.0.10\n", "/etc/issue": "Debian GNU/Linux 6.0 \\n \\l\n"},
		kernel: "2.6.32-5-amd64", version: "#1 SMP Tue May 13 16:34:35 UTC 2014", arch: "x86_64",
		greeting: "SSH-2.0-OpenSSH_5.5p1 Debian-6+squeeze5", hostKey: ssh.KeyAlgoRSA, old: true, manager: "dpkg",
	}
	debian7 = profile{
		files:  map[string]string{"/etc/os-release": "PRETTY_NAME=\"Debian GNU/Linux 7 (wheezy)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"7\"\nID=debian\n", "/etc/debian_version": "7.4\n"},
		kernel: "3.2.0-4-amd64", version: "#1 SMP Debian 3.2.54-2", arch: "amd64",
		greeting: "SSH-2.0-OpenSSH_6.0p1 Debian-4", manager: "dpkg", ss: true,
	}
	centOS6 = profile{
		files:  map[string]string{"/etc/redhat-release": "CentOS release 6.10 (Final)\n", "/etc/centos-release": "CentOS release 6.10 (Final)\n"},
		kernel: "2.6.32-754.el6.x86_64", version: "#1 SMP Tue Jun 19 21:26:04 UTC 2018", arch: "x86_64",
		greeting: "SSH-2.0-OpenSSH_5.3", hostKey: ssh.KeyAlgoRSA, manager: "rpm", ss: true,
	}
	ubuntu16 = ubuntu("16.04", "16.04.7 LTS (Xenial Xerus)", "4.4.0-210-generic", "SSH-2.0-OpenSSH_7.2p2 Ubuntu-4ubuntu2.10")
	ubuntu18 = ubuntu("18.04", "18.04.6 LTS (Bionic Beaver)", "4.15.0-213-generic", "SSH-2.0-OpenSSH_7.6p1 Ubuntu-4ubuntu0.7")
	debian11 = debian("11", "11.9", "bullseye", "5.10.0-28-amd64", "SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3")
	debian12 = debian("12", "12.5", "bookworm", "6.1.0-18-amd64", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2")
)

func ubuntu(id, long, kernel, greeting string) profile {
	return profile{
		files:  map[string]string{"/etc/os-release": fmt.Sprintf("NAME=\"Ubuntu\"\nVERSION=\"%s\"\nID=ubuntu\nPRETTY_NAME=\"Ubuntu %s\"\nVERSION_ID=\"%s\"\n", long, long[:11], id)},
		kernel: kernel, version: "#1-Ubuntu SMP", arch: "amd64", greeting: greeting, manager: "dpkg", systemd: true, ss: true,
	}
}

func debian(id, exact, name, kernel, greeting string) profile {
	return profile{
		files: map[string]string{
			"/etc/os-release":     fmt.Sprintf("PRETTY_NAME=\"Debian GNU/Linux %s (%s)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"%s\"\nID=debian\n", id, name, id),
			"/etc/debian_version": exact + "\n",
		},
		kernel: kernel, version: "#1 SMP PREEMPT_DYNAMIC Debian", arch: "amd64", greeting: greeting, manager: "dpkg", systemd: true, ss: true,
	}
}

// Fleet is the platform whose checkout is down: a pair of balancers, three
// backends, three frontends, a pair of Redis, a pair of MySQL, a Jenkins, two
// museum pieces in the same cluster, and one host that hangs.
func Fleet(now time.Time) ([]Machine, error) {
	expired, err := certificate("shop.corp.example", now.AddDate(-1, 0, -3), now.AddDate(0, 0, -3))
	if err != nil {
		return nil, err
	}
	var machines []Machine
	listening := map[string]bool{}
	for _, list := range [][]spec{balancers(), backends(), frontends(expired), caches(), databases(), others()} {
		for _, s := range list {
			m := s.machine(now)
			m.Listening = listening
			for _, l := range s.listeners {
				listening[fmt.Sprintf("%s:%d", s.address, l.port)] = true
			}
			machines = append(machines, m)
		}
	}
	return machines, nil
}

// Crowd is n frontends more, for when numbers matter. Of them hang are spread
// among the others and hang, each at another stage than the one before.
func Crowd(n, hang int, now time.Time) []Machine {
	machines := make([]Machine, n)
	hung := 0
	for i := range machines {
		s := frontends("")[0]
		s.name, s.address = fmt.Sprintf("app%04d", i+1), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)
		if (i+1)*hang/n > hung {
			s.hangs = Stages[hung%len(Stages)]
			hung++
		}
		machines[i] = s.machine(now)
	}
	return machines
}

const day = 24 * time.Hour

// haproxyConfig asks no server whether it works.
const haproxyConfig = `global
    daemon
defaults
    mode http
    timeout connect 5s
listen shop
    bind :80
    server be1 10.0.11.1:8080
    server be2 10.0.11.2:8080
    server be3 10.0.11.3:8080
listen front
    bind :443 ssl crt /etc/haproxy/shop.pem
    server fe1 10.0.10.1:80 check
    server fe2 10.0.10.2:80 check
    server fe3 10.0.10.3:80 check
`

func balancers() []spec {
	var pair []spec
	for n, name := range []string{"lb1", "lb2"} {
		s := spec{
			name: name, address: fmt.Sprintf("10.0.0.%d", n+1), profile: debian7, cpus: 2, memoryMB: 2048, load: 0.4, uptime: 812 * day,
			listeners: []listener{
				{port: 80, process: "haproxy", pid: 1411, command: "/usr/sbin/haproxy -f /etc/haproxy/haproxy.cfg -D", user: "haproxy", rssMB: 38},
				{port: 443, process: "haproxy", pid: 1411, command: "/usr/sbin/haproxy -f /etc/haproxy/haproxy.cfg -D", user: "haproxy", rssMB: 38},
			},
			services:  []string{"/etc/rc3.d/S20haproxy", "/etc/rc3.d/S20keepalived"},
			packages:  []string{"haproxy 1.4.25-1~bpo7+1", "keepalived 1:1.2.2-3", "openssl 1.0.1e-2+deb7u4", "libssl1.0.0 1.0.1e-2+deb7u4", "openssh-server 1:6.0p1-4", "bash 4.2+dfsg-0.1"},
			daemons:   []string{"/usr/sbin/keepalived"},
			files:     map[string]string{"/etc/haproxy/haproxy.cfg": haproxyConfig},
			libraries: []string{"1411 /usr/lib/x86_64-linux-gnu/libssl.so.1.0.0", "1411 /usr/lib/x86_64-linux-gnu/libcrypto.so.1.0.0"},
		}
		if n == 0 {
			s.virtual = "10.0.0.100"
			s.connections = append(s.connections, `tcp ESTAB 0 0 10.0.0.100:443 203.0.113.77:52110 users:(("haproxy",pid=1411,fd=11))`)
			for each := 1; each <= 3; each++ {
				s.connections = append(s.connections,
					fmt.Sprintf(`tcp ESTAB 0 0 10.0.0.1:%d 10.0.11.%d:8080 users:(("haproxy",pid=1411,fd=%d))`, 40100+each, each, 20+each),
					fmt.Sprintf(`tcp ESTAB 0 0 10.0.0.1:%d 10.0.10.%d:80 users:(("haproxy",pid=1411,fd=%d))`, 40200+each, each, 30+each))
			}
		}
		pair = append(pair, s)
	}
	return pair
}

func backends() []spec {
	const command = "/usr/bin/java -Xmx3g -Dspring.profiles.active=prod -jar /opt/shop/backend.jar --spring.datasource.password=not-shown-to-anybody"
	var three []spec
	for n := 1; n <= 3; n++ {
		state := "ESTAB"
		if n == 2 { // somebody's firewall
			state = "SYN-SENT"
		}
		s := spec{
			name: fmt.Sprintf("be%d", n), address: fmt.Sprintf("10.0.11.%d", n), profile: debian11, cpus: 4, memoryMB: 8192, load: 1.2, uptime: 41 * day,
			listeners: []listener{{port: 8080, process: "java", pid: 2210, command: command, user: "shop", rssMB: 3400}},
			connections: []string{
				fmt.Sprintf(`tcp ESTAB 0 0 10.0.11.%d:8080 10.0.0.1:%d users:(("java",pid=2210,fd=71))`, n, 40100+n),
				fmt.Sprintf(`tcp %s 0 0 10.0.11.%d:51001 10.0.13.1:3306 users:(("java",pid=2210,fd=81))`, state, n),
				fmt.Sprintf(`tcp ESTAB 0 0 10.0.11.%d:51101 10.0.12.1:6379 users:(("java",pid=2210,fd=91))`, n),
			},
			services: []string{"shop-backend.service loaded active running Shop backend"},
			packages: []string{"openjdk-11-jre-headless 11.0.22+7-1~deb11u1", "openssl 1.1.1w-0+deb11u1", "libssl1.1 1.1.1w-0+deb11u1", "openssh-server 1:8.4p1-5+deb11u3"},
		}
		s.configured = "/etc/shop/backend.properties:3:spring.datasource.url=jdbc:mysql://shop:not-shown-at-all@db1:3306/shop\n" +
			"/etc/shop/backend.properties:9:spring.redis.host=redis1\n/etc/shop/backend.properties:10:spring.redis.port=6379\n"
		s.changes = []touched{{"/etc/shop/backend.properties", 26 * time.Hour}} // a release
		if n == 2 {
			s.dropped = []string{"10.0.13.1:3306"}
			s.changes = append(s.changes, touched{"/etc/iptables/rules.v4", 95 * time.Minute})
		}
		if n == 3 {
			s.skew = 4 * time.Minute
			s.services = append(s.services, "● logstash.service loaded failed failed logstash")
		}
		three = append(three, s)
	}
	return three
}

func frontends(expired string) []spec {
	var three []spec
	for n := 1; n <= 3; n++ {
		s := spec{
			name: fmt.Sprintf("fe%d", n), address: fmt.Sprintf("10.0.10.%d", n), profile: ubuntu18, cpus: 2, memoryMB: 4096, load: 0.3, uptime: 230 * day,
			listeners: []listener{{port: 80, process: "nginx", pid: 990, command: "nginx: master process /usr/sbin/nginx -g daemon on;", user: "root", rssMB: 12}},
			services:  []string{"nginx.service loaded active running A high performance web server"},
			packages:  []string{"nginx 1.14.0-0ubuntu1.11", "openssl 1.1.1-1ubuntu2.1~18.04.23", "libssl1.1 1.1.1-1ubuntu2.1~18.04.23", "openssh-server 1:7.6p1-4ubuntu0.7"},
		}
		if n == 3 {
			s.certs = "file /etc/nginx/ssl/shop.crt\n" + expired
		}
		three = append(three, s)
	}
	return three
}

func caches() []spec {
	const command = "/usr/bin/redis-server 0.0.0.0:6379"
	redis := []listener{{port: 6379, process: "redis-server", pid: 733, command: command, user: "redis", rssMB: 900}}
	packages := []string{"redis-server 5:7.0.15-1~deb12u1", "openssl 3.0.11-1~deb12u2", "libssl3 3.0.11-1~deb12u2", "openssh-server 1:9.2p1-2+deb12u2"}
	services := []string{"redis-server.service loaded active running Advanced key-value store"}
	const config = "/etc/redis/redis.conf:87:bind * -::*\n/etc/redis/redis.conf:111:protected-mode no\n/etc/redis/redis.conf:138:port 6379\n"
	one := spec{name: "redis1", redis: config, address: "10.0.12.1", profile: debian12, cpus: 2, memoryMB: 4096, load: 0.2, uptime: 97 * day, listeners: redis, services: services, packages: packages}
	two := one
	two.name, two.address = "redis2", "10.0.12.2"
	two.configured = "/etc/redis/redis.conf:536:replicaof 10.0.12.1 6379\n"
	two.connections = []string{`tcp ESTAB 0 0 10.0.12.2:40412 10.0.12.1:6379 users:(("redis-server",pid=733,fd=9))`}
	return []spec{one, two}
}

func databases() []spec {
	const command = "/usr/sbin/mysqld --basedir=/usr --datadir=/var/lib/mysql --user=mysql"
	one := spec{
		name: "db1", address: "10.0.13.1", profile: centOS6, cpus: 8, memoryMB: 65536, load: 38.2, swapUsedMB: 4000, uptime: 611 * day,
		vendor: "Dell Inc.", model: "PowerEdge R730",
		mounts:    []mount{{"/var/lib/mysql", "/dev/mapper/data-mysql", "ext4", 2048, 100, false}},
		listeners: []listener{{port: 3306, process: "mysqld", pid: 3120, command: command, user: "mysql", rssMB: 51200}},
		connections: []string{
			`tcp ESTAB 0 0 10.0.13.1:3306 10.0.11.1:51001 users:(("mysqld",3120,44))`,
			`tcp ESTAB 0 0 10.0.13.1:3306 10.0.11.3:51001 users:(("mysqld",3120,46))`,
		},
		services: []string{"/etc/rc3.d/S64mysql"},
		packages: []string{"mysql-community-server 5.5.62-2.el6", "openssl 1.0.1e-57.el6", "openssh-server 5.3p1-123.el6_9"},
		cron:     "0 3 * * * root /usr/local/bin/dump.sh --password=not-shown-either\n",
	}
	two := one
	two.name, two.address, two.load, two.swapUsedMB, two.connections = "db2", "10.0.13.2", 2.1, 20, nil
	two.mounts = []mount{{"/var/lib/mysql", "/dev/md0", "ext4", 2048, 97, false}}
	two.configured = "/var/lib/mysql/master.info:4:10.0.13.1\n/var/lib/mysql/master.info:7:3306\n" // and nobody copies
	two.mdstat = "Personalities : [raid1]\nmd0 : active raid1 sdc1[1] sdb1[0](F)\n      976629760 blocks [2/1] [_U]\n\nunused devices: <none>\n"
	return []spec{one, two}
}

func others() []spec {
	const jenkins = "/usr/bin/java -Djava.awt.headless=true -jar /usr/share/jenkins/jenkins.war --httpPort=8080"
	return []spec{
		{
			name: "jenkins1", address: "10.0.20.5", profile: ubuntu16, cpus: 2, memoryMB: 4096, load: 1.9, uptime: 402 * day,
			listeners: []listener{{port: 8080, process: "java", pid: 1502, command: jenkins, user: "jenkins", rssMB: 1800}},
			services:  []string{"jenkins.service loaded active running LSB: Start Jenkins at boot time"},
			packages:  []string{"jenkins 2.60.3", "openjdk-8-jre-headless 8u292-b10-0ubuntu1~16.04.1", "openssl 1.0.2g-1ubuntu4.20", "openssh-server 1:7.2p2-4ubuntu2.10"},
		},
		{
			name: "old1", address: "10.0.14.1", profile: redHat4, cpus: 1, memoryMB: 1024, load: 0.7, uptime: 2011 * day,
			listeners: []listener{{port: 9001, process: "billing", pid: 611, command: "/opt/billing/bin/billing", user: "billing", rssMB: 90}},
			packages:  []string{"openssl 0.9.7a-43.17.el4_8.6", "openssh-server 3.9p1-11.el4_7", "bash 3.0-27.el4"},
		},
		{
			name: "old2", address: "10.0.14.2", profile: debian6, cpus: 1, memoryMB: 1024, load: 0.5, uptime: 1402 * day,
			listeners: []listener{{port: 9001, process: "billing", pid: 702, command: "/opt/billing/bin/billing", user: "billing", rssMB: 95}},
			packages:  []string{"openssl 0.9.8o-4squeeze14", "libssl0.9.8 0.9.8o-4squeeze14", "openssh-server 1:5.5p1-6+squeeze5", "bash 4.1-3"},
		},
		{name: "nfs1", address: "10.0.15.1", profile: debian11, cpus: 2, memoryMB: 4096, uptime: 300 * day, hangs: StageConnect},
	}
}

// certificate makes one that a browser would have accepted in its time.
func certificate(name string, from, to time.Time) (string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return "", fmt.Errorf("demo certificate: %w", err)
	}
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		return "", err
	}
	return b.String(), nil
}
