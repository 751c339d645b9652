package fact_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

func TestProbesLookOnly(t *testing.T) {
	t.Parallel()
	for _, f := range fact.All() {
		for _, script := range []string{f.Probe.Script, f.Probe.Elsewhere, f.Probe.Dpkg} {
			if err := looksOnly(shell.Words + script); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

// The proof is worth what it refuses.
func TestBadScriptsAreRefused(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"touch /tmp/x", "rm -rf /", "echo x >/etc/motd", "echo x >>$f", "echo x >|/tmp/x", "cat <>/tmp/x", "echo x >&$f", "date >/dev/nul",
		"eval ls", "exec rm x", "sudo cat /etc/shadow", ". /etc/profile", "source /etc/profile", "sh -c ls", "$cmd", "`echo rm` x", "command rm x",
		"if true; then kill 1; fi", "echo $(mkdir x)", "echo `mkdir x`", "(cd /; rm x)", "x() { ls; }", "has() { rm x; }", "ls | tee /tmp/x",
		"ls | xargs rm", "sleep 9 & echo", "PATH=/tmp:$PATH", "LD_PRELOAD=/tmp/x.so ls", "IFS=x; PATH=/ ls", "trap 'rm x' 0", "nohup ls", "env rm x",
		"sed -i s/a/b/ f", "sed 's/a/b/w /tmp/x' f", "sed -n 'w /tmp/x' f", "sed e f", "find /etc -delete", "find /etc -xdev -exec rm {}", "find / -fprint x",
		"date -s 12:00", "date 0101", "sort -o f f", "awk '{print > \"x\"}' f", "awk '{print | \"sh\"}'", "awk 'BEGIN{system(\"x\")}'",
		"awk 'BEGIN{\"date\"|getline}'", "awk -f prog", "awk -i inplace '{print}' f", "systemctl restart nginx", "systemctl list-units --all; systemctl stop x",
		"service nginx status", "/etc/init.d/nginx status", "iptables -L", "iptables-restore", "iptables-save -f x", "nft flush ruleset", "nft -f x",
		"ip link set eth0 down", "ip -o addr show; ip addr flush eth0", "ifconfig eth0 down", "ss -K dst 10.0.0.1", "mount -o remount,rw /", "mount -a",
		"sysctl -w kernel.panic=1", "sysctl kernel.panic=1", "dmidecode --dump-bin x", "rpm -e x", "rpm -q --pipe rm", "rpm -qa; rpm -i x", "pkg install x", "pfctl -d",
		"tail -f /var/log/messages", "last -f /tmp/x", "kenv a=b", "netstat -c", "dd if=/dev/zero of=/dev/sda", "curl http://x", "crontab -r",
		"mysql -e 'DROP TABLE x'", "mysql --defaults-file=$f --socket=$s --connect-timeout=5 -B -N -e 'SELECT 1; DELETE FROM x'",
		"mysql --defaults-file=$f --socket=$s --connect-timeout=5 -B -N -e 'SELECT 1 INTO OUTFILE \"/tmp/x\"'",
		"mysql --defaults-file=$f --socket=$s --connect-timeout=5 -B -N -e 'SET GLOBAL read_only=1'", "mysql --defaults-file=$f --socket=$s --connect-timeout=5 -B -N -e \"$q\"",
		"runuser -u postgres -- rm x", "runuser -u root -- psql", "perl -e 'unlink q(x)'", "perl -MIO::Socket::UNIX -e 'x' \"$s\"",
		"set -C x", "echo 'never ends",
	} {
		if looksOnly(script) == nil {
			t.Errorf("not refused: %s", script)
		}
	}
}

func TestGoodScriptsAreAllowed(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"", ":", "cat /proc/stat", "ls 2>/dev/null", "ls 2>&1", "ls 2>&-", "read -r a </proc/uptime", "has ss && ss -antup",
		"for f in /a/*; do [ -r \"$f\" ] || continue; echo $(date '+%s'); done", "find /etc -xdev -type f -mtime -3 | head -n 9",
		"IFS=: ; set -f", "awk -F: '$1==\"P\" || p {print}' f", "sed 's/a/b/g'", "case $x in rm) echo rm ;; esac",
	} {
		if err := looksOnly(script); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// Files are expanded by the host's shell, unquoted.
func TestFilesAreHarmlessPatterns(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^(/[A-Za-z0-9_.*?\[\]-]+)+$`)
	for _, f := range fact.All() {
		for _, file := range append(f.Probe.Files, f.Probe.Again...) {
			if !pattern.MatchString(file) || strings.Contains(file, "..") {
				t.Errorf("%s: file %q", f.Name, file)
			}
		}
		for _, file := range f.Probe.Again {
			if strings.ContainsAny(file, "*?[") {
				t.Errorf("%s: %q names several files to read twice", f.Name, file)
			}
		}
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z_]*$`)
	seen := map[string]bool{}
	for _, f := range fact.All() {
		if !name.MatchString(f.Name) || f.Title == "" || seen[f.Name] {
			t.Errorf("name %q, title %q, seen %t", f.Name, f.Title, seen[f.Name])
		}
		seen[f.Name] = true
		p := f.Probe
		if p.Script+p.From == "" && len(p.Files) == 0 && len(p.Again) == 0 && len(p.Asks) == 0 {
			t.Errorf("%s asks nothing", f.Name)
		}
		if _, ok := fact.Lookup(p.From); p.From != "" && (!ok || p.Script != "") {
			t.Errorf("%s is told by %q", f.Name, p.From)
		}
		if p.Brief && (p.Heavy || p.Dpkg != "" || regexp.MustCompile(`\b(exec|exit)\b`).MatchString(p.Script+p.Elsewhere)) {
			t.Errorf("%s cannot share a process", f.Name)
		}
		if p.Timeout < 0 || p.Timeout > time.Minute {
			t.Errorf("%s may take %s", f.Name, p.Timeout)
		}
		if found, ok := fact.Lookup(f.Name); !ok || found.Title != f.Title {
			t.Errorf("Lookup(%q) = %q, %t", f.Name, found.Title, ok)
		}
	}
	if len(seen) != 36 {
		t.Errorf("%d facts", len(seen))
	}
}
