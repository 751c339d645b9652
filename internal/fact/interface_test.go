package fact

import (
	"fmt"
	"slices"
	"testing"
)

func describe(list []Interface) []string {
	var lines []string
	for _, i := range list {
		lines = append(lines, fmt.Sprintf("%s %s %q %d %s %q %v", i.Name, i.State, i.MAC, i.MTU, i.Kind, i.Master, i.Addresses))
	}
	return lines
}

func TestInterfaces(t *testing.T) {
	t.Parallel()
	sys := func(values map[string]string) map[string]File {
		files := map[string]File{}
		for name, value := range values {
			files[netClass+name] = File{Content: value + "\n"}
		}
		return files
	}
	for _, c := range []struct {
		name  string
		raw   Raw
		state State
		want  []string
	}{
		{"ip", Raw{Out: recorded(t, "interfaces/rhel4-ip"), Files: sys(map[string]string{
			"eth0/address": "00:0c:29:ab:cd:ef", "eth0/operstate": "up", "eth0/mtu": "1500", "eth0/device/uevent": "DRIVER=e1000",
			"lo/address": "00:00:00:00:00:00", "lo/type": "772", "sit0/address": "0.0.0.0",
		})}, OK, []string{
			`eth0 up "00:0c:29:ab:cd:ef" 1500 physical "" [10.0.14.1/24]`,
			`lo  "" 0 loopback "" [127.0.0.1/8 ::1/128]`,
			`sit0  "" 0 virtual "" []`,
			`eth0.5  "" 0 vlan "" [10.0.5.1/24]`,
		}},
		{"bond and bridge", Raw{Out: "2: bond0    inet 10.0.0.1/24 scope global bond0\n", Files: sys(map[string]string{
			"bond0/address": "02:00:00:00:00:01", "bond0/ifindex": "2", "bond0/bonding/mode": "active-backup 1", "bond0/master/ifindex": "9",
			"br0/address": "02:00:00:00:00:01", "br0/ifindex": "9", "br0/bridge/bridge_id": "8000.020000000001",
			"eth0/address": "02:00:00:00:00:01", "eth0/ifindex": "3", "eth0/device/uevent": "x", "eth0/master/ifindex": "2",
		})}, OK, []string{
			`bond0  "02:00:00:00:00:01" 0 bond "br0" [10.0.0.1/24]`,
			`br0  "02:00:00:00:00:01" 0 bridge "" []`,
			`eth0  "02:00:00:00:00:01" 0 physical "bond0" []`,
		}},
		{"old bond", Raw{Out: "2: bond0    inet 10.0.0.1/24 scope global bond0\n", Files: sys(map[string]string{
			"bond0/address": "02:00:00:00:00:01", "bond0/bonding/mode": "active-backup 1", "bond0/bonding/slaves": "eth0 eth1",
			"eth1/address": "02:00:00:00:00:02",
		})}, OK, []string{
			`bond0  "02:00:00:00:00:01" 0 bond "" [10.0.0.1/24]`,
			`eth1  "02:00:00:00:00:02" 0 virtual "bond0" []`,
		}},
		{"old net-tools", Raw{Out: recorded(t, "interfaces/centos5-ifconfig")}, OK, []string{
			`eth0 up "00:0c:29:ab:cd:ef" 1500 virtual "" [10.0.13.1/24 fe80::20c:29ff:feab:cdef/64 10.0.13.9/24]`,
			`lo up "" 16436 loopback "" [127.0.0.1/8]`,
		}},
		{"freebsd", Raw{Out: recorded(t, "interfaces/freebsd13-ifconfig")}, OK, []string{
			`em0 up "08:00:27:aa:bb:cc" 1500 virtual "" [10.0.0.5/24 fe80::a00:27ff:feaa:bbcc/64]`,
			`lo0 up "" 16384 loopback "" [::1/128 127.0.0.1/8]`,
		}},
		{"neither", Raw{Files: map[string]File{"/proc/net/if_inet6": {Content: "fe80000000000000000c29fffeabcdef 02 40 20 80 eth0\n"}}}, Partial, []string{
			`eth0  "" 0 virtual "" [fe80::c:29ff:feab:cdef/64]`,
		}},
		{"nothing", Raw{}, Unknown, nil},
	} {
		got := observe(interfacesFact(), c.raw).Interfaces
		if lines := describe(got.Value); got.State != c.state || !slices.Equal(lines, c.want) {
			t.Errorf("%s: %s (%s)\n got %q\nwant %q", c.name, got.State, got.Reason, lines, c.want)
		}
	}
}

func FuzzInterfaces(f *testing.F) { fuzzOut(f, interfacesFact()) }
