package fact

import (
	"cmp"
	"path"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Schedule is something that starts by the clock: a cron line, a timer.
type Schedule struct {
	Kind    string `json:"kind"`   // cron, timer, anacron, at
	Source  string `json:"source"` // the file, or the unit
	When    string `json:"when"`
	User    string `json:"user"`
	Command string `json:"command"` // scrubbed
}

// Key names the item in its list.
func (s Schedule) Key() string { return s.Source + " " + s.Command }

func schedulesFact() Fact {
	return define("schedules", "what starts by the clock", Probe{
		Files: []string{
			"/etc/crontab", "/etc/anacrontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/var/cron/tabs/*",
			"/etc/crontabs/*", "/etc/systemd/system/timers.target.wants/*.timer", // links to the units that are enabled
		},
		Script: `for f in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/* /etc/systemd/system/timers.target.wants/*.timer; do
[ -e "$f" ] && say "$f"; done
for d in /var/spool/cron/crontabs /var/spool/cron; do [ -d $d ] && [ ! -r $d ] && say "#denied $d"; done
:`, Brief: true,
	}, func(s *Set) *Observed[[]Schedule] { return &s.Schedules }, parseSchedules)
}

func parseSchedules(r Raw) Observed[[]Schedule] {
	list := []Schedule{}
	add := func(s Schedule, ok bool) {
		if ok && len(list) < maxItems {
			s.Source, s.When, s.User, s.Command = clean(s.Source), clean(s.When), clean(s.User), clean(redact.Args(s.Command))
			list = append(list, s)
		}
	}
	for _, file := range r.matching("/") {
		for line := range strings.Lines(r.Files[file].Content) {
			switch {
			case strings.HasSuffix(file, ".timer"):
			case file == "/etc/anacrontab":
				add(anacronLine(file, line))
			default:
				add(cronLine(file, line))
			}
		}
	}
	denied := r.denied("/")
	for line := range strings.Lines(r.Out) {
		line = clean(line)
		switch {
		case strings.HasPrefix(line, "#denied"):
			denied = true
		case strings.HasSuffix(line, ".timer"):
			add(timer(r, path.Base(line)), true)
		case strings.HasPrefix(line, "/etc/cron."):
			period, name := path.Split(line)
			if name != "0hourly" && name != ".placeholder" {
				add(Schedule{Kind: "cron", Source: line, When: strings.TrimSuffix(strings.TrimPrefix(period, "/etc/cron."), "/"), User: "root", Command: line}, true)
			}
		}
	}
	if denied || !r.Root {
		return partly(list, "cron and timers", "without root, the tables of other users are not told")
	}
	return found(list, "cron and timers")
}

// cronLine reads a line of a crontab; the system's own tables name the user.
func cronLine(file, line string) (Schedule, bool) {
	line = clean(line)
	f := strings.Fields(line)
	if len(f) < 2 || strings.HasPrefix(line, "#") || strings.Contains(f[0], "=") || (len(f) > 1 && f[1] == "=") {
		return Schedule{}, false
	}
	s := Schedule{Kind: "cron", Source: file}
	width := 5
	if strings.HasPrefix(f[0], "@") {
		width = 1
	}
	personal := strings.HasPrefix(file, "/var/spool/cron/") || strings.HasPrefix(file, "/var/cron/") || strings.HasPrefix(file, "/etc/crontabs/")
	if personal {
		s.User = path.Base(file)
	}
	rest := f[min(width, len(f)):]
	if !personal && len(rest) > 0 {
		s.User, rest = rest[0], rest[1:]
	}
	s.When, s.Command = strings.Join(f[:min(width, len(f))], " "), strings.Join(rest, " ")
	return s, s.Command != ""
}

// anacronLine reads: period delay name command.
func anacronLine(file, line string) (Schedule, bool) {
	f := strings.Fields(clean(line))
	if len(f) < 4 || strings.Contains(f[0], "=") || strings.HasPrefix(f[0], "#") {
		return Schedule{}, false
	}
	return Schedule{Kind: "anacron", Source: file, When: f[0] + " days", User: "root", Command: strings.Join(f[3:], " ")}, true
}

// timer describes an enabled systemd timer by its unit file.
func timer(r Raw, name string) Schedule {
	text, file := r.Text("/etc/systemd/system/timers.target.wants/" + name)
	s := Schedule{Kind: "timer", Source: cmp.Or(file, name), User: "root", Command: strings.TrimSuffix(name, ".timer") + ".service"}
	var when []string
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(clean(line), "=")
		if ok && strings.HasPrefix(key, "On") && value != "" {
			when = append(when, key+"="+value)
		}
		if key == "Unit" && value != "" {
			s.Command = value
		}
	}
	s.When = strings.Join(when, " ")
	return s
}
