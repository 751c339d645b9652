package export

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/word"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, version string
		major, minor  int
	}{
		{"OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n", "OpenSSH_9.2p1", 9, 2},
		{"OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3\n", "OpenSSH_for_Windows_8.6p1", 8, 6},
		{"OpenSSH_10.0p2, LibreSSL 3.3.6\n", "OpenSSH_10.0p2", 10, 0},
		{"OpenSSH_7.4p1, OpenSSL 1.0.2k-fips  26 Jan 2017\n", "OpenSSH_7.4p1", 7, 4},
	} {
		version, major, minor, err := parseVersion(tt.text)
		if err != nil || version != tt.version || major != tt.major || minor != tt.minor {
			t.Errorf("%q: %q %d.%d, %v", tt.text, version, major, minor, err)
		}
	}
	for _, text := range []string{"", "Dropbear v2022.83", "OpenSSH_", "OpenSSH_9", "OpenSSH_9999.1", "\x1b[2J"} {
		if _, _, _, err := parseVersion(text); err == nil {
			t.Errorf("%q was taken for OpenSSH", text)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n")
	f.Add("OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3\n")
	f.Fuzz(func(t *testing.T, text string) {
		version, _, _, err := parseVersion(text)
		if err == nil && (version != word.OneLine(version) || !onlyVersion(version)) {
			t.Errorf("version %q", version)
		}
	})
}

// onlyVersion holds for what may stand in a comment of the file.
func onlyVersion(s string) bool { return word.Only("the version", s, "._") == nil }

func TestFindClient(t *testing.T) {
	t.Parallel()
	client, err := FindClient(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]string{
		"curve25519-sha256":   client.keyExchange,
		"aes128-ctr":          client.cipher,
		"hmac-sha2-256":       client.mac,
		"rsa-sha2-512":        client.hostKey,
		"ecdsa-sha2-nistp256": client.signature,
	} {
		if !slices.Contains(list, name) {
			t.Errorf("%s is not among %v", name, list)
		}
	}
}

func TestFindClientRefuses(t *testing.T) {
	t.Parallel()
	if _, err := FindClient(t.Context(), filepath.Join(t.TempDir(), "ssh")); !errors.Is(err, ErrNoClient) {
		t.Errorf("no program: %v", err)
	}
	for name, script := range map[string]string{
		"not OpenSSH": "echo PuTTY 0.80",
		"too old":     "echo OpenSSH_6.6.1p1, OpenSSL 1.0.1f 6 Jan 2014",
		"broken":      "echo libcrypto.so.3: not found >&2; exit 127",
	} {
		if _, err := FindClient(t.Context(), fakeClient(t, script)); err == nil || errors.Is(err, ErrNoClient) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FindClient(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestFindClientAsksOldClients: what an old client cannot be asked is asked in
// the words it knows.
func TestFindClientAsksOldClients(t *testing.T) {
	t.Parallel()
	client, err := FindClient(t.Context(), fakeClient(t, `case "$*" in
-V) echo OpenSSH_7.4p1 ;;
"-Q key") echo ssh-rsa; echo ssh-dss ;;
"-Q kex") echo diffie-hellman-group1-sha1 ;;
*) echo "Unsupported query" >&2; exit 1 ;;
esac`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ssh-rsa", "ssh-dss"}; !slices.Equal(client.hostKey, want) || !slices.Equal(client.signature, want) {
		t.Errorf("host keys %v, signatures %v, want %v", client.hostKey, client.signature, want)
	}
	if client.cipher != nil {
		t.Errorf("ciphers %v, and it told none", client.cipher)
	}
}

// fakeClient is a program that answers like a client that is not installed here.
func fakeClient(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
