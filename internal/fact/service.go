package fact

import (
	"path"
	"regexp"
	"strings"
)

func servicesFact() Fact {
	return define("services", "services", Probe{
		Files: []string{"/proc/1/comm"},
		Script: `if [ -d /run/systemd/system ]; then echo "#systemd"; systemctl list-units --all --type=service --full --no-legend --no-pager
elif has rc-status; then echo "#openrc"; rc-status -a -q
elif [ -d /etc/init.d ] || [ -d /etc/rc.d ]; then
echo "#sysvinit"; l=; has runlevel && l=$(runlevel); l=${l##* }; case $l in [0-6]) ;; *) l=3; [ -d /etc/rc3.d ] || l=2 ;; esac
for f in /etc/rc$l.d/S* /etc/rc.d/rc$l.d/S*; do [ -e "$f" ] && echo "$f"; done
has service && [ -r /etc/rc.conf ] && { echo "#rc.d"; service -e; }
fi
:`,
	}, func(s *Set) *Observed[[]Service] { return &s.Services }, parseServices)
}

func parseServices(r Raw) Observed[[]Service] {
	manager, list := "", []Service{}
	seen := map[string]bool{}
	add := func(s Service, ok bool) {
		if ok && !seen[s.Name] && len(list) < maxItems {
			seen[s.Name] = true
			list = append(list, s)
		}
	}
	for line := range strings.Lines(r.Out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "#"); ok {
			manager = name
			continue
		}
		switch manager {
		case "systemd":
			add(systemdUnit(line))
		case "openrc":
			add(openrcService(line))
		case "sysvinit":
			add(initScript(line))
		case "rc.d":
			add(Service{Name: path.Base(line), Manager: "rc.d", State: "enabled"}, strings.HasPrefix(line, "/"))
		}
	}
	switch {
	case manager == "":
		return unknown[[]Service]("no service manager we know runs here")
	case len(list) == 0:
		return unknown[[]Service]("%s tells no service", manager)
	case manager == "sysvinit" || manager == "rc.d":
		return partly(list, manager, "which of them run is not told; init scripts are never started to ask")
	default:
		return found(list, manager)
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

var openrcLine = regexp.MustCompile(`^(\S+)\s+\[\s*(\w+)`)

func openrcService(line string) (Service, bool) {
	m := openrcLine.FindStringSubmatch(line)
	if m == nil {
		return Service{}, false
	}
	state := map[string]string{"started": "running", "crashed": "failed", "failed": "failed", "stopped": "stopped"}[m[2]]
	if state == "" {
		state = clean(m[2])
	}
	return Service{Name: clean(m[1]), Manager: "openrc", State: state}, true
}

var initName = regexp.MustCompile(`/S\d\d(.+)$`)

func initScript(line string) (Service, bool) {
	m := initName.FindStringSubmatch(line)
	if m == nil {
		return Service{}, false
	}
	return Service{Name: clean(m[1]), Manager: "sysvinit", State: "enabled"}, true
}
