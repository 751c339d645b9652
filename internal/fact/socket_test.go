package fact

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// told writes sockets as lines a person can compare.
func told(s Sockets) []string {
	var lines []string
	for _, l := range s.Listeners {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s all=%t local=%t %d/%d %s %d %s", l.Key(), l.All, l.Local, l.Backlog, l.Limit, l.Process, l.PID, l.User)))
	}
	for _, c := range s.Connections {
		lines = append(lines, fmt.Sprintf("%s x%d in=%t %s %d", c.Key(), c.Count, c.Inbound, c.Process, c.PID))
	}
	return lines
}

func TestSockets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source string
		state        State
		want         []string
	}{
		{"debian12-ss", "ss", OK, []string{
			"udp 127.0.0.53:53 all=false local=true 0/0 systemd-resolve 400",
			"tcp 0.0.0.0:80 all=true local=false 0/511 nginx 701",
			"udp [fe80::fc:ff:fe00:1]:546 all=false local=false 0/0 systemd-network 380",
			"tcp [::1]:6379 all=false local=true 101/100 redis-server 800",
			"tcp [::]:8080 all=true local=false 0/511 java 900",
			"established 10.0.0.1:80 10.0.0.9:0 x2 in=true nginx 702",
			"syn-sent 10.0.0.1:0 10.0.13.1:3306 x1 in=false java 900",
			"time-wait 10.0.0.1:0 10.0.13.1:3306 x1 in=false  0",
		}},
		{"centos6-ss", "ss", OK, []string{
			"tcp 0.0.0.0:22 all=true local=false 0/128 sshd 1234",
			"tcp [::]:22 all=true local=false 0/128 sshd 1234",
			"udp 0.0.0.0:68 all=true local=false 0/0 dhclient 1001",
			"tcp 127.0.0.1:3306 all=false local=true 3/50 mysqld 1500",
			"established 10.0.13.1:22 10.0.0.7:0 x1 in=true sshd 2000",
		}},
		{"rhel4-netstat", "netstat", OK, []string{
			"tcp [::]:22 all=true local=false 0/0 sshd 1987",
			"udp 0.0.0.0:111 all=true local=false 0/0 portmap 1600",
			"tcp 0.0.0.0:3306 all=true local=false 0/0 mysqld 2345",
			"established 10.0.14.1:22 10.0.0.7:0 x1 in=true sshd 4567",
		}},
		{"busybox-netstat", "netstat", Partial, []string{
			"udp [::]:123 all=true local=false 0/0  0",
			"tcp 0.0.0.0:6379 all=true local=false 0/0  0",
		}},
		{"freebsd13-sockstat", "sockstat", OK, []string{
			"tcp [::]:22 all=true local=false 0/0 sshd 700 root",
			"tcp 0.0.0.0:80 all=true local=false 0/0 nginx 812 www",
			"udp 0.0.0.0:514 all=true local=false 0/0 syslogd 600 root",
			"established 10.0.0.5:22 10.0.0.7:0 x1 in=true sshd 990",
		}},
		{"museum-proc", "/proc/net", OK, []string{
			"tcp [::]:22 all=true local=false 0/0 sshd 1987",
			"udp 0.0.0.0:111 all=true local=false 0/0  0",
			"tcp 127.0.0.1:3306 all=false local=true 2/0 mysqld 2345",
			"established 10.0.14.1:22 10.0.0.7:0 x2 in=true  0",
		}},
	} {
		out := recorded(t, "sockets/"+c.name)
		set := observe(socketsFact(), Raw{Out: out, Root: true})
		got := set.Sockets
		if lines := told(got.Value); got.State != c.state || got.Source != c.source || !slices.Equal(lines, c.want) {
			t.Errorf("%s: %s from %s (%s)\n got %s\nwant %s", c.name, got.State, got.Source, got.Reason, strings.Join(lines, "\n     "), strings.Join(c.want, "\n     "))
		}
		if got.Value.Named != (c.state == OK) {
			t.Errorf("%s: named is %t", c.name, got.Value.Named)
		}
		user := observe(socketsFact(), Raw{Out: out}).Sockets
		if user.State != Partial || user.Value.Named {
			t.Errorf("%s: without root: %s, named %t", c.name, user.State, user.Value.Named)
		}
	}
}

// A client's port may be one that something listens on at another address.
func TestAcceptedByAddress(t *testing.T) {
	t.Parallel()
	const table = `#ss
tcp LISTEN 0 128 127.0.0.1:40000 0.0.0.0:*
tcp LISTEN 0 128 *:80 *:*
tcp LISTEN 0 128 [::]:443 [::]:*
tcp ESTAB 0 0 10.0.0.1:40000 10.0.1.1:3306
tcp ESTAB 0 0 127.0.0.1:40000 127.0.0.1:51000
tcp ESTAB 0 0 10.0.0.1:80 10.0.0.9:51000
tcp ESTAB 0 0 [::ffff:10.0.0.1]:443 [::ffff:10.0.0.9]:51000
`
	want := []string{
		"established 10.0.0.1:0 10.0.1.1:3306 x1 in=false  0",
		"established 10.0.0.1:443 10.0.0.9:0 x1 in=true  0",
		"established 10.0.0.1:80 10.0.0.9:0 x1 in=true  0",
		"established 127.0.0.1:40000 127.0.0.1:0 x1 in=true  0",
	}
	got := told(observe(socketsFact(), Raw{Out: table, Root: true}).Sockets.Value)
	if got = got[len(got)-len(want):]; !slices.Equal(got, want) {
		t.Errorf("got %s", strings.Join(got, "\n    "))
	}
}

func TestSocketsThatNobodyTells(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"", "#ss\n#failed\n", "ss: command not found\n"} {
		if got := observe(socketsFact(), Raw{Out: out, Root: true}).Sockets; got.State != Unknown || got.Reason == "" {
			t.Errorf("%q: %+v", out, got)
		}
	}
}

func FuzzSockets(f *testing.F) { fuzzOut(f, socketsFact()) }
