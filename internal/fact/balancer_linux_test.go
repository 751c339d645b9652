package fact

import (
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A real HAProxy reads the same configuration and says which of its servers it
// does not check: the same as we do.
func TestBalancersAsHAProxySeesThem(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "ha") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, config := filepath.Join(dir, "s"), filepath.Join(dir, "haproxy.cfg")
	text := strings.ReplaceAll(balancerConfig, "/nowhere", socket)
	text = strings.ReplaceAll(text, "bind 127.0.0.1:0\n", "bind "+filepath.Join(dir, "b")+"\n")
	text = strings.Replace(text, filepath.Join(dir, "b")+"\n    server", filepath.Join(dir, "c")+"\n    server", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startHAProxy(t, socket, "-f", config)
	want := uncheckedByHAProxy(t, socket)
	got := map[string][]string{}
	for _, b := range observe(balancersFact(), Raw{Files: map[string]File{"/etc/haproxy/haproxy.cfg": {Content: text}}}).Balancers.Value {
		if len(b.Unchecked) > 0 {
			got[b.Backend] = b.Unchecked
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-HAProxy +us):\n%s", diff)
	}
}

// startHAProxy starts one that answers on a socket, from the root directory, until
// the test ends.
func startHAProxy(t *testing.T, socket string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "haproxy", append([]string{"-db"}, args...)...)
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	awaitSocket(t, socket)
}

// awaitSocket waits until somebody listens.
func awaitSocket(t *testing.T, socket string) {
	t.Helper()
	await(t, "unix", socket)
}

func await(t *testing.T, network, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial(network, address); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", address)
}

// uncheckedByHAProxy asks the running HAProxy.
func uncheckedByHAProxy(t *testing.T, socket string) map[string][]string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "show stat -1 4 -1")
	rows, err := csv.NewReader(conn).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for n, name := range rows[0] {
		column[name] = n
	}
	out := map[string][]string{}
	for _, r := range rows[1:] {
		if r[column["status"]] == "no check" {
			out[r[0]] = append(out[r[0]], r[1])
		}
	}
	return out
}
