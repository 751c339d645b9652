package hosttest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Realm is the Kerberos realm of the tests.
const Realm = "NIGHTCALL.TEST"

// A KDC is a real Kerberos server on loopback, with a realm of its own.
type KDC struct {
	Dir    string
	Config string // its krb5.conf, for clients and servers alike

	pid  int
	gone chan struct{}
}

// NewKDC starts a server that keeps its files in dir; the caller calls stop.
func NewKDC(dir string) (k *KDC, stop func(), err error) {
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	k = &KDC{Dir: dir, Config: filepath.Join(dir, "krb5.conf"), gone: make(chan struct{})}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for path, text := range map[string]string{
		k.Config: fmt.Sprintf("[libdefaults]\n default_realm = %[1]s\n dns_lookup_realm = false\n dns_lookup_kdc = false\n"+
			" dns_canonicalize_hostname = false\n rdns = false\n[realms]\n %[1]s = {\n  kdc = %[2]s\n }\n", Realm, address),
		k.profile(): fmt.Sprintf("[realms]\n %[1]s = {\n  database_name = %[2]s/principal\n  key_stash_file = %[2]s/stash\n"+
			"  kdc_listen = %[3]s\n  kdc_tcp_listen = %[3]s\n }\n[logging]\n kdc = FILE:%[2]s/kdc.log\n", Realm, dir, address),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, nil, err
		}
	}
	if err := k.run("kdb5_util", "create", "-s", "-P", "only the tests know it"); err != nil {
		return nil, nil, err
	}
	if err := k.start(address); err != nil {
		return nil, nil, err
	}
	return k, k.stop, nil
}

func (k *KDC) profile() string { return filepath.Join(k.Dir, "kdc.conf") }

func (k *KDC) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/usr/sbin/"+name, args...)
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+k.Config, "KRB5_KDC_PROFILE="+k.profile())
	return cmd
}

func (k *KDC) run(name string, args ...string) error {
	if out, err := k.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %q: %w: %s", name, args, err, bytes.TrimSpace(out))
	}
	return nil
}

// start runs the server and waits until it takes connections.
func (k *KDC) start(address string) error {
	cmd := k.command("krb5kdc", "-n")
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("krb5kdc: %w", err)
	}
	k.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait()
		close(k.gone)
	}()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-k.gone:
			return fmt.Errorf("krb5kdc ended: %s", bytes.TrimSpace(said.Bytes()))
		case <-time.After(5 * time.Millisecond): // until it listens
		}
	}
	k.stop()
	return fmt.Errorf("krb5kdc never listened on %s", address)
}

func (k *KDC) stop() {
	_ = syscall.Kill(-k.pid, syscall.SIGTERM)
	<-k.gone
}

// AddUser adds a person with a password.
func (k *KDC) AddUser(name, password string) error {
	return k.run("kadmin.local", "-q", fmt.Sprintf("addprinc -pw %q %s", password, name))
}

// Keytab adds a service, like host/web1, and returns its keys.
func (k *KDC) Keytab(service string) ([]byte, error) {
	file := filepath.Join(k.Dir, strings.ReplaceAll(service, "/", "-")+".keytab")
	for _, query := range []string{"addprinc -randkey " + service, "ktadd -k " + file + " " + service} {
		if err := k.run("kadmin.local", "-q", query); err != nil {
			return nil, err
		}
	}
	return os.ReadFile(file)
}
