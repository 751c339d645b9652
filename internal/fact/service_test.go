package fact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServices(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Observed[[]Service]{
		"debian12-systemd252": found([]Service{
			{"cron", "systemd", "running", "Regular background program processing daemon"},
			{"nginx", "systemd", "failed", "A high performance web server"},
			{"networking", "systemd", "exited", "Raise network interfaces"},
			{"shop", "systemd", "failed", "restarting again and again; Shop"},
			{"rescue", "systemd", "stopped", "Rescue Shell"},
		}, "systemd"),
		"centos7-systemd219": found([]Service{
			{"auditd", "systemd", "running", "Security Auditing Service"},
			{"kdump", "systemd", "failed", "Crash recovery kernel arming"},
		}, "systemd"),
		"alpine-openrc": found([]Service{
			{"haproxy", "openrc", "failed", ""},
			{"sshd", "openrc", "running", ""},
			{"redis", "openrc", "running", ""},
			{"crond", "openrc", "stopped", ""},
		}, "openrc"),
		"centos6-upstart": {State: Partial, Source: "sysvinit", Value: []Service{
			{"tty (/dev/tty3)", "upstart", "running", ""},
			{"ssh", "upstart", "running", ""},
			{"network", "sysvinit", "enabled", ""},
			{"sshd", "sysvinit", "enabled", ""},
			{"mysqld", "sysvinit", "enabled", ""},
		}},
		"freebsd13": {State: Partial, Source: "rc.d", Value: []Service{{"sshd", "rc.d", "enabled", ""}, {"nginx", "rc.d", "enabled", ""}}},
	} {
		set := observe(servicesFact(), Raw{Out: recorded(t, "services/"+name)})
		got := set.Services
		if got.State != OK && got.Reason == "" {
			t.Errorf("%s: %s without a reason", name, got.State)
		}
		got.Reason, got.At = "", want.At
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestServicesThatNobodyTells(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"", "#systemd\n", "#sysvinit\n"} {
		if got := observe(servicesFact(), Raw{Out: out}).Services; got.State != Unknown || got.Reason == "" {
			t.Errorf("%q: %+v", out, got)
		}
	}
}

func FuzzServices(f *testing.F) { fuzzOut(f, servicesFact()) }
