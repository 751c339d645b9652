package fact

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate that expired, and its private key.
func pair(t *testing.T, name string, expired time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: expired.AddDate(-1, 0, 0), NotAfter: expired,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// The script must show certificates, and never a key, of files that hold both,
// under every shell.
func TestCertsLeaveKeysBehind(t *testing.T) {
	t.Parallel()
	expired := time.Date(2025, 12, 31, 12, 0, 0, 0, time.UTC)
	shop, shopKey := pair(t, "shop.example.com", expired)
	mail, mailKey := pair(t, "mail.example.com", expired)
	root := t.TempDir()
	for name, text := range map[string]string{
		"haproxy/certs/shop.pem":        shopKey + shop,
		"haproxy/certs/my shop (1).pem": shop + shopKey,
		"dovecot/private/mail.pem":      mail + mailKey,
		"nginx/ssl/privkey.pem":         shopKey,
		"nginx/ssl/cut.crt":             shop[:len(shop)/2] + "\n" + mailKey,
		"ssl/ca-certificates.crt":       strings.Repeat(shop, 200),
	} {
		file := filepath.Join(root, "etc", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := certsFact()
	f.Probe.Script = regexp.MustCompile(`(\s)(/(?:etc|var|usr)/)`).ReplaceAllString(f.Probe.Script, "${1}"+root+"${2}")
	for shell, argv := range posixShells {
		raw := ask(t, argv, "", f)
		if strings.Contains(raw.Out, "PRIVATE") {
			t.Errorf("%s: the script prints a private key", shell)
		}
		got := map[string]string{}
		for _, c := range observe(f, raw).Certs.Value {
			if !c.NotAfter.Equal(expired) || c.CA || !c.SelfMade {
				t.Errorf("%s: %+v", shell, c)
			}
			got[strings.TrimPrefix(c.Path, root)] = c.Names[0]
		}
		want := map[string]string{
			"/etc/haproxy/certs/shop.pem": "shop.example.com", "/etc/haproxy/certs/my shop (1).pem": "shop.example.com",
			"/etc/dovecot/private/mail.pem": "mail.example.com",
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", shell, got, want)
		}
		for path, name := range want {
			if got[path] != name {
				t.Errorf("%s: %s names %q, want %q", shell, path, got[path], name)
			}
		}
	}
}
