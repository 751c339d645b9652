package cli

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
)

// outageHosts are the hosts of the outages, in the order that services.sh knows
// their addresses by.
var outageHosts = []string{"lb1", "be1", "be2", "be3", "db1", "db2", "cache1", "ci1"}

// accusations are what the outages are about: the healthy fleet has none of them.
var accusations = []string{
	"balancer-server-down", "balancer-without-checks", "database-bigger-than-rows", "database-disk-full", "dependency-cut-off",
	"filesystem-full", "replication-broken", "replication-lagging", "sibling-file-differs", "sibling-set-up-otherwise", "unauthenticated-service",
}

// A realFleet is hosts of scripts/fleet that run real servers.
type realFleet struct {
	dir, binary string
	hosts       []string
	env         []string
}

// startFleet starts hosts with the services of testdata/DIR/services.sh; id keeps
// the fleets of two tests apart.
func startFleet(t *testing.T, id, dir string, hosts []string, programs ...string) realFleet {
	t.Helper()
	for _, program := range append(programs, "busybox", "iptables") {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: .ci/run installs it", err)
		}
	}
	f := realFleet{dir: t.TempDir(), hosts: hosts}
	services, err := filepath.Abs(filepath.Join("testdata", dir, "services.sh"))
	if err != nil {
		t.Fatal(err)
	}
	f.env = append(os.Environ(), "NIGHTCALL_FLEET="+filepath.Join(f.dir, "fleet"), "NIGHTCALL_FLEET_ID="+id, "NIGHTCALL_FLEET_SERVICES="+services,
		"HOME="+f.dir, "NIGHTCALL_HOME="+filepath.Join(f.dir, "home"), "NIGHTCALL_INCIDENT=", "SSH_AUTH_SOCK=")
	script, err := filepath.Abs("../../scripts/fleet")
	if err != nil {
		t.Fatal(err)
	}
	fleet := func(ctx context.Context, args ...string) {
		cmd := exec.CommandContext(ctx, script, args...)
		cmd.Env = f.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("scripts/fleet %s: %v: %s", args[0], err, out)
		}
	}
	t.Cleanup(func() { fleet(context.WithoutCancel(t.Context()), "down") })
	fleet(t.Context(), append([]string{"up"}, hosts...)...)
	f.binary = filepath.Join(f.dir, "nightcall")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", f.binary, "../../cmd/nightcall")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	if t.Failed() {
		t.FailNow()
	}
	return f
}

// on runs sh on a host, as an engineer of the customer's would.
func (f realFleet) on(t *testing.T, host, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ssh", "-F", filepath.Join(f.dir, "fleet/ssh_config"), "-o", "BatchMode=yes", host, script).CombinedOutput()
	if err != nil {
		t.Fatalf("on %s: %v: %s", host, err, out)
	}
	return string(out)
}

// until waits for a script on a host to print what is wanted.
func (f realFleet) until(t *testing.T, host, script, want string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if last = f.on(t, host, script); strings.Contains(last, want) {
			return
		}
	}
	t.Fatalf("%s: %s never prints %q; last: %s", host, script, want, last)
}

func (f realFleet) nightcall(t *testing.T, args ...string) string {
	t.Helper()
	return f.told(t, "", args...)
}

