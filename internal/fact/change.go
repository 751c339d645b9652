package fact

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Change is something that happened on the host lately; At is by the host's own
// clock.
type Change struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // package, file, login, reboot
	What string    `json:"what"`
	Who  string    `json:"who"`
}

// Key names the item in its list.
func (c Change) Key() string { return c.Kind + " " + c.What }

func changesFact() Fact {
	return define("changes", "what changed lately", Probe{Script: changesScript, Heavy: true, Timeout: 15 * time.Second},
		func(s *Set) *Observed[[]Change] { return &s.Changes }, parseChanges)
}

// changesScript reads the ends of package logs, the files of /etc that changed in
// three days, and the last logins and starts. What is there and may not be read
// is named. A find that can tell times and found all is not asked again, even where
// nothing changed.
const changesScript = `set --
for f in /var/log/dpkg.log.1 /var/log/dpkg.log /var/log/yum.log /var/log/dnf.rpm.log /var/log/zypp/history; do
if [ -r $f ]; then set -- "$@" $f
elif [ -e $f ]; then say "#denied $f"; fi
done
[ $# = 0 ] || { said; tail -n 200 /dev/null "$@"; }
say; say "#etc"; l=$(find /etc -xdev -type f -mtime -3 -printf '%T@ %p\n') && t=there || { t=$l; [ -n "$l" ] || l=$(find /etc -xdev -type f -mtime -3); }
[ -z "$l" ] || { IFS='
'; set -f; set -- $l; [ $# -gt 101 ] && { shift $(($# - 101)); l=$*; }
if [ -n "$t" ]; then say "$l"; else said; stat -c '%Y %n' $l || stat -f '%m %N' $l || say "#denied the times of files in /etc"; fi
set +f; IFS=' 	
'; }
if has last; then say "#last"; said; last -n 25 -F || last -n 25 || last | head -n 25; else say "#denied the record of logins: there is no last"; fi
:`

const (
	maxChanges  = 200
	maxEtcFiles = 100 // as many as the script asks for, less one
)

func parseChanges(r Raw) Observed[[]Change] {
	c := changeReader{zone: time.UTC}
	c.begin(strings.Fields(r.Now))
	for line := range strings.Lines(r.Out) {
		c.line(clean(line))
	}
	if c.now.IsZero() {
		return unknown[[]Change]("the host does not tell its time")
	}
	if c.files > maxEtcFiles {
		c.missing = append(c.missing, "more files in /etc changed than are listed")
	}
	slices.SortStableFunc(c.list, func(a, b Change) int { return b.At.Compare(a.At) })
	c.list = c.list[:min(len(c.list), maxChanges)]
	source := strings.Join(c.sources, ", ")
	switch {
	case len(c.sources) == 0:
		return unknown[[]Change]("no log of packages, no login record and no file times are told")
	case len(c.missing) > 0:
		return partly(c.list, source, "not read: "+strings.Join(c.missing, "; "))
	}
	return found(c.list, source)
}

// A changeReader reads the probe's answer line by line; section says of what.
type changeReader struct {
	section string
	now     time.Time
	zone    *time.Location
	sources []string
	missing []string
	files   int // of /etc
	list    []Change
}

func (c *changeReader) line(line string) {
	if head, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(head, " ") {
		c.enter(head)
		return
	}
	if log, ok := strings.CutPrefix(line, "==> /var/log/"); ok { // as tail says of which file
		c.enter("/var/log/" + strings.TrimSuffix(log, " <=="))
		return
	}
	var change Change
	var ok bool
	switch {
	case c.section == "etc":
		if change, ok = c.file(line); ok {
			c.files++
		}
	case c.section == "last":
		change, ok = c.login(line)
	case strings.HasPrefix(c.section, "/var/log/dpkg"):
		change, ok = c.dpkg(line)
	case strings.HasPrefix(c.section, "/var/log/zypp"):
		change, ok = c.zypp(line)
	default:
		change, ok = c.rpm(line)
	}
	if ok && len(c.list) < maxItems {
		c.list = append(c.list, change)
	}
}

func (c *changeReader) enter(head string) {
	if what, ok := strings.CutPrefix(head, "denied "); ok {
		c.missing = append(c.missing, what)
		return
	}
	c.section = head
	c.sources = append(c.sources, strings.TrimPrefix(head, "/var/log/"))
}

// begin takes the host's time and zone.
func (c *changeReader) begin(f []string) {
	if len(f) == 0 {
		return
	}
	if n, ok := number(f[0]); ok && n > 0 && n < maxUnix {
		c.now = time.Unix(n, 0).UTC()
	}
	last := f[len(f)-1]
	if t, err := time.Parse("-0700", last); err == nil {
		_, offset := t.Zone()
		c.zone = time.FixedZone(last, offset)
	}
}

