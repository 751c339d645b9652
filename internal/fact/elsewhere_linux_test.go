package fact

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyShell runs the script of the dependencies under each shell there is.
func everyShell(t *testing.T, see func(t *testing.T, out string)) {
	t.Helper()
	everyShellBy(t, nil, see)
}

// everyShellBy starts the shells by way of another program.
func everyShellBy(t *testing.T, by []string, see func(t *testing.T, out string)) {
	t.Helper()
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}, {"ksh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		argv := slices.Concat(by, shell, []string{"-c", asSection(dependenciesScript)})
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
		if err != nil {
			t.Errorf("%s: %v", shell[0], err)
			continue
		}
		t.Run(shell[0], func(t *testing.T) { see(t, string(out)) })
	}
}

// put writes files below a directory.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A real nginx that was started with a configuration of its own: what that
// includes is read as nginx reads it, also within an upstream and through another
// include; what lies beside it and is not included is not.
func TestNginxIncludes(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	front := filepath.Join(dir, "nginx.sock")
	put(t, dir, map[string]string{
		"nginx.conf": fmt.Sprintf(`daemon off;
pid %[1]s/pid;
error_log stderr notice;
events {}
http {
access_log off;
client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
upstream app {
    include "servers/*.conf";
}
include %[2]s/shop.conf;
server {
    listen unix:%[3]s;
    location / { proxy_pass http://app; }
    include  sites/*.site;
    include nothing-here/*.conf;
}
}
`, dir, other, front),
		"servers/a.conf":   "server 10.9.0.1:8080 max_fails=0; # the first\n",
		"servers/b.conf":   "server 10.9.0.2:8080;\n",
		"sites/one.site":   "location /search {\n    proxy_pass http://10.9.0.3:9200;\n    include deep/*.inc;\n}\n",
		"deep/a.inc":       "proxy_set_header X y;\nset $other http://10.9.0.4:8983;\n",
		"sites/two.backup": "proxy_pass http://10.9.9.9:1;\n",
	})
	put(t, other, map[string]string{"shop.conf": "upstream shop {\n    server 10.9.0.5:81;\n}\n"})
	cmd := exec.CommandContext(t.Context(), "nginx", "-c", filepath.Join(dir, "nginx.conf"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its workers
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	awaitSocket(t, front) // its master has its title since long
	want := []string{
		"10.9.0.1:8080 <dir>/servers/a.conf:1", "10.9.0.2:8080 <dir>/servers/b.conf:1", "10.9.0.5:81 <other>/shop.conf:2",
		"http 10.9.0.3:9200 <dir>/sites/one.site:2", "http 10.9.0.4:8983 <dir>/deep/a.inc:2",
	}
	everyShell(t, func(t *testing.T, out string) {
		var got []string
		for _, d := range observe(dependenciesFact(), Raw{Out: out, Root: true}).Dependencies.Value {
			place := strings.NewReplacer(dir, "<dir>", other, "<other>").Replace(d.Place())
			if place != d.Place() {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s:%d %s", d.Scheme, d.Host, d.Port, place)))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, out)
		}
		upstreams := map[string]string{}
		for _, u := range observe(upstreamsFact(), Raw{Out: out, Root: true}).Upstreams.Value {
			if strings.HasPrefix(u.File, dir) || strings.HasPrefix(u.File, other) {
				upstreams[u.Name] = strings.Join(u.Servers, " ") + " unchecked " + strings.Join(u.Unchecked, " ")
			}
		}
		if diff := cmp.Diff(map[string]string{"app": "10.9.0.1:8080 10.9.0.2:8080 unchecked 10.9.0.1:8080", "shop": "10.9.0.5:81 unchecked "}, upstreams); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, out)
		}
		if n := len(checksums(out, dir)); n != 5 {
			t.Errorf("%d checksums of 5 files", n)
		}
	})
}

// A real HAProxy that was started with a directory and several files is read as
// it reads them: in their order, with the defaults of the one before, and what it
// has for unchecked is what we have. What was not named is not read.
func TestHAProxyStartedWithFiles(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "ha") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	put(t, dir, map[string]string{
		"global.cfg":    "global\n    stats socket " + socket + " mode 600 level admin\ndefaults\n    mode http\n    option httpchk GET /up\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n",
		"d/10-shop.cfg": "listen shop\n    bind " + filepath.Join(dir, "b") + "\n    server be1 10.9.1.1:80 check\n    server be2 10.9.1.2:80\n",
		"d/20-db.cfg":   "backend db\n    mode tcp\n    server db1 10.9.1.3:3306 # no check\n",
		"d/30-old.off":  "backend old\n    server x 10.9.1.9:80\n",
		"other.cfg":     "backend other\n    server x 10.9.1.9:80\n",
		"last/a b.cfg":  "backend blank\n    server c1 10.9.1.4:80 check\n",
	})
	startHAProxy(t, socket, "-f", filepath.Join(dir, "global.cfg"), "-C", dir, "-f", "d", "-f", filepath.Join(dir, "last", "a b.cfg"))
	unchecked := uncheckedByHAProxy(t, socket)
	everyShell(t, func(t *testing.T, out string) {
		// Others run here too; the files of the usual places are theirs.
		mine := Raw{Out: strings.ReplaceAll(out, "#haproxy\n", ""), Root: true, Files: map[string]File{"/etc/haproxy/haproxy.cfg": {Content: "backend leftover\n server x 10.9.1.9:1\n"}}}
		var got []string
		seen := map[string][]string{}
		for _, b := range observe(balancersFact(), mine).Balancers.Value {
			if together := strings.ReplaceAll(strings.Join(b.Files, ","), dir, ""); strings.HasPrefix(b.File, dir) && together != "/global.cfg,/d/10-shop.cfg,/d/20-db.cfg,/last/a b.cfg" {
				t.Errorf("%s is read together with %s", b.Backend, together)
			}
			for n, target := range b.Targets {
				place := strings.Replace(target.File, dir, "", 1)
				if target.File != "" && place == target.File && b.Backend != "leftover" {
					continue // of another test's HAProxy
				}
				got = append(got, fmt.Sprintf("%s %s %s %s:%d %s:%d", b.Backend, b.Mode, b.Method, target.Host, target.Port, place, target.Line))
				if slices.Contains(b.Unchecked, b.Servers[n]) {
					seen[b.Backend] = append(seen[b.Backend], b.Servers[n])
				}
			}
		}
		want := []string{
			"shop http httpchk 10.9.1.1:80 /d/10-shop.cfg:3", "shop http httpchk 10.9.1.2:80 /d/10-shop.cfg:4",
			"db tcp httpchk 10.9.1.3:3306 /d/20-db.cfg:3", "blank http httpchk 10.9.1.4:80 /last/a b.cfg:2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, out)
		}
		if diff := cmp.Diff(unchecked, seen); diff != "" {
			t.Errorf("(-HAProxy +us):\n%s", diff)
		}
		if n := len(checksums(out, dir)); n != 4 {
			t.Errorf("%d checksums of 4 files:\n%s", n, out)
		}
	})
}

