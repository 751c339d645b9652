package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// balanced is a configuration with servers that nobody checks, in every way to
// write them.
const balanced = `defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen shop
    bind 127.0.0.1:18080
    server be1 127.0.0.1:8081 # why
	server be2 127.0.0.1:8082 weight 10   	# "two"
    server be3 127.0.0.1:8083 check
    server be4 127.0.0.1:8084 cookie "a # b"
    server be5 127.0.0.1:8085 no-check weight 3
`

// What the correction says is applied by patch to the very file, HAProxy accepts
// it, and then nothing is left to correct.
func TestCheckServersIsApplicable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(balanced), 0o600); err != nil {
		t.Fatal(err)
	}
	c := checkServers(Subject{Host: balancerHost(t, file, balanced)}, "shop").plain()
	if c == nil {
		t.Fatal("there is no correction")
	}
	patch := exec.CommandContext(t.Context(), "patch", "-p0", "--fuzz=0", file)
	patch.Stdin = strings.NewReader(c.Diff)
	if out, err := patch.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v: %s\n%s", err, out, c.Diff)
	}
	if out, err := exec.CommandContext(t.Context(), "haproxy", "-c", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("haproxy: %v: %s", err, out)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := balancerHost(t, file, string(after))
	if b := h.Facts.Balancers.Value; len(b) != 1 || len(b[0].Unchecked) != 0 || len(b[0].Servers) != 5 {
		t.Errorf("still unchecked: %+v\n%s", b, after)
	}
	if again := checkServers(Subject{Host: h}, "shop"); again != nil {
		t.Errorf("there is something left to correct: %+v", again)
	}
	if !strings.Contains(string(after), "be1 127.0.0.1:8081 check # why") || !strings.Contains(string(after), `weight 10 check   	# "two"`) {
		t.Errorf("comments moved:\n%s", after)
	}
}

// balancerHost is a host whose facts were read from this configuration.
func balancerHost(t *testing.T, file, text string) inventory.Host {
	t.Helper()
	var h inventory.Host
	f, _ := fact.Lookup("balancers")
	f.Read(fact.Raw{Files: map[string]fact.File{file: {Content: text}}}, h.Seen, &h.Facts)
	return h
}

// Lines that are not whole, or that a terminal would obey, are not corrected.
func TestCheckServersLeavesAlone(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"server a 127.0.0.1:1 password=hunter2", "server a\u202e 127.0.0.1:1"} {
		h := balancerHost(t, "/etc/haproxy/haproxy.cfg", "backend b\n "+line+"\n")
		if c := checkServers(Subject{Host: h}, "b").plain(); c != nil {
			t.Errorf("%q: %+v", line, c)
		}
	}
	if c := checkServers(Subject{}, "nobody"); c != nil {
		t.Errorf("%+v", c)
	}
}

func TestCloseRedis(t *testing.T) {
	t.Parallel()
	setting := func(line int, name, text string) fact.Setting {
		return fact.Setting{File: "/etc/redis/redis.conf", Line: line, Name: name, Text: text}
	}
	open := []fact.Setting{setting(87, "bind", "bind * -::*"), setting(111, "protected-mode", "protected-mode no"), setting(138, "port", "port 6379")}
	called := &Site{Map: link.Map{Links: []link.Link{{From: link.End{Host: "be1"}, To: link.End{Host: "r1", Address: "10.0.0.9"}, Port: 6379}}}}
	for _, c := range []struct {
		name     string
		settings []fact.Setting
		site     *Site
		key      string
		want     string
	}{
		{"nobody calls", open, nil, "Redis tcp/6379", "--- /etc/redis/redis.conf\n+++ /etc/redis/redis.conf\n@@ -87 +87 @@\n-bind * -::*\n+bind 127.0.0.1\n@@ -111 +111 @@\n-protected-mode no\n+protected-mode yes\n"},
		{"a client calls", open, called, "Redis tcp/6379", "--- /etc/redis/redis.conf\n+++ /etc/redis/redis.conf\n@@ -87 +87 @@\n-bind * -::*\n+bind 127.0.0.1 10.0.0.9\n"},
		{"a file elsewhere", []fact.Setting{{File: "/opt/x/redis.conf", Line: 1, Name: "bind", Text: "bind 0.0.0.0"}}, nil, "Redis tcp/6379", "--- /opt/x/redis.conf\n+++ /opt/x/redis.conf\n@@ -1 +1 @@\n-bind 0.0.0.0\n+bind 127.0.0.1\n"},
		{"another port", open, nil, "Redis tcp/6380", ""},
		{"another service", open, nil, "MySQL tcp/3306", ""},
		{"closed already", []fact.Setting{setting(87, "bind", "bind 127.0.0.1 -::1")}, nil, "Redis tcp/6379", ""},
		{"nothing known", nil, nil, "Redis tcp/6379", ""},
		{"two files could be meant", append([]fact.Setting{{File: "/etc/redis.conf", Line: 1, Name: "bind", Text: "bind 0.0.0.0"}}, open...), nil, "Redis tcp/6379", ""},
	} {
		var h inventory.Host
		h.Name = "r1"
		h.Facts.RedisSettings.Value = c.settings
		got := ""
		if fix := closeRedis(Subject{Host: h, Site: c.site}, c.key).plain(); fix != nil {
			got = fix.Diff
			if packaged := strings.HasPrefix(c.settings[0].File, "/etc/"); packaged != strings.HasPrefix(fix.Then, "systemctl ") {
				t.Errorf("%s: then %s", c.name, fix.Then)
			}
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
