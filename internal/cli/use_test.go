//go:build unix

package cli

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// served is a host of the inventory that is a real server.
func served(name string, s *hosttest.SSHD, jump ...inventory.Hop) inventory.Host {
	h := visited(name, "127.0.0.1", "S1")
	h.Access.Port, h.Access.User, h.Access.Identities, h.Access.Jump = s.Port, s.User, []string{s.Identity}, jump
	h.Access.HostKeys = []inventory.HostKey{{
		Type: s.HostKey.Type(), Key: base64.StdEncoding.EncodeToString(s.HostKey.Marshal()),
	}}
	return h
}

// hop is a server as a bastion.
func hop(s *hosttest.SSHD) inventory.Hop {
	return inventory.Hop{Address: "127.0.0.1", Port: s.Port, User: s.User}
}

// systemSSH runs the system's client and returns its standard output; what login
// shells say on standard error is no part of the answer.
func systemSSH(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none"}, args...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return string(out), err
}

// TestSSHConfigWrite: after --write every host has an alias in the user's own
// configuration, which says what it said before; after --remove it has none.
func TestSSHConfigWrite(t *testing.T) {
	t.Parallel()
	bastion, web := hosttest.StartSSHD(t), hosttest.StartSSHD(t)
	d := newDesk(t, served("bastion", bastion), served("web1", web, hop(bastion)), visited("evil\nProxyCommand x", "10.0.0.1", "S1"))
	own := filepath.Join(d.home, ".ssh", "config")
	const before = "Host other\n  Port 99\n"
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}

	code, stdout, stderr := d.nightcall(t, "ssh-config", "--write")
	if code != exitDone || stdout != "" || !strings.Contains(stderr, "left out") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	for alias, server := range map[string]*hosttest.SSHD{"bastion": bastion, "web1": web} {
		out, err := systemSSH(t, "-F", own, alias, "echo $SSH_CONNECTION")
		if words := strings.Fields(out); err != nil || len(words) != 4 || words[3] != strconv.Itoa(server.Port) {
			t.Errorf("ssh %s: %q, %v", alias, out, err)
		}
	}
	if out, err := systemSSH(t, "-F", own, "-G", "other"); err != nil || !strings.Contains(out, "\nport 99\n") {
		t.Errorf("the user's own host changed: %v", err)
	}
	if exports := d.entries(t, timeline.Exported); len(exports) != 1 || !strings.Contains(string(exports[0].Data), `"format":"ssh_config"`) {
		t.Errorf("the timeline has %v", exports)
	}
	written, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	d.must(t, "ssh-config", "--write")
	if again, err := os.ReadFile(own); err != nil || string(again) != string(written) {
		t.Errorf("writing twice is not writing once: %v\n%s", err, again)
	}
	d.must(t, "ssh-config", "--remove")
	if after, err := os.ReadFile(own); err != nil || string(after) != before {
		t.Errorf("removed: %q, %v", after, err)
	}
}

// What to type next is a login that works: a mistyped name that comes first in the
// list is none.
func TestSSHConfigHintsAtAHostThatWasReached(t *testing.T) {
	t.Parallel()
	typo := visited("aweb1", "aweb1", "S1")
	typo.Class, typo.Seen = host.ClassUnreachable, time.Time{}
	d := newDesk(t, typo, visited("web1", "10.0.0.7", "S1"))
	if code, _, stderr := d.nightcall(t, "ssh-config", "--write"); code != exitDone || !strings.HasSuffix(stderr, "nightcall: hint: ssh web1\n") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestSSHConfigPrints(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"))
	text := d.must(t, "ssh-config")
	if !strings.Contains(text, "for the incident: checkout is down\n") || !strings.Contains(text, "\nHost web1\n    HostName 10.0.0.7\n") {
		t.Errorf("printed:\n%s", text)
	}
	var result sshConfigResult
	if err := json.Unmarshal([]byte(d.must(t, "ssh-config", "--json")), &result); err != nil {
		t.Fatal(err)
	}
	if result.Text == "" || !slices.Equal(result.Aliases, []string{"web1"}) || result.Written || result.Warnings == nil {
		t.Errorf("JSON: %+v", result)
	}
	for _, path := range []string{result.Path, result.Include} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("printing wrote %s: %v", path, err)
		}
	}
	if len(d.entries(t, timeline.Exported)) != 0 {
		t.Error("printing is in the timeline")
	}
}

func TestSSHConfigRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), visited("WEB1", "10.0.0.8", "S1"))
	code, _, stderr := d.nightcall(t, "ssh-config", "--write")
	if code != exitFailed || !strings.Contains(stderr, `both "WEB1" and "web1"`) || !strings.Contains(stderr, "hint: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"ssh-config", "--write", "--remove"}, {"ssh-config", "web1"}, {"host", "show"}, {"hosts", "--nothing"}} {
		if code, _, stderr := d.nightcall(t, args...); code != exitUsage || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(d.home, ".ssh")); err == nil && len(entries) > 0 {
		t.Errorf("a refusal wrote %v", entries)
	}
}

