package fact

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// expiry is the last moment of the certificates below.
var expiry = time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)

// certProgram is the awk of the script, without the search for files.
func certProgram(t testing.TB) string {
	t.Helper()
	_, program, found := strings.Cut(certsScript, "awk '")
	program, _, closed := strings.Cut(program, "' \"$@\"")
	if !found || !closed {
		t.Fatal("the script runs no awk")
	}
	return program
}

// Whatever a file holds, whole certificates are shown, pieces are counted, and
// keys stay.
func TestCertsOnlyAndWhole(t *testing.T) {
	t.Parallel()
	shop, key := pair(t, "shop.example", expiry)
	begin, _, _ := strings.Cut(shop, "\n")
	for _, tt := range []struct {
		name, file string
		want       int
		broken     bool
	}{
		{"certificate", shop, 1, false},
		{"chain", shop + shop + shop, 3, false},
		{"key behind", shop + key, 1, false},
		{"key before", key + shop, 1, false},
		{"text around", "subject=shop\n" + shop + "\nissuer=shop\n", 1, false},
		{"carriage returns", strings.ReplaceAll(shop, "\n", "\r\n"), 1, false},
		{"cut off, then a key", begin + "\nMIIB\n" + key, 0, true},
		{"cut off, then a key, then another", begin + "\nMIIB\n" + key + shop, 1, true},
		{"cut off at the end", shop[:len(shop)/2], 0, true},
		{"bundle of authorities", strings.Repeat(shop, 9), 0, false},
		{"endless block", begin + "\n" + strings.Repeat("AAAA\n", 500) + "-----END CERTIFICATE-----\n", 0, true},
		{"nothing", "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "shop.pem")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, awk := range [][]string{{"awk"}, {"busybox", "awk"}} {
				argv := append(slices.Clone(awk), certProgram(t), path)
				out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
				if err != nil {
					t.Fatalf("%s: %v", awk, err)
				}
				if strings.Contains(string(out), "PRIVATE") || strings.Contains(string(out), key[40:80]) {
					t.Errorf("%s gives a private key away:\n%s", awk, out)
				}
				got := parseCerts(Raw{Out: string(out), Root: true})
				if (got.State == Partial) != tt.broken || len(got.Value) != tt.want {
					t.Errorf("%s: %s, %d certificates, want %d: %s\n%s", awk, got.State, len(got.Value), tt.want, got.Reason, out)
				}
				for _, c := range got.Value {
					if c.Path != path || c.Subject != "CN=shop.example" || !c.SelfMade || c.NotAfter.Year() != 2025 {
						t.Errorf("%s: %+v", awk, c)
					}
				}
			}
		})
	}
}

// One file that never ends must not keep the visit; what came before it is told.
func TestCertsStopAtAnEndlessFile(t *testing.T) {
	t.Parallel()
	shop, _ := pair(t, "shop.example", expiry)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "a.pem"), filepath.Join(dir, "b.pem")
	for path, text := range map[string]string{first: shop, second: strings.Repeat("x\n", 50000) + shop} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "awk", certProgram(t), first, second).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := parseCerts(Raw{Out: string(out), Root: true})
	if got.State != Partial || len(got.Value) != 1 || got.Value[0].Path != first {
		t.Errorf("%s, %+v: %s", got.State, got.Value, got.Reason)
	}
}

func TestCertsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	shop, _ := pair(t, "shop.example", expiry)
	for _, tt := range []struct {
		name  string
		raw   Raw
		state State
		has   string
	}{
		{"all", Raw{Out: "file /etc/nginx/shop.crt\n" + shop, Root: true}, OK, ""},
		{"user", Raw{Out: "file /etc/nginx/shop.crt\n" + shop}, Partial, "without root"},
		{"no awk", Raw{Exit: 127, Root: true}, Partial, "status 127"},
		{"broken", Raw{Out: "file /x.pem\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", Root: true}, Partial, "could not be read: 1"},
		{"too many", Raw{Out: "more files\nfile /etc/nginx/shop.crt\n" + shop, Root: true}, Partial, "more files"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := parseCerts(tt.raw)
			if got.State != tt.state || !strings.Contains(got.Reason, tt.has) {
				t.Errorf("%s: %s", got.State, got.Reason)
			}
		})
	}
}
