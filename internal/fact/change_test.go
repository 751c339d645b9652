package fact

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		state State
		want  []string // newest first
	}{
		{"debian12", Partial, []string{
			"2026-11-20T18:01:02Z login login on pts/0 from 10.0.0.7 admin",
			"2026-11-20T17:00:00Z reboot system boot ",
			"2026-11-21T08:33:20Z file /etc/nginx/a name with blanks.conf ",
			"2026-11-21T05:46:40Z file /etc/hosts ",
			"2026-11-20T06:00:03Z package install nginx:amd64 <none> 1.22.1-9 ",
			"2026-11-20T06:00:01Z package upgrade libssl3:amd64 3.0.11-1~deb12u2 3.0.17-1~deb12u2 ",
		}},
		{"centos5-newyear", OK, []string{
			"2026-12-31T20:10:00Z package installed mysql-server-5.0.95-5.el5_9.x86_64 ",
			"2026-12-31T16:01:00Z login login on pts/0 from 10.0.0.7 root",
			"2026-12-31T15:00:00Z login login on tty1 root",
			"2026-12-31T14:00:00Z reboot system boot ",
			"2026-12-30T19:59:59Z package updated openssl-0.9.8e-40.el5_11.x86_64 ",
		}},
		{"rhel8", OK, []string{
			"2026-11-20T10:00:00Z package installed nginx-1:1.14.1-9.module+el8.x86_64 ",
			"2026-11-20T10:00:00Z package upgrade openssl-libs-1:1.1.1k-12.el8_9.x86_64 ",
		}},
		{"sles15", OK, []string{"2026-11-20T09:00:00Z package install libopenssl1_1 1.1.1d-11.20.1 "}},
	} {
		got := observe(changesFact(), Raw{Out: recorded(t, "changes/"+c.name), Now: section(t, "changes/"+c.name, "now")}).Changes
		var lines []string
		for _, change := range got.Value {
			lines = append(lines, change.At.Format(time.RFC3339)+" "+change.Kind+" "+change.What+" "+change.Who)
		}
		if !slices.IsSortedFunc(got.Value, func(a, b Change) int { return b.At.Compare(a.At) }) {
			t.Errorf("%s: not the newest first: %q", c.name, lines)
		}
		slices.Sort(lines)
		slices.Sort(c.want)
		if got.State != c.state || !slices.Equal(lines, c.want) {
			t.Errorf("%s: %s %s\n got %q\nwant %q", c.name, got.State, got.Reason, lines, c.want)
		}
	}
}

func TestChangesThatAreMissing(t *testing.T) {
	t.Parallel()
	const now = "1795255200 +0000"
	many := "#etc\n" + strings.Repeat("1795255000 /etc/x\n", maxEtcFiles+1)
	for out, state := range map[string]State{"": Unknown, many: Partial, "#etc\n#denied the record of logins\n": Partial} {
		if got := observe(changesFact(), Raw{Out: out, Now: now}).Changes; got.State != state || got.Reason == "" {
			t.Errorf("%.60q: %s %q, want %s", out, got.State, got.Reason, state)
		}
	}
}

func FuzzChanges(f *testing.F) { fuzzOut(f, changesFact()) }
