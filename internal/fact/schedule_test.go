package fact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	files := map[string]File{
		"/etc/crontab":                  {Content: "# m h\nSHELL=/bin/sh\nDB_PASSWORD=hunter2\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n@daily root /opt/backup\n"},
		"/etc/cron.d/shop":              {Content: "*/5 * * * * shop PGPASSWORD=hunter2 psql shop\nbroken line\n"},
		"/var/spool/cron/crontabs/root": {Content: "MAILTO = ops\n0 3 * * * mysqldump -phunter2 shop >/b\n"},
		"/etc/anacrontab":               {Content: "START_HOURS_RANGE=3-22\n1\t5\tcron.daily\tnice run-parts /etc/cron.daily\n"},
		"/etc/systemd/system/timers.target.wants/apt.timer":    {Content: "[Timer]\nOnCalendar=*-*-* 6,18:00\n# OnBootSec=1\nOnUnitActiveSec=1d\n[Install]\n"},
		"/etc/systemd/system/timers.target.wants/backup.timer": {Content: "[Timer]\nOnCalendar=daily\nUnit=dump.service\n"},
		"/etc/systemd/system/unused.timer":                     {Content: "[Timer]\nOnCalendar=daily\n"},
		"/var/spool/cron/crontabs/somebody":                    {Denied: true},
	}
	out := "/etc/cron.daily/logrotate\n/etc/systemd/system/timers.target.wants/apt.timer\n/etc/systemd/system/timers.target.wants/backup.timer\n"
	got := observe(schedulesFact(), Raw{Files: files, Out: out, Root: true}).Schedules
	want := []Schedule{
		{"anacron", "/etc/anacrontab", "1 days", "root", "nice run-parts /etc/cron.daily"},
		{"cron", "/etc/cron.d/shop", "*/5 * * * *", "shop", "PGPASSWORD=[secret] psql shop"},
		{"cron", "/etc/crontab", "17 * * * *", "root", "cd / && run-parts --report /etc/cron.hourly"},
		{"cron", "/etc/crontab", "@daily", "root", "/opt/backup"},
		{"cron", "/var/spool/cron/crontabs/root", "0 3 * * *", "root", "mysqldump -p[secret] shop >/b"},
		{"cron", "/etc/cron.daily/logrotate", "daily", "root", "/etc/cron.daily/logrotate"},
		{"timer", "/etc/systemd/system/timers.target.wants/apt.timer", "OnCalendar=*-*-* 6,18:00 OnUnitActiveSec=1d", "root", "apt.service"},
		{"timer", "/etc/systemd/system/timers.target.wants/backup.timer", "OnCalendar=daily", "root", "dump.service"},
	}
	if diff := cmp.Diff(want, got.Value); diff != "" {
		t.Error(diff)
	}
	if got.State != Partial || got.Reason == "" {
		t.Errorf("a table that was denied: %s (%s)", got.State, got.Reason)
	}
	delete(files, "/var/spool/cron/crontabs/somebody")
	if got := observe(schedulesFact(), Raw{Files: files, Out: out, Root: true}).Schedules; got.State != OK {
		t.Errorf("everything read: %s (%s)", got.State, got.Reason)
	}
	if got := observe(schedulesFact(), Raw{Files: files, Out: out}).Schedules; got.State != Partial {
		t.Errorf("without root: %s", got.State)
	}
}

func FuzzSchedules(f *testing.F) {
	f.Add("17 *\t* * *\troot\trun-parts\n@daily root x\n", "1 5 cron.daily x\n", "/etc/cron.daily/x\n/x/a.timer\n")
	f.Fuzz(func(t *testing.T, crontab, anacrontab, out string) {
		set := observe(schedulesFact(), Raw{Out: out, Files: map[string]File{"/etc/crontab": {Content: crontab}, "/etc/anacrontab": {Content: anacrontab}}})
		for _, s := range set.Schedules.Value {
			for _, text := range []string{s.Source, s.When, s.User, s.Command} {
				if text != clean(text) {
					t.Errorf("%q was kept", text)
				}
			}
		}
	})
}
