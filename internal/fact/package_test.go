package fact

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPackages(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]Package{
		"debian6": {
			{"bash", "4.1-3+deb6u2", "amd64", "dpkg"}, {"libssl0.9.8", "0.9.8o-4squeeze23", "amd64", "dpkg"}, {"openssl", "0.9.8o-4squeeze23", "amd64", "dpkg"},
		},
		"rhel4": {
			{"kernel", "2.6.9-78.EL", "i686", "rpm"},
			{"kernel", "2.6.9-89.EL", "i686", "rpm"},
			{"openssh-server", "3.9p1-11.el4_7", "i386", "rpm"},
			{"openssl", "0.9.7a-43.17.el4_6.1", "i686", "rpm"},
		},
		"alpine": {{"musl", "1.2.4-r2", "x86_64", "apk"}, {"redis", "7.0.15-r0", "x86_64", "apk"}},
	} {
		got := observe(packagesFact(), Raw{Out: recorded(t, "packages/"+name)}).Packages
		if diff := cmp.Diff(want, got.Value); diff != "" || got.State != OK {
			t.Errorf("%s: %s (%s) %s", name, got.State, got.Reason, diff)
		}
	}
	for _, out := range []string{"", "#rpm\n", "#rpm\npackage bash is not installed\n"} {
		if got := observe(packagesFact(), Raw{Out: out}).Packages; got.State != Unknown || got.Reason == "" {
			t.Errorf("%q: %+v", out, got)
		}
	}
}

// TestLongestStanza asks of a package for which dpkg writes all there is before its
// version, in dpkg's order.
func TestLongestStanza(t *testing.T) {
	t.Parallel()
	status := filepath.Join(t.TempDir(), "status")
	const stanza = "Package: bash\nEssential: yes\nProtected: yes\nStatus: install ok installed\nPriority: required\nSection: shells\n" +
		"Installed-Size: 7160\nOrigin: Devuan\nMaintainer: Devuan Developers <d@example.org>\nBugs: https://bugs.example.org/\nArchitecture: amd64\n" +
		"Multi-Arch: foreign\nSource: bash (5.2.15-2)\nVersion: 5.2.15-2+b2\nReplaces: bash-doc\n"
	if err := os.WriteFile(status, []byte(stanza), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(packagesOfDpkg, "/var/lib/dpkg/status", status)).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{{"bash", "5.2.15-2+b2", "amd64", "dpkg"}}
	if got := observe(packagesFact(), Raw{Out: string(out)}).Packages; cmp.Diff(want, got.Value) != "" {
		t.Errorf("%+v", got)
	}
}

func FuzzPackages(f *testing.F) { fuzzOut(f, packagesFact()) }
