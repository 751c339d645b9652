package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const included = "/srv/incidents/checkout/ssh_config"

func TestInclude(t *testing.T) {
	t.Parallel()
	line := "Include \"" + included + "\"\n"
	for _, tt := range []struct{ name, old, added, removed string }{
		{"empty", "", line, ""},
		{"plain", "Host *\n  User kim\n", line + "Host *\n  User kim\n", "Host *\n  User kim\n"},
		{"no last newline", "Host *\n  User kim", line + "Host *\n  User kim", "Host *\n  User kim"},
		{"there already", line + "Host a\n", line + "Host a\n", "Host a\n"},
		{"too far down", "Host a\n  include  \"" + included + "\"\r\n", line + "Host a\n", "Host a\n"},
		{"another's", "Include other\n", line + "Include other\n", "Include other\n"},
		{"ours among others", "Include other \"" + included + "\"\n", line + "Include other \"" + included + "\"\n", "Include other \"" + included + "\"\n"},
		{"comment", "#" + line, line + "#" + line, "#" + line},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte(tt.old), 0o640); err != nil {
				t.Fatal(err)
			}
			changed, err := AddInclude(config, included)
			if err != nil || changed != (tt.old != tt.added) {
				t.Errorf("add: %v, %v", changed, err)
			}
			if got := readFile(t, config); got != tt.added {
				t.Errorf("added: %q, want %q", got, tt.added)
			}
			if changed, err := AddInclude(config, included); changed || err != nil {
				t.Errorf("add again: %v, %v", changed, err)
			}
			if changed, err := RemoveInclude(config, included); !changed || err != nil {
				t.Errorf("remove: %v, %v", changed, err)
			}
			if got := readFile(t, config); got != tt.removed {
				t.Errorf("removed: %q, want %q", got, tt.removed)
			}
			if changed, err := RemoveInclude(config, included); changed || err != nil {
				t.Errorf("remove again: %v, %v", changed, err)
			}
			if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode: %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestIncludeKeepsALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real, config := filepath.Join(dir, "dotfiles"), filepath.Join(dir, "config")
	if err := os.WriteFile(real, []byte("Host a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("dotfiles", config); err != nil {
		t.Fatal(err)
	}
	if _, err := AddInclude(config, included); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(config); err != nil || target != "dotfiles" {
		t.Errorf("the link is %q, %v", target, err)
	}
	if got := readFile(t, real); !strings.HasPrefix(got, "Include ") || !strings.HasSuffix(got, "Host a\n") {
		t.Errorf("got %q", got)
	}
}

func TestIncludeRefusesABrokenLink(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config")
	if err := os.Symlink("nowhere", config); err != nil {
		t.Fatal(err)
	}
	if _, err := AddInclude(config, included); err == nil {
		t.Error("a link to nothing was replaced")
	}
}

func TestIncludeMakesTheFirstConfig(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), ".ssh", "config")
	if changed, err := RemoveInclude(config, included); changed || err != nil {
		t.Errorf("remove from nothing: %v, %v", changed, err)
	}
	if changed, err := AddInclude(config, included); !changed || err != nil {
		t.Fatalf("add: %v, %v", changed, err)
	}
	for path, mode := range map[string]os.FileMode{config: 0o600, filepath.Dir(config): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
}

func TestIncludeRefusesPatterns(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"relative", "/a*/c", "/a?", "/a[b]", "/a\nHost *", `/a"b`, "/100%", "/${HOME}/c", ""} {
		if _, err := AddInclude(filepath.Join(t.TempDir(), "config"), file); err == nil {
			t.Errorf("%q was included", file)
		}
	}
}

func FuzzInclude(f *testing.F) {
	f.Add("Host *\n  User kim\n")
	f.Add("Include \"" + included + "\"\r\n\n# c")
	f.Add("Match exec \"true\"\n")
	f.Fuzz(func(t *testing.T, old string) {
		const spelled = `"` + included + `"`
		added := withInclude(old, spelled)
		if withInclude(added, spelled) != added {
			t.Error("adding twice is not adding once")
		}
		removed := withoutInclude(added, spelled)
		if removed != withoutInclude(old, spelled) {
			t.Error("removing does not give the old text back")
		}
		if !strings.Contains(old, included) && removed != old {
			t.Error("a line of the user's was lost")
		}
	})
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