// dpkg reads "2026-11-20 10:00:00 upgrade libssl3:amd64 3.0.1 3.0.2".
func (c *changeReader) dpkg(line string) (Change, bool) {
	f := strings.Fields(line)
	if len(f) < 5 || !slices.Contains([]string{"install", "upgrade", "remove", "purge"}, f[2]) {
		return Change{}, false
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", f[0]+" "+f[1], c.zone)
	if err != nil {
		return Change{}, false
	}
	return Change{At: at.UTC(), Kind: "package", What: strings.Join(f[2:], " ")}, true
}

// zypp reads "2026-11-20 10:00:00|install|bash|5.1-1|x86_64|root@web1|…".
func (c *changeReader) zypp(line string) (Change, bool) {
	f := strings.Split(line, "|")
	if len(f) < 4 || !strings.HasPrefix(f[1], "install") && !strings.HasPrefix(f[1], "remove") {
		return Change{}, false
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", f[0], c.zone)
	if err != nil {
		return Change{}, false
	}
	return Change{At: at.UTC(), Kind: "package", What: strings.TrimSpace(f[1]) + " " + f[2] + " " + f[3]}, true
}

var rpmVerbs = regexp.MustCompile(`(Installed|Updated|Upgraded?|Upgrade|Erased|Removed|Downgraded?|Reinstalled):? (.+)$`)

// rpm reads yum's "Nov 20 10:00:00 Updated: openssl-…" and dnf's
// "2026-11-20T10:00:00+0000 SUBDEBUG Upgrade: openssl-…".
func (c *changeReader) rpm(line string) (Change, bool) {
	m := rpmVerbs.FindStringSubmatch(line)
	if m == nil {
		return Change{}, false
	}
	what := strings.ToLower(m[1]) + " " + m[2]
	if at, err := time.Parse("2006-01-02T15:04:05Z0700", firstField(line)); err == nil {
		return Change{At: at.UTC(), Kind: "package", What: what}, true
	}
	if at, ok := c.yearless("Jan _2 15:04:05", line); ok {
		return Change{At: at, Kind: "package", What: what}, true
	}
	return Change{}, false
}

// yearless reads a time without a year as the last one that is not in the future.
func (c *changeReader) yearless(layout, line string) (time.Time, bool) {
	if len(line) < len(layout) {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation(layout, line[:len(layout)], c.zone)
	if err != nil {
		return time.Time{}, false
	}
	at = time.Date(c.now.In(c.zone).Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, c.zone)
	if at.After(c.now.Add(24 * time.Hour)) {
		at = at.AddDate(-1, 0, 0)
	}
	return at.UTC(), true
}

// file reads "SECONDS NAME"; ls's own dates are too vague to keep.
func (c *changeReader) file(line string) (Change, bool) {
	seconds, name, ok := strings.Cut(line, " ")
	seconds, _, _ = strings.Cut(seconds, ".") // GNU find tells their fractions
	n, ok2 := number(seconds)
	if !ok || !ok2 || n <= 0 || n > maxUnix {
		return Change{}, false
	}
	return Change{At: time.Unix(n, 0).UTC(), Kind: "file", What: name}, true
}

// lastFull and lastShort are last's two forms of a time.
var (
	lastFull  = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})`)
	lastShort = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2} [ \d]\d \d\d:\d\d)`)
)

// login reads a line of last: who, where, from where, when.
func (c *changeReader) login(line string) (Change, bool) {
	f := strings.Fields(line)
	if len(f) < 5 || f[1] == "begins" {
		return Change{}, false
	}
	at, day, ok := c.loginTime(line)
	if !ok {
		return Change{}, false
	}
	if f[0] == "reboot" {
		return Change{At: at, Kind: "reboot", What: "system boot"}, true
	}
	what := "login on " + f[1]
	if from := strings.Fields(line[:day]); len(from) > 2 {
		what += " from " + from[2]
	}
	return Change{At: at, Kind: "login", What: what, Who: f[0]}, true
}

// loginTime finds the first time of a line, and where its day stands.
func (c *changeReader) loginTime(line string) (at time.Time, day int, ok bool) {
	if m := lastFull.FindStringSubmatchIndex(line); m != nil {
		t, err := time.ParseInLocation("Jan _2 15:04:05 2006", line[m[2]:m[3]], c.zone)
		return t.UTC(), m[0], err == nil
	}
	if m := lastShort.FindStringSubmatchIndex(line); m != nil {
		t, ok := c.yearless("Jan _2 15:04", line[m[2]:m[3]])
		return t, m[0], ok
	}
	return time.Time{}, 0, false
}
