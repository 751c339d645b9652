package look

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

func dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// listener is what a host's sockets say of an address.
func listener(t *testing.T, address, process string) fact.Listener {
	t.Helper()
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return fact.Listener{Proto: "tcp", Addr: at.Addr(), Port: int(at.Port()), Process: process, Local: true}
}

func one(t *testing.T, address, process string) (fact.Reply, []fact.Cache) {
	t.Helper()
	replies, caches := Ask(t.Context(), dial, fact.Sockets{Listeners: []fact.Listener{listener(t, address, process)}})
	if len(replies) == 0 {
		return fact.Reply{}, caches
	}
	return replies[0], caches
}

// site answers each path with a status and a text.
func site(t *testing.T, header string, pages map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, value, _ := strings.Cut(header, ": ")
		if name != "" {
			w.Header().Set(name, value)
		}
		if r.Method != http.MethodGet {
			t.Errorf("%s %s: only GET is harmless", r.Method, r.URL)
		}
		text, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		status := http.StatusOK
		if code, rest, ok := strings.Cut(text, "|"); ok {
			_, _ = fmt.Sscan(code, &status)
			text = rest
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// Each service is known by what it says, and is open, readable or guarded by
// what it shows to a stranger.
func TestInterfaces(t *testing.T) {
	t.Parallel()
	const jenkinsScript = "<html><h1>Script Console</h1></html>"
	for _, tt := range []struct {
		service, access, process, header string
		pages                            map[string]string
	}{
		{"Jenkins", fact.ReplyOpen, "java", "X-Jenkins: 2.289.1", map[string]string{"/": "<title>Dashboard [Jenkins]</title>", "/script": jenkinsScript, "/api/json": `{"_class":"hudson.model.Hudson"}`}},
		{"Jenkins", fact.ReplyReadable, "java", "X-Jenkins: 2.289.1", map[string]string{"/": "[Jenkins]", "/script": "403|", "/api/json": `{"_class":"hudson.model.Hudson"}`}},
		{"Jenkins", fact.ReplyGuarded, "java", "X-Jenkins: 2.289.1", map[string]string{"/": "403|<a href='/login?from=/'>", "/script": "403|", "/api/json": "403|"}},
		{"Elasticsearch", fact.ReplyOpen, "java", "", map[string]string{"/": `{"cluster_name":"shop","version":{"number" : "7.17.0","lucene_version":"8.11"}}`}},
		{"Docker API", fact.ReplyOpen, "dockerd", "", map[string]string{"/version": `{"Version":"20.10.5","ApiVersion":"1.41"}`}},
		{"etcd", fact.ReplyOpen, "etcd", "", map[string]string{"/v2/keys/": `{"action":"get","node":{}}`}},
		{"etcd", fact.ReplyUnclear, "etcd", "", map[string]string{}},
		{"Consul", fact.ReplyOpen, "consul", "", map[string]string{"/v1/agent/self": `{"Config":{}}`}},
		{"Consul", fact.ReplyGuarded, "consul", "", map[string]string{"/v1/agent/self": `403|Permission denied`}},
		{"Kibana", fact.ReplyGuarded, "node", "kbn-name: kibana", map[string]string{"/": "", "/api/spaces/space": `401|{}`}},
		{"Solr", fact.ReplyOpen, "java", "", map[string]string{"/": "<title>Solr Admin</title>", "/solr/admin/info/system": `{"lucene":{}}`}},
		{"RabbitMQ management", fact.ReplyGuarded, "beam.smp", "", map[string]string{"/": "<title>RabbitMQ Management</title>", "/api/overview": `401|`}},
		{"Prometheus", fact.ReplyReadable, "prometheus", "", map[string]string{"/": "<title>Prometheus Time Series</title>", "/api/v1/status/buildinfo": `{"goVersion":"go1.16"}`}},
		{"Grafana", fact.ReplyGuarded, "grafana-server", "", map[string]string{"/": "<title>Grafana</title>", "/api/org": `401|`}},
		{"MinIO", fact.ReplyGuarded, "minio", "", map[string]string{"/": "403|<Error><Code>AccessDenied</Code></Error>"}},
		{"CouchDB", fact.ReplyOpen, "beam.smp", "", map[string]string{"/": `{"couchdb":"Welcome"}`, "/_all_dbs": `["users"]`}},
		{"Spring actuator", fact.ReplyReadable, "java", "", map[string]string{"/": "404|Whitelabel Error Page", "/actuator/env": `{"propertySources":[]}`}},
		{"", "", "java", "", map[string]string{"/": "<h1>the shop</h1>", "/script": jenkinsScript}},
		{"", "", "nginx", "", map[string]string{"/": "we are hiring: Jenkins administrators"}},
	} {
		t.Run(tt.service+" "+tt.access, func(t *testing.T) {
			t.Parallel()
			r, _ := one(t, site(t, tt.header, tt.pages), tt.process)
			if r.Service != tt.service || r.Access != tt.access {
				t.Errorf("%+v", r)
			}
			if tt.service == "Jenkins" && (r.Version != "2.289.1" || r.Said == "" || r.Why == "") {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A real Redis, which anybody may ask, and one with a password.
func TestRedis(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err) // a bare machine gets it from .ci/run
	}
	for password, want := range map[string]string{"": fact.ReplyOpen, "sesame": fact.ReplyGuarded} {
		address := startRedis(t, program, password)
		r, caches := one(t, address, "redis-server")
		if r.Service != "Redis" || r.Access != want || strings.Contains(r.Said, "sesame") {
			t.Errorf("%q: %+v", password, r)
		}
		if want != fact.ReplyOpen {
			if len(caches) != 0 {
				t.Errorf("%+v", caches)
			}
			continue
		}
		if len(caches) != 1 || caches[0].Role != "main" || caches[0].Memory == 0 || caches[0].MemoryMax != 64<<20 || caches[0].Version == "" || r.Version != caches[0].Version {
			t.Errorf("%+v %+v", caches, r)
		}
		if open, ok := Again(t.Context(), dial, r, address); !open || !ok {
			t.Errorf("asked again it is open %t, known %t", open, ok)
		}
	}
}

func startRedis(t *testing.T, program, password string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(fmt.Sprintf("port %s\nbind 127.0.0.1\nsave \"\"\nmaxmemory 64mb\ndir %s\nlogfile %s\n", port, cmd.Dir, filepath.Join(cmd.Dir, "log")) +
		map[bool]string{true: "requirepass " + password + "\n"}[password != ""])
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return address
		}
	}
	t.Fatal("redis-server does not answer")
	return ""
}

// speaker answers each connection's first words.
func speaker(t *testing.T, answer string) string {
	t.Helper()
	return hosttest.Serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 512))
		_, _ = io.WriteString(c, answer)
	}).String()
}