// A real nginx that was started with a file and no directory reads it from where it
// was built to be, or from where it runs; and we say so where a file is not there
// to be read.
func TestNginxStartedWithARelativeFile(t *testing.T) {
	t.Parallel()
	text := func(dir string, port int) string {
		return fmt.Sprintf(`daemon off;
pid %[1]s/pid;
error_log stderr notice;
events {}
http {
access_log off;
client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
server {
    listen unix:%[1]s/s;
    location / { proxy_pass http://10.9.4.1:%[2]d; }
}
}
`, dir, port)
	}
	beneath := apart(t, nil)
	start := func(dir, from string, argv ...string) {
		startBy(t, beneath, []string{"--wd=" + from}, nobody(), []string{"nginx"}, argv)
		awaitSocket(t, filepath.Join(dir, "s"))
	}
	built, here, gone := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, built, map[string]string{"shop.conf": text(built, 81)})
	put(t, here, map[string]string{"mine.conf": text(here, 82)})
	put(t, gone, map[string]string{"gone.conf": text(gone, 83)})
	start(built, "/", "-c", "../../.."+filepath.Join(built, "shop.conf")) // Debian's is built for /usr/share/nginx
	start(here, here, "-p", ".", "-c", "mine.conf")
	start(gone, "/", "-c", filepath.Join(gone, "gone.conf"))
	hidden := slices.Concat(beneath, []string{"unshare", "-m", "sh", "-c", `mount -t tmpfs none "$0" && exec "$@"`, gone}) // from us alone
	everyShellBy(t, hidden, func(t *testing.T, out string) {
		got := observe(dependenciesFact(), Raw{Out: out, Root: true}).Dependencies
		var places []string
		for _, d := range got.Value {
			if d.Host == "10.9.4.1" {
				places = append(places, fmt.Sprintf("%d %s", d.Port, strings.NewReplacer(built, "<built>", here, "<here>").Replace(d.Place())))
			}
		}
		slices.Sort(places)
		want := []string{"81 <built>/shop.conf:10", "82 <here>/mine.conf:10"}
		if strings.HasSuffix(t.Name(), "/ksh") && !strings.Contains(out, " "+here+" nginx\n") && strings.Contains(got.Reason, "mine.conf") {
			want = want[:1] // ksh cuts the name of its directory now and then: what is not found by it is told
		}
		if !slices.Equal(want, places) {
			t.Errorf("found %v, want %v:\n%s", places, want, out)
		}
		if got.State != Partial || !strings.Contains(got.Reason, "nginx -c "+gone+"/gone.conf") || strings.Contains(got.Reason, "shop.conf") {
			t.Errorf("%v: %s", got.State, got.Reason)
		}
	})
}