// told runs nightcall with a standard input.
func (f realFleet) told(t *testing.T, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, f.binary, args...)
	cmd.Env, cmd.Stdin = f.env, strings.NewReader(input)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("nightcall %s: %v: %s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// findings opens an incident, looks, and returns what is wrong, in order.
func (f realFleet) findings(t *testing.T, title string, flags ...string) []check.Finding {
	t.Helper()
	f.nightcall(t, "open", title)
	began := time.Now()
	f.nightcall(t, slices.Concat([]string{"look", "-F", filepath.Join(f.dir, "fleet/ssh_config")}, flags, f.hosts)...)
	t.Logf("%s: nightcall look took %s", title, time.Since(began).Round(time.Millisecond))
	var result struct{ Findings []check.Finding }
	if err := json.Unmarshal([]byte(f.nightcall(t, "findings", "--json")), &result); err != nil {
		t.Fatal(err)
	}
	return result.Findings
}

// first asserts that the cause is among the first three, with evidence.
func first(t *testing.T, findings []check.Finding, name, host string) check.Finding {
	t.Helper()
	for _, f := range findings[:min(3, len(findings))] {
		if f.Check != name || f.Host != host {
			continue
		}
		if f.Status == check.Unknown || len(f.Evidence) == 0 || f.Evidence[0].Output == "" || f.Evidence[0].At.IsZero() {
			t.Errorf("%s on %s without proof: %+v", name, host, f)
		}
		return f
	}
	t.Errorf("%s on %s is not among the first three of:\n%s", name, host, described(findings))
	return check.Finding{}
}

func described(findings []check.Finding) string {
	var b strings.Builder
	for _, f := range findings[:min(12, len(findings))] {
		b.WriteString(f.Status.String() + " " + f.Host + " " + f.Check + ": " + f.Summary + "\n")
	}
	return b.String()
}

// innocent asserts that nobody is accused of these.
func innocent(t *testing.T, findings []check.Finding, of ...string) {
	t.Helper()
	for _, f := range findings {
		if slices.Contains(of, f.Check) {
			t.Errorf("accused without reason, or not judged: %s %s %s: %s", f.Status, f.Host, f.Check, f.Summary)
		}
	}
}

// without leaves out some of the accusations.
func accusedBut(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(accusations), func(a string) bool { return slices.Contains(names, a) })
}

