//go:build unix

package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// served is the inventory's view of a real server.
func served(name string, s *hosttest.SSHD, hops ...inventory.Hop) inventory.Host {
	h := seen(name, "127.0.0.1", behind(hops...))
	h.Access.Port, h.Access.User, h.Access.Identities = s.Port, s.User, []string{s.Identity}
	h.Access.HostKeys = []inventory.HostKey{publicKey(s)}
	return h
}

func publicKey(s *hosttest.SSHD) inventory.HostKey {
	return inventory.HostKey{Type: s.HostKey.Type(), Key: base64.StdEncoding.EncodeToString(s.HostKey.Marshal())}
}

// TestThroughRealServers logs in with the system's client and nothing but what
// was exported: directly, through a bastion of the incident, and through a
// second one that is no host of it.
func TestThroughRealServers(t *testing.T) {
	t.Parallel()
	bastion, outside, web, db := hosttest.StartSSHD(t), hosttest.StartSSHD(t), hosttest.StartSSHD(t), hosttest.StartSSHD(t)
	first := inventory.Hop{Address: "127.0.0.1", Port: bastion.Port, User: bastion.User}
	second := inventory.Hop{Alias: "inner", Address: "127.0.0.1", Port: outside.Port, User: outside.User}
	wrong := served("wrong", web)
	wrong.Access.HostKeys = []inventory.HostKey{publicKey(db)}
	dir := t.TempDir()
	after := filepath.Join(dir, "own")
	write(t, after, "Host inner\n  IdentityFile "+outside.Identity+"\n")
	write(t, filepath.Join(dir, KnownHostFile), "[127.0.0.1]:"+strconv.Itoa(outside.Port)+" "+publicKey(outside).Type+" "+publicKey(outside).Key+"\n")

	client, err := FindClient(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("/tmp", "nc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	o := options()
	o.Client, o.Dir, o.Sockets, o.After = client, dir, sockets, []string{after}
	config, err := SSHConfig([]inventory.Host{
		served("bastion", bastion), served("web1", web, first), served("db1", db, first, second), wrong,
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Write(t.Context(), dir, client); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, ConfigFile)
	t.Cleanup(func() {
		for _, alias := range []string{"bastion", "inner"} {
			_ = exec.Command(client.Path, "-F", file, "-O", "exit", alias).Run()
		}
	})
	for alias, port := range map[string]int{"bastion": bastion.Port, "web1": web.Port, "db1": db.Port} {
		out, _, err := login(t, client, file, alias)
		if words := strings.Fields(out); err != nil || len(words) != 4 || words[3] != strconv.Itoa(port) {
			t.Errorf("%s: %q, %v", alias, out, err)
		}
	}
	if sharing, err := filepath.Glob(filepath.Join(sockets, "nc-*")); err != nil || len(sharing) == 0 {
		t.Errorf("no connection to a bastion is shared: %v", err)
	}
	if _, said, err := login(t, client, file, "wrong"); err == nil || !strings.Contains(said, "HOST IDENTIFICATION HAS CHANGED") {
		t.Errorf("a host with another key let us in: %q", said)
	}
}

// login asks the host which connection this is: both ends with their ports.
func login(t *testing.T, client Client, file, alias string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, client.Path, "-F", file, "-o", "BatchMode=yes", alias, "echo $SSH_CONNECTION")
	cmd.WaitDelay = time.Second // a shared connection to a bastion keeps standard error open
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
