package export

import (
	"encoding/base64"
	"errors"
	"flag"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var night = time.Date(2026, 3, 7, 4, 30, 0, 0, time.UTC)

// hostKey is a key of that type with a body that means nothing.
func hostKey(kind string) inventory.HostKey {
	blob := append([]byte{0, 0, 0, byte(len(kind))}, kind...)
	blob = append(blob, 0, 0, 0, 4, 1, 2, 3, 4)
	return inventory.HostKey{Type: kind, Key: base64.StdEncoding.EncodeToString(blob), Fingerprint: "SHA256:" + kind}
}

func seen(name, address string, change ...func(*inventory.Host)) inventory.Host {
	h := inventory.Host{
		Name: name, Class: host.ClassOK, Visited: night, Seen: night,
		Access: inventory.Access{
			Wire: "ssh", Address: address, Port: 22, User: "admin",
			HostKeys: []inventory.HostKey{hostKey("ssh-ed25519")},
		},
	}
	for _, f := range change {
		f(&h)
	}
	return h
}

func behind(hops ...inventory.Hop) func(*inventory.Host) {
	return func(h *inventory.Host) { h.Access.Jump = hops }
}

func system(id, name, version string) func(*inventory.Host) {
	return func(h *inventory.Host) {
		h.Facts.OS = fact.Observed[fact.OS]{State: fact.OK, Value: fact.OS{ID: id, Name: name, Version: version}}
	}
}

func interfaces(device string, addresses ...string) func(*inventory.Host) {
	return func(h *inventory.Host) {
		i := fact.Interface{Name: device, Kind: "physical", State: "up"}
		for _, a := range addresses {
			i.Addresses = append(i.Addresses, netip.MustParsePrefix(a))
		}
		h.Facts.Interfaces.State = fact.OK
		h.Facts.Interfaces.Value = append(h.Facts.Interfaces.Value, i)
	}
}

// fleet is a small site: two networks with the same addresses behind two
// bastions, a museum piece, a host nobody reached, and one with a hostile name.
func fleet() []inventory.Host {
	bastion := inventory.Hop{Alias: "bastion", Address: "192.0.2.10", Port: 22, User: "admin"}
	inner := inventory.Hop{Alias: "inner", Address: "10.0.0.2", Port: 2222, User: "ops"}
	return []inventory.Host{
		seen("web1", "10.0.0.7", behind(bastion), system("debian", "Debian GNU/Linux", "12"),
			interfaces("eth0", "10.0.0.7/24", "fe80::1/64")),
		seen("bastion", "192.0.2.10", system("ubuntu", "Ubuntu", "22.04"), func(h *inventory.Host) {
			h.Access.Identities = []string{"~/.ssh/site key", "/home/kim/100%/id"}
		}),
		seen("db1", "10.0.0.7", behind(bastion, inner), system("rhel", "Red Hat Enterprise Linux", "9.3")),
		seen("museum", "10.0.0.99", system("rhel", "Red Hat Enterprise Linux AS", "4"), func(h *inventory.Host) {
			h.Access.HostKeys = []inventory.HostKey{hostKey("ssh-rsa"), hostKey("ssh-dss")}
			h.Access.Legacy = inventory.Algorithms{
				KeyExchange: []string{"diffie-hellman-group1-sha1"},
				HostKey:     []string{"ssh-rsa", "ssh-dss"},
				Cipher:      []string{"3des-cbc", "arcfour"},
				MAC:         []string{"hmac-md5"},
				Signature:   []string{"ssh-rsa"},
			}
		}),
		seen("tunnel", "127.0.0.1", func(h *inventory.Host) { h.Access.Port = 10022 },
			interfaces("docker0", "172.17.0.1/16"), interfaces("ens3", "2001:db8::5/64", "10.9.0.5/24"),
			func(h *inventory.Host) {
				h.Facts.Interfaces.Value[0].Kind = "bridge"
				h.Facts.Routes.Value = []fact.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Device: "ens3"}}
			}),
		seen("10.0.0.44", "10.0.0.44", func(h *inventory.Host) {
			h.Class, h.Reason, h.Seen = host.ClassUnreachable, "connect: no route to host", time.Time{}
			h.Access.HostKeys = nil
		}),
		seen("laptop", "", func(h *inventory.Host) { h.Access.Wire = "local" }),
		seen("evil\nProxyCommand touch /tmp/owned", "10.0.0.66"),
		seen("formula", "10.0.0.67", func(h *inventory.Host) {
			h.Class, h.Reason = host.ClassPartial, "=cmd|'/c calc'!A1"
		}, system("debian", "\x1b]0;owned\aDebian", "12")),
	}
}

func options() ConfigOptions {
	return ConfigOptions{
		Incident: "checkout is down", Dir: "/srv/incidents/checkout", By: "kim", At: night,
		Client: Client{
			Version: "OpenSSH_9.2p1", major: 9, minor: 2,
			keyExchange: []string{"diffie-hellman-group1-sha1", "curve25519-sha256"},
			hostKey:     []string{"ssh-ed25519", "ssh-rsa"},
			cipher:      []string{"3des-cbc"},
			mac:         []string{"hmac-md5"},
			signature:   []string{"ssh-ed25519", "ssh-rsa"},
		},
		Sockets: "/home/kim/.ssh", UserKnownHosts: "/home/kim/.ssh/known_hosts",
	}
}

// An error names the file that was asked for, not the one that was tried beside it.
func TestWriteFileNowhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nowhere", "arch.svg")
	err := WriteFile(path, nil, 0o600)
	if want := "write " + path + ": no such file or directory"; err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want %s", err, want)
	}
}
