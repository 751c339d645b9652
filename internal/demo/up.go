package demo

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// A Running is a fleet that is up.
type Running struct {
	Config  string   // ssh configuration that reaches every host by name
	Names   []string // of the hosts, in the order of the story
	servers []*Server
}

// Up starts a server for each machine, and writes the key and the ssh
// configuration that reach them into dir. Answers take delay to come.
func Up(dir string, machines []Machine, delay time.Duration) (*Running, error) {
	identity := filepath.Join(dir, "demo_key")
	user, err := writeKey(identity)
	if err != nil {
		return nil, fmt.Errorf("demo key: %w", err)
	}
	r := &Running{Config: filepath.Join(dir, "demo_ssh_config")}
	var config strings.Builder
	for _, m := range machines {
		s, err := Start(m, user, delay)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.servers, r.Names = append(r.servers, s), append(r.Names, m.Name)
		fmt.Fprintf(&config, "Host %s\n    HostName 127.0.0.1\n    Port %d\n    User root\n    IdentityFile \"%s\"\n    IdentitiesOnly yes\n    IdentityAgent none\n    UserKnownHostsFile none\n",
			m.Name, s.Addr.(*net.TCPAddr).Port, identity)
	}
	if err := os.WriteFile(r.Config, []byte(config.String()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("demo configuration: %w", err), r.Close())
	}
	return r, nil
}

// Close ends every server.
func (r *Running) Close() error {
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func writeKey(path string) (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "nightcall demo")
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
