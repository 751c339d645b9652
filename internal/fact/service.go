package fact

import (
	"path"
	"regexp"
	"strings"
)

// A Service is what the host's service manager looks after.
type Service struct {
	Name    string `json:"name"`
	Manager string `json:"manager"` // systemd, sysvinit, openrc, rc.d
	State   string `json:"state"`   // running, exited, failed, stopped, enabled (started at boot, state not told)
	Detail  string `json:"detail"`
}

// Key names the item in its list.
func (s Service) Key() string { return s.Name }

func servicesFact() Fact {
	return define("services", "services", Probe{Script: servicesScript, Elsewhere: `[ -r /etc/rc.conf ] && has service && has kldstat && { echo "#rc.d"; service -e; }`},
		func(s *Set) *Observed[[]Service] { return &s.Services }, parseServices)
}

// servicesScript asks whoever manages services here. OpenRC's states are files;
// of the others, init scripts are listed and never run, because what they do
// when asked for their state is theirs.
const servicesScript = `c=; { read -r c </proc/1/comm; }
if [ -d /run/systemd/system ] || [ "$c" = systemd ]; then
echo "#systemd"; systemctl list-units --all --type=service --full --no-legend --no-pager
elif d=/run/openrc; [ -d $d/started ] || { d=/lib/rc/init.d; [ -d $d/started ]; }; then say "#openrc"
for f in $d/failed/* $d/started/* $d/inactive/* /etc/runlevels/default/*; do [ -e "$f" ] && say "$f"; done
else
if has initctl; then echo "#upstart"; initctl list; fi
l=; has runlevel && ! [ /sbin/runlevel -ef /bin/systemctl ] && l=$(runlevel); l=${l##* }; case $l in [0-6]) ;; *) l=3; [ -d /etc/rc3.d ] || l=2 ;; esac
say "#sysvinit"; for f in /etc/rc$l.d/S* /etc/rc.d/rc$l.d/S* /etc/init.d/rc$l.d/S*; do [ -e "$f" ] && say "$f"; done
fi
:`

func parseServices(r Raw) Observed[[]Service] {
	manager, source, list := "", "", []Service{}
	seen := map[string]bool{}
	add := func(s Service, ok bool) {
		if ok && !seen[s.Name] && len(list) < maxItems {
			seen[s.Name], source = true, s.Manager
			list = append(list, s)
		}
	}
	for line := range strings.Lines(r.Out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "#"); ok {
			manager = clean(name)
			continue
		}
		switch manager {
		case "systemd":
			add(systemdUnit(line))
		case "openrc":
			add(openrcService(line))
		case "upstart":
			add(upstartJob(line))
		case "sysvinit":
			add(initScript(line))
		case "rc.d":
			add(Service{Name: clean(path.Base(line)), Manager: "rc.d", State: "enabled"}, strings.HasPrefix(line, "/"))
		}
	}
	switch {
	case manager == "":
		return unknown[[]Service]("no service manager we know runs here")
	case len(list) == 0:
		return unknown[[]Service]("%s tells no service", manager)
	case manager == "sysvinit" || manager == "rc.d":
		return partly(list, source, "which of the init scripts' services run is not told; the scripts are never started to ask")
	default:
		return found(list, source)
	}
}

// systemdUnit reads "● name.service loaded active running Description", as every
// systemd has printed it, with or without the dot.
func systemdUnit(line string) (Service, bool) {
	f := strings.Fields(strings.TrimLeft(line, "●*×○↻ "))
	if len(f) < 4 || !strings.HasSuffix(f[0], ".service") || f[1] == "not-found" {
		return Service{}, false
	}
	s := Service{Name: clean(strings.TrimSuffix(f[0], ".service")), Manager: "systemd", Detail: clean(strings.Join(f[4:], " "))}
	switch {
	case f[2] == "failed" || f[3] == "failed":
		s.State = "failed"
	case f[2] == "active" && f[3] == "exited":
		s.State = "exited"
	case f[2] == "active" || f[2] == "reloading":
		s.State = "running"
	case f[2] == "activating":
		s.State = "starting"
		if f[3] == "auto-restart" {
			s.State = "failed"
			s.Detail = "restarting again and again; " + s.Detail
		}
	default:
		s.State = "stopped"
	}
	return s, true
}

// openrcService reads a file of OpenRC: its directory is the state. What is
// wanted at start and in none of them is stopped; failed ones come first.
func openrcService(file string) (Service, bool) {
	dir, name := path.Split(file)
	states := map[string]string{"failed": "failed", "started": "running", "inactive": "stopped", "default": "stopped"}
	state := states[path.Base(dir)]
	return Service{Name: clean(name), Manager: "openrc", State: state}, state != "" && name != ""
}

var upstartLine = regexp.MustCompile(`^(\S+(?: \([^)]*\))?) (start|stop)/(\S+?),?(?: process (\d+))?$`)

// upstartJob reads "ssh start/running, process 970". Jobs that are stopped are
// mostly tasks that ran and ended, so that only running ones are told.
func upstartJob(line string) (Service, bool) {
	m := upstartLine.FindStringSubmatch(line)
	if m == nil || m[2] != "start" || m[3] != "running" {
		return Service{}, false
	}
	return Service{Name: clean(m[1]), Manager: "upstart", State: "running"}, true
}

var initName = regexp.MustCompile(`/S\d\d(.+)$`)

func initScript(line string) (Service, bool) {
	m := initName.FindStringSubmatch(line)
	if m == nil {
		return Service{}, false
	}
	return Service{Name: clean(m[1]), Manager: "sysvinit", State: "enabled"}, true
}