// What the manuals say that these answer.
func TestProtocols(t *testing.T) {
	t.Parallel()
	refused := "\x10code\x00\x0d\x00\x00\x00\x02codeName\x00\x0d\x00\x00\x00Unauthorized\x00"
	for _, tt := range []struct{ process, answer, service, access string }{
		{"memcached", "VERSION 1.6.18\r\n", "memcached", fact.ReplyOpen},
		{"memcached", "", "memcached", fact.ReplyUnclear},
		{"mongod", opMessage("\x04databases\x00\x05\x00\x00\x00\x00"), "MongoDB", fact.ReplyOpen},
		{"mongod", opMessage(refused), "MongoDB", fact.ReplyGuarded},
		{"mongod", "\xff\xff\xff\xff", "MongoDB", fact.ReplyUnclear},
		{"redis-server", "-DENIED Redis is running in protected mode\r\n", "Redis", fact.ReplyGuarded},
		{"redis-server", "-ERR operation not permitted\r\n", "Redis", fact.ReplyGuarded},
		{"redis-server", strings.Repeat("x", 1<<20), "Redis", fact.ReplyUnclear},
		{"mysqld", "\x4a\x00\x00\x00\x0a5.5.62", "", ""},
		{"java", "SSH-2.0-OpenSSH_9.2\r\n", "", ""},
	} {
		if r, _ := one(t, speaker(t, tt.answer), tt.process); r.Service != tt.service || r.Access != tt.access {
			t.Errorf("%s %.20q: %+v", tt.process, tt.answer, r)
		}
	}
	if n := binary.LittleEndian.Uint32([]byte(listDatabases)); int(n) != len(listDatabases) {
		t.Errorf("a message of %d bytes says it has %d", len(listDatabases), n)
	}
}

// Databases count strangers' calls: nobody calls them.
func TestDatabasesAreNotAsked(t *testing.T) {
	t.Parallel()
	never := func(context.Context, string) (net.Conn, error) {
		t.Error("somebody was asked")
		return nil, io.EOF
	}
	var all []fact.Listener
	for _, l := range []struct {
		process string
		port    int
	}{{"mysqld", 3306}, {"mariadbd", 13306}, {"postgres", 5433}, {"sshd", 2222}, {"", 3306}, {"", 22}, {"docker-proxy", 3306}, {"myown", 7777}} {
		all = append(all, fact.Listener{Proto: "tcp", Addr: netip.MustParseAddr("0.0.0.0"), Port: l.port, Process: l.process, All: true})
	}
	Ask(t.Context(), never, fact.Sockets{Listeners: all})
}

func FuzzPage(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nX-Jenkins: 2\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.0 403\r\nLocation:\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePage(data)
		if err == nil && (p.status < 100 || p.status > 599) {
			t.Errorf("%+v", p)
		}
		for _, q := range questions {
			q.recognise(p)
			_ = access(p, q.open)
			_ = p.said(q.open)
			_ = quoted(p.body, `"number"`)
		}
	})
}

func FuzzInfo(f *testing.F) {
	f.Add("redis_version:7.0.15\r\nrole:slave\r\nmaster_host:10.0.12.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\nmaster_link_down_since_seconds:77\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := parseInfo(text, 6379)
		if c.Memory < 0 || c.Lag < -1 || strings.ContainsAny(c.Source+c.Version+c.Policy, "\x1b\n") {
			t.Errorf("%+v", c)
		}
	})
}