// TestSSH runs the command line that `nightcall ssh` becomes.
func TestSSH(t *testing.T) {
	t.Parallel()
	bastion, web := hosttest.StartSSHD(t), hosttest.StartSSHD(t)
	wrong := served("wrong", web)
	wrong.Access.HostKeys = served("bastion", bastion).Access.HostKeys
	d := newDesk(t, served("bastion", bastion), served("web1", web, hop(bastion)), wrong, visited("bad name", "10.0.0.1", "S1"))

	run := func(name string, command ...string) (string, error) {
		argv, err := d.sshArgv(t, name, command...)
		if err != nil {
			t.Fatal(err)
		}
		return systemSSH(t, argv[1:]...)
	}
	if out, err := run("web1", "printf", "%s|", "a b", "$HOME"); err != nil || out != "a b|$HOME|" {
		t.Errorf("arguments became %q, %v", out, err)
	}
	if out, err := run("web1", "echo one; exit 3"); err == nil || out != "one\n" {
		t.Errorf("a line became %q, %v", out, err)
	}
	if out, err := run("wrong", "true"); err == nil {
		t.Errorf("another host's key was trusted: %s", out)
	}
	started := d.entries(t, timeline.CommandStarted)
	noted := slices.ContainsFunc(started, func(e timeline.Entry) bool {
		return e.Host == "web1" && strings.Contains(string(e.Data), `"argv":["ssh","web1","printf",`)
	})
	if len(started) != 3 || !noted {
		t.Errorf("the timeline has %v", started)
	}
	if _, err := d.sshArgv(t, "bad name"); err == nil || !strings.Contains(err.Error(), "the name contains ' '") {
		t.Errorf("got %v", err)
	}
}

func TestSSHRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"))
	for _, args := range [][]string{{"ssh"}, {"ssh", "web1", "uptime"}, {"ssh", "web1", "web2", "--", "uptime"}, {"ssh", "--", "uptime"}, {"ssh", "wbe1"}} {
		if code, _, stderr := d.nightcall(t, args...); code != exitUsage || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
	if started := d.entries(t, timeline.CommandStarted); len(started) != 0 {
		t.Errorf("a refusal is in the timeline: %v", started)
	}
}

// sshArgv prepares a login as `nightcall ssh` does.
func (d desk) sshArgv(t *testing.T, name string, command ...string) ([]string, error) {
	t.Helper()
	env := map[string]string{"HOME": d.home}
	a := &app{incident: d.incident, now: func() time.Time { return lookAt }, getenv: func(key string) string { return env[key] }}
	incident, err := a.openCurrent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer incident.Close()
	return incident.prepareSSH(t.Context(), sshOptions{}, name, command)
}

func TestExport(t *testing.T) {
	t.Parallel()
	d := newDesk(t, visited("web1", "10.0.0.7", "S1"), visited("web 2", "10.0.0.8", "S1"))
	for format, proof := range map[string]string{"ansible": "ansible_host: \"10.0.0.7\"", "csv": "web1,10.0.0.7,22,admin,", "hosts": "10.0.0.7\tweb1\n"} {
		text := d.must(t, "export", format)
		if !strings.Contains(text, proof) {
			t.Errorf("%s: %s", format, text)
		}
		file := filepath.Join(d.home, format)
		code, stdout, stderr := d.nightcall(t, "export", format, "-o", file, "--json")
		var result exportResult
		if err := json.Unmarshal([]byte(stdout), &result); code != exitDone || err != nil || result.Path != file || result.Warnings == nil {
			t.Errorf("%s: exit %d: %s%s", format, code, stdout, stderr)
		}
		var printed exportResult
		if err := json.Unmarshal([]byte(d.must(t, "export", format, "--json")), &printed); err != nil || printed.Hosts != result.Hosts || printed.Hosts == 0 || printed.Text != text {
			t.Errorf("%s: printed %+v, written %+v: %v", format, printed, result, err)
		}
		if written, err := os.ReadFile(file); err != nil || string(written) != text {
			t.Errorf("%s: the file is not what is printed: %v", format, err)
		}
	}
	if len(d.entries(t, timeline.Exported)) != 3 {
		t.Errorf("the timeline has %v", d.entries(t, timeline.Exported))
	}
	rows, err := csv.NewReader(strings.NewReader(d.must(t, "export", "csv"))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if code, _, stderr := d.nightcall(t, "export", "csv", "-o", filepath.Join(d.home, "no", "such")); code != exitFailed || stderr == "" {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := d.nightcall(t, "export", "xml"); code != exitUsage || !strings.Contains(stderr, "unknown command") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"export", "csv"}, {"ssh-config", "--write"}} {
		if code, _, stderr := newDesk(t).nightcall(t, args...); code != exitFailed || !strings.Contains(stderr, "hint: nightcall scan") {
			t.Errorf("%v of an empty incident: exit %d: %s", args, code, stderr)
		}
	}
}
