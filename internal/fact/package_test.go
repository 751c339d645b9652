package fact

import (
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

func FuzzPackages(f *testing.F) { fuzzOut(f, packagesFact()) }
