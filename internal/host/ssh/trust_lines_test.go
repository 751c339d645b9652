package ssh

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// testKey is a new public key; no other test and no seed knows it.
func testKey(t testing.TB, public any, err error) ssh.PublicKey {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzKnownHosts surrounds one good line with anything: its key must stay known,
// at its line, and no other key must be taken for it.
func FuzzKnownHosts(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	good := testKey(f, private.Public(), err)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	other := testKey(f, public, err)

	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(other)))
	for _, odd := range []string{
		"", "# a comment", "web2 " + line, "web1 " + line, "* " + line, "!web1 " + line, "@revoked * " + line,
		"@cert-authority *.corp " + line, "@unheard-of web2 " + line, "@cert-authority @revoked web2 " + line,
		"[web2 " + line, "[web2]:x " + line, "|1|not base64|x " + line, "|2|YQ==|YQ== " + line, "| " + line,
		"web2 ssh-rsa AAAA", "web2", "web2 ssh-ed25519", "web2 " + line[:30], "\x00\xff\r", ", " + line, "\t\v\f",
		"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= " + line, "web2 ssh-dss " + line[len("ssh-ed25519 "):],
	} {
		f.Add([]byte(odd), []byte(odd))
	}
	f.Add([]byte("web2 "+line+strings.Repeat(" longer than any line may be", 3<<10)), []byte(nil))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if n := len(before); n > 0 && before[n-1] != '\n' {
			before = append(before, '\n')
		}
		text := fmt.Appendf(nil, "%s%s\n%s", before, xknownhosts.Line([]string{"[web1]:2222"}, good), after)
		file := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := loadKnownHosts(file)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		revoked, err := revokedIn(file)
		if err != nil || slices.Contains(revoked, describeKey(good)) {
			t.Errorf("%q: revoked %v, %v", text, revoked, err)
		}
		if v, known := lookup(db, file, "web1:2222", nil, good); v != pinned {
			t.Errorf("%q: the key is %d, known %v", text, v, known)
		}
		fresh, _, err := ed25519.GenerateKey(rand.Reader)
		v, known := lookup(db, file, "web1:2222", nil, testKey(t, fresh, err))
		at := fmt.Sprintf("(%s:%d)", file, 1+bytes.Count(before, []byte("\n")))
		if v != changed || !strings.Contains(strings.Join(known, " "), at) {
			t.Errorf("%q: another key is %d, known %v, want it at %s", text, v, known, at)
		}
	})
}
