package fact

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A real nginx goes on asking a dead server that has max_fails=0, and takes the
// same server out where it may: what we call unchecked is what it never takes out.
func TestUpstreamsAsNginxTreatsThem(t *testing.T) {
	t.Parallel()
	live, dead := aliveAddress(t), deadAddress(t)
	dir := t.TempDir()
	front := filepath.Join(dir, "nginx.sock")
	text := fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr notice;
events {}
http {
access_log off;
client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
upstream blind { server %[2]s max_fails=0; server %[3]s; }
upstream seeing { server %[2]s fail_timeout=60s; server %[3]s; }
server {
listen unix:%[4]s;
location /blind { proxy_pass http://blind; }
location /seeing { proxy_pass http://seeing; }
}
}
`, dir, dead, live, front)
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "nginx", "-p", dir, "-c", config)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", front) }}}
	get := func(path string) error { return reachesAlive(client, "http://nginx"+path) }
	for deadline := time.Now().Add(20 * time.Second); get("/seeing") != nil && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	for range 8 {
		for _, path := range []string{"/blind", "/seeing"} {
			if err := get(path); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	_ = cmd.Wait()
	log, err := os.ReadFile(said.Name())
	if err != nil {
		t.Fatal(err)
	}
	failed := func(path string) int {
		return strings.Count(string(log), fmt.Sprintf(`connect() failed (111: Connection refused) while connecting to upstream, client: unix:, server: , request: "GET /%s`, path))
	}
	if failed("blind") < 3 || failed("seeing") != 1 {
		t.Errorf("nginx asked the dead server %d and %d times:\n%s", failed("blind"), failed("seeing"), log)
	}
	unchecked := map[string]string{}
	var lines strings.Builder
	for n, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&lines, "/etc/nginx/nginx.conf:%d:%s\n", n+1, line)
	}
	for _, u := range observe(upstreamsFact(), Raw{Out: lines.String() + "#end\n", Root: true}).Upstreams.Value {
		unchecked[u.Name] = strings.Join(u.Unchecked, " ")
	}
	if len(unchecked) != 2 || unchecked["blind"] != dead || unchecked["seeing"] != "" {
		t.Errorf("unchecked: %v", unchecked)
	}
}

// deadAddress is one that nobody listens at.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// aliveAddress is where a server answers every request, until the test ends.
func aliveAddress(t *testing.T) string {
	t.Helper()
	alive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "alive") }))
	t.Cleanup(alive.Close)
	return strings.TrimPrefix(alive.URL, "http://")
}

// reachesAlive asks a balancer, and fails where it was not that server that answered.
func reachesAlive(client *http.Client, url string) error {
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); string(body) != "alive" {
		return fmt.Errorf("%s, %w", body, err)
	}
	return nil
}