// Three outages of real life, on real servers: one look names the cause of each
// among its first three findings, without a hint; and none of them while nothing
// is broken.
func TestOutages(t *testing.T) {
	f := startFleet(t, "231", "outage", outageHosts, "mariadbd", "mariadb-install-db", "redis-server", "haproxy", "perl", "openssl", "python3")
	f.until(t, "db2", `mariadb -e 'SHOW SLAVE STATUS\G'`, "Slave_SQL_Running: Yes")
	f.until(t, "be2", "ss -tn", ":3306")
	f.until(t, "lb1", "wget -qO- http://127.0.0.1/ || busybox wget -qO- http://127.0.0.1/ || :", "the shop")

	innocent(t, f.findings(t, "nothing is wrong", "--probe-heartbleed"), append(accusations, "heartbleed")...)
	if beats := f.nightcall(t, "host", "show", "lb1", "--fact", "heartbeats", "--json"); !strings.Contains(beats, `"port": 443`) || !strings.Contains(beats, `"verdict": "unaffected"`) {
		t.Errorf("lb1's TLS was not asked: %s", beats)
	}

	called := f.nightcall(t, "host", "show", "be1", "--fact", "dependencies", "--json")
	if !strings.Contains(called, `"file": "environment of `) || strings.Contains(called, "not-for-the-laptop") {
		t.Errorf("where be1's environment points to: %s", called)
	}

	// No port is named there, and it is the link that is seen.
	if links := f.nightcall(t, "links", "--host", "be1"); !regexp.MustCompile(`be1\tmariadb\tdb1\t3306\tMariaDB[^\t]*\t\testablished\t.*environment of `).MatchString(links) {
		t.Errorf("the environment's link of be1 is not the one that is seen:\n%s", links)
	}

	// A login that is given goes to the server before root's own, and nowhere else.
	config := filepath.Join(f.dir, "fleet/ssh_config")
	f.told(t, "sesame\n", "look", "-F", config, "--mysql-user", "shop", "db1")
	if tables := f.nightcall(t, "host", "show", "db1", "--fact", "databases", "--json"); !strings.Contains(tables, "shop.orders") || strings.Contains(tables, "mysql.") {
		t.Errorf("not what the user shop may see: %s", tables)
	}

	// An open Jenkins.
	f.on(t, "ci1", "touch /srv/open")
	found := f.findings(t, "strange jobs")
	jenkins := first(t, found, "unauthenticated-service", "ci1")
	if jenkins.Key != "Jenkins 8080" || !strings.Contains(jenkins.Summary, "Script Console") || !strings.Contains(jenkins.Summary, "this laptop") {
		t.Errorf("%s: %s", jenkins.Key, jenkins.Summary)
	}
	innocent(t, found, accusedBut("unauthenticated-service")...)
	f.on(t, "ci1", "rm /srv/open")

	// A change that reached one backend only is told, and accuses nobody of more.
	f.on(t, "be3", "echo 'pool: 80' >/srv/orders/pool.yml")
	found = f.findings(t, "one is slow")
	if !slices.ContainsFunc(found, func(f check.Finding) bool {
		return f.Check == "sibling-file-differs" && f.Host == "be3" && f.Key == "file /srv/orders/pool.yml" && f.Status == check.Warning
	}) {
		t.Errorf("nobody says that be3 has another file:\n%s", described(found))
	}
	innocent(t, found, accusedBut("sibling-file-differs")...)
	f.on(t, "be3", "echo 'pool: 8' >/srv/orders/pool.yml")

	// A firewall cuts one of three backends off the database, and the balancer does
	// not notice: it has no checks.
	be2 := strings.TrimSpace(f.on(t, "be2", "hostname -I"))
	f.on(t, "lb1", "sed -i 's/ check$//' /etc/haproxy/haproxy.cfg && kill -USR2 $(pgrep -o haproxy)")
	f.on(t, "db1", "iptables -w -I INPUT -s "+be2+" -p tcp --dport 3306 -j DROP")
	f.until(t, "be2", "ss -tn state syn-sent", ":3306")
	found = f.findings(t, "some orders hang")
	cut := first(t, found, "dependency-cut-off", "be2")
	if cut.Key != "db1:3306" || !strings.Contains(cut.Summary, "be1, be3") || cut.Status != check.Critical {
		t.Errorf("%s %s: %s", cut.Status, cut.Key, cut.Summary)
	}
	blind := func(f check.Finding) bool {
		return f.Check == "balancer-without-checks" && f.Host == "lb1" && f.Status == check.Warning
	}
	if !slices.ContainsFunc(found, blind) {
		t.Errorf("nobody says that the balancer checks nothing:\n%s", described(found))
	}
	innocent(t, found, accusedBut("dependency-cut-off", "balancer-without-checks")...)
	f.on(t, "db1", "iptables -w -F INPUT")
	f.on(t, "lb1", `sed -i '/ server be/s/$/ check/' /etc/haproxy/haproxy.cfg && kill -USR2 $(pgrep -o haproxy)`)

	// A database full of pictures: no byte is left, and the replica stands still.
	f.on(t, "db1", `i=0; while [ $i -lt 3000 ]; do echo "INSERT INTO shop.pictures (data) VALUES (REPEAT(RANDOM_BYTES(1000), 64));"; i=$((i+1)); done | timeout 4 mariadb; :`)
	f.until(t, "db1", "df -P /var/lib/mysql", " 100% ")
	f.until(t, "db2", "df -P /var/lib/mysql", " 100% ")
	found = f.findings(t, "nothing can be saved")
	pictures := first(t, found, "database-bigger-than-rows", "db1")
	if !strings.Contains(pictures.Summary, "shop.pictures (data)") || !strings.Contains(pictures.Summary, " 0 B left") || pictures.Status != check.Critical {
		t.Errorf("%s: %s", pictures.Status, pictures.Summary)
	}
	first(t, found, "replication-broken", "db2")
	innocent(t, found, accusedBut("database-bigger-than-rows", "database-disk-full", "replication-broken", "filesystem-full")...)
}
