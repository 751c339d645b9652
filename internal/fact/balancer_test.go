package fact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// balancerConfig has every way to ask for checks, and not to.
const balancerConfig = `global
    stats socket /nowhere mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend www
    bind 127.0.0.1:0
    default_backend plain
backend plain
    server be1 127.0.0.1:8081 # no check
    server be2 127.0.0.1:8082 weight 10
    server be3 127.0.0.1:8083 check inter 2s
    server be4 127.0.0.1:8084 disabled
backend asked
    option httpchk GET /health
    default-server check
    server be1 127.0.0.1:8081
    server be2 127.0.0.1:8082 no-check
backend tracked
    server be1 127.0.0.1:8081 track asked/be1
backend empty
defaults tcp
    mode tcp
    option tcp-check
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    default-server check inter 3s
listen db from tcp
    bind 127.0.0.1:0
    server db1 127.0.0.1:3306
    server db2 127.0.0.1:3307 backup
backend back from tcp
    server-template s 2 127.0.0.1:9000
`

func TestBalancers(t *testing.T) {
	t.Parallel()
	const file = "/etc/haproxy/haproxy.cfg"
	got := observe(balancersFact(), Raw{Files: map[string]File{file: {Content: balancerConfig}}}).Balancers
	want := []Balancer{
		{Backend: "plain", Mode: "http", Method: "connect", Servers: []string{"be1", "be2", "be3"}, Unchecked: []string{"be1", "be2"}},
		{Backend: "asked", Mode: "http", Method: "httpchk", Servers: []string{"be1", "be2"}, Unchecked: []string{"be2"}},
		{Backend: "tracked", Mode: "http", Method: "connect", Servers: []string{"be1"}, Unchecked: []string{}},
		{Backend: "db", Mode: "tcp", Method: "tcp-check", Servers: []string{"db1", "db2"}, Unchecked: []string{}},
		{Backend: "back", Mode: "tcp", Method: "tcp-check", Servers: []string{"s"}, Unchecked: []string{}},
	}
	if diff := cmp.Diff(want, got.Value, cmpopts.IgnoreFields(Balancer{}, "Targets", "File", "Files")); diff != "" || got.State != OK {
		t.Errorf("%s (%s): %s", got.State, got.Reason, diff)
	}
	if got := observe(balancersFact(), Raw{}).Balancers; got.State != OK || len(got.Value) != 0 {
		t.Errorf("without a file: %+v", got)
	}
	if got := observe(balancersFact(), Raw{Files: map[string]File{file: {Denied: true}}}).Balancers; got.State != Unknown || got.Reason == "" {
		t.Errorf("denied: %+v", got)
	}
}

// What the defaults of the main file say holds for the files in conf.d, as where
// HAProxy is started with both.
func TestBalancersOfTwoFiles(t *testing.T) {
	t.Parallel()
	main, more := "/etc/haproxy/haproxy.cfg", "/etc/haproxy/conf.d/shop.cfg"
	got := observe(balancersFact(), Raw{Files: map[string]File{
		main: {Content: "defaults\n mode http\n default-server check\n"}, more: {Content: "backend shop\n server a 10.0.0.1:80\n server b 10.0.0.2:80\n"},
	}}).Balancers.Value
	want := []Balancer{{Backend: "shop", Mode: "http", Method: "connect", Servers: []string{"a", "b"}, Unchecked: []string{}, File: more, Files: []string{main, more}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Balancer{}, "Targets")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A target has its address, its place and its line as it is written, without
// what may be secret in it.
func TestBalancerTargets(t *testing.T) {
	t.Parallel()
	const file = "/etc/haproxy/haproxy.cfg"
	text := "backend b\n\tserver a 10.0.0.1:80 weight 3\r\n\n    server c db1.lan:3306 check  # main \n server-template s 1-3 ipv4@app:9000 password=canary\n server u unix@/run/x.sock\n server e ${HOST}:80\n server f [fd00::1]:81 disabled\n"
	got := observe(balancersFact(), Raw{Files: map[string]File{file: {Content: text}}}).Balancers.Value
	want := []Target{
		{Server: "a", Host: "10.0.0.1", Port: 80, File: file, Line: 2, Text: "\tserver a 10.0.0.1:80 weight 3"},
		{Server: "c", Host: "db1.lan", Port: 3306, File: file, Line: 4, Text: "    server c db1.lan:3306 check  # main "},
		{Server: "s", Host: "app", Port: 9000, File: file, Line: 5, Text: " server-template s 1-3 ipv4@app:9000 password=" + redact.Mask},
		{Server: "u", File: file, Line: 6, Text: " server u unix@/run/x.sock"},
		{Server: "e", File: file, Line: 7, Text: " server e ${HOST}:80"},
	}
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	if diff := cmp.Diff(want, got[0].Targets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"  server a 1.2.3.4:80 check # why": {"server", "a", "1.2.3.4:80", "check"},
		`log-format "a b # c" 'd\e' f\ g`:   {"log-format", "a b # c", `d\e`, "f g"},
		`x ""`:                              {"x", ""},
		"# all":                             nil,
	} {
		if diff := cmp.Diff(want, configWords(line)); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func FuzzBalancers(f *testing.F) {
	f.Add(balancerConfig)
	f.Fuzz(func(t *testing.T, config string) {
		out := "#haproxy\n#haproxy /proc/1 /x y\n"
		for n, line := range strings.Split(config, "\n") {
			out += fmt.Sprintf("/x y:%d:%s\n", n+1, line)
		}
		set := observe(balancersFact(), Raw{Out: out + "#end\n", Files: map[string]File{"/etc/haproxy/haproxy.cfg": {Content: config}}})
		for _, b := range set.Balancers.Value {
			for _, text := range append([]string{b.Backend, b.Mode, b.Method}, b.Servers...) {
				if text != clean(text) {
					t.Errorf("%q was kept", text)
				}
			}
			for _, target := range b.Targets {
				if host, ok := hostName(target.Host); target.Host != "" && (!ok || host != target.Host) || target.Text != plainLine(target.Text) || target.Line < 1 {
					t.Errorf("%+v was kept", target)
				}
			}
		}
	})
}
