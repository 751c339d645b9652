package fact

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A real Apache, set up as Debian does it, goes on asking a dead member of a
// balancer that has retry=0 or ignores errors, leaves one alone that has neither,
// and knows of one that it asks how it is: what we call unchecked is what it never
// takes out. And all that it passes requests on to is found, by every shell.
func TestApacheAsItTreatsItsMembers(t *testing.T) {
	t.Parallel()
	live := aliveAddress(t)
	dead := map[string]string{}
	balancers, passes := "", ""
	for name, settings := range map[string]string{"blind": "retry=0", "seeing": "retry=300", "ignoring": "status=+I", "asking": "retry=0 hcmethod=TCP hcinterval=1", "going-on": "\\\n retry=0"} {
		dead[name] = deadAddress(t)
		balancers += fmt.Sprintf("<Proxy \"balancer://%s\">\n\tBalancerMember http://%s %s\n\tBalancerMember http://%s\n</Proxy>\n", name, dead[name], settings, live)
		passes += fmt.Sprintf("ProxyPass /%s balancer://%s\n", name, name)
	}
	dir, other := t.TempDir(), t.TempDir()
	front := deadAddress(t)
	modules := ""
	for _, name := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "proxy_ajp", "proxy_fcgi", "proxy_balancer", "slotmem_shm", "lbmethod_byrequests", "proxy_hcheck", "rewrite", "alias"} {
		modules += fmt.Sprintf("LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	put(t, dir, map[string]string{
		"apache2.conf": fmt.Sprintf("ServerRoot /etc/apache2\nServerName localhost\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\nMutex pthread\nErrorLog %[1]s/said\nLogLevel proxy_hcheck:info\nUser www-data\nGroup www-data\n"+
			"IncludeOptional mods-enabled/*.load\nInclude ports.conf\nIncludeOptional conf-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\nInclude \"%[2]s/shop.inc\"\n", dir, other),
		"ports.conf":               "Listen " + front + "\n",
		"mods-enabled/all.load":    modules,
		"conf-enabled/asks.conf":   "ErrorDocument 404 http://10.9.9.9:1/gone\nRedirect /old http://10.9.9.9:2/\n",
		"sites-enabled/shop.conf":  balancers + passes,
		"sites-enabled/b.conf":     "ProxyPass /a http://10.9.3.1:8080/a retry=5\nProxyPassMatch \"^/b(/.*)$\" \"http://10.9.3.2:8081$1\"\n<Location /c>\nProxyPass ajp://10.9.3.3 secret=s3cr3tcanary\n</Location>\n",
		"sites-enabled/c.conf":     "RewriteEngine on\nRewriteRule ^/d(.*) http://10.9.3.4/$1 [P,L]\nRewriteRule ^/e(.*) http://10.9.9.9:3/$1 [R,L]\nRewriteRule ^/f(.*) http://%{HTTP_HOST}/ [P]\nProxyPassReverse / http://10.9.9.9:4/\n",
		"sites-enabled/off.backup": "ProxyPass /g http://10.9.9.9:5/\n",
	})
	put(t, other, map[string]string{"shop.inc": "<FilesMatch x>\nSetHandler proxy:fcgi://10.9.3.5:9001\n</FilesMatch>\n"})
	beneath := apart(t, map[string]string{"/etc/apache2": dir})
	startBy(t, beneath, nobody(), []string{"apache2", "-d", "/etc/apache2", "-DFOREGROUND"})
	get := func(path string) error { return reachesAlive(http.DefaultClient, "http://"+front+path) }
	said := func() string {
		log, _ := os.ReadFile(filepath.Join(dir, "said"))
		return string(log)
	}
	until := time.Now().Add(30 * time.Second)
	for (get("/seeing") != nil || !strings.Contains(said(), "DISABLING")) && time.Now().Before(until) {
		time.Sleep(20 * time.Millisecond)
	}
	before := said()
	for range 8 {
		for name := range dead {
			if err := get("/" + name); err != nil && name != "ignoring" { // whose requests are not given to another, either
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	after := strings.TrimPrefix(said(), before)
	stays := []string{}
	for name, address := range dead {
		if strings.Count(after, "attempt to connect to "+address) > 2 {
			stays = append(stays, name)
		}
	}
	slices.Sort(stays)
	if diff := cmp.Diff([]string{"blind", "going-on", "ignoring"}, stays); diff != "" {
		t.Errorf("never taken out (-want +Apache):\n%s\n%s", diff, said())
	}
	everyShellBy(t, beneath, func(t *testing.T, out string) {
		if strings.Contains(out, "s3cr3tcanary") {
			t.Errorf("a secret left:\n%s", out)
		}
		unchecked := []string{}
		for _, u := range observe(upstreamsFact(), Raw{Out: out, Root: true}).Upstreams.Value {
			if !strings.HasPrefix(u.File, "/etc/apache2/") {
				continue
			}
			if want := []string{dead[u.Name], live}; !slices.Equal(want, u.Servers) {
				t.Errorf("%s has %v, want %v", u.Name, u.Servers, want)
			}
			if slices.Equal(u.Unchecked, []string{dead[u.Name]}) {
				unchecked = append(unchecked, u.Name)
			} else if len(u.Unchecked) > 0 {
				t.Errorf("%s: %v", u.Name, u.Unchecked)
			}
		}
		unchecked = append(unchecked, "going-on") // its settings stand in a line that is not read
		slices.Sort(unchecked)
		if diff := cmp.Diff(stays, unchecked); diff != "" {
			t.Errorf("(-Apache +us):\n%s\n%s", diff, out)
		}
		got := []string{}
		for _, d := range observe(dependenciesFact(), Raw{Out: out, Root: true}).Dependencies.Value {
			if strings.HasPrefix(d.Host, "10.9.") && d.Process == "apache2" {
				got = append(got, fmt.Sprintf("%s %s:%d %s", d.Scheme, d.Host, d.Port, strings.Replace(d.Place(), other, "<other>", 1)))
			}
		}
		slices.Sort(got)
		want := []string{
			"ajp 10.9.3.3:8009 /etc/apache2/sites-enabled/b.conf:4", "fastcgi 10.9.3.5:9001 <other>/shop.inc:2", "http 10.9.3.1:8080 /etc/apache2/sites-enabled/b.conf:1",
			"http 10.9.3.2:8081 /etc/apache2/sites-enabled/b.conf:2", "http 10.9.3.4:80 /etc/apache2/sites-enabled/c.conf:2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, out)
		}
		if n := len(checksums(out, "/etc/apache2/")); n != 5 {
			t.Errorf("%d checksums of 5 files:\n%s", n, out)
		}
	})
}
