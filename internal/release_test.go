package internal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestReleaseMatchesTheTree catches what the release's own checker cannot see: a
// system that is missing, a file that moved, a build that would need C.
func TestReleaseMatchesTheTree(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct {
		Before struct{ Hooks []string }
		Builds []struct {
			Main              string
			Env, Goos, Goarch []string
			Flags             []string
		}
		Archives []struct{ Files []string }
	}
	if err := yaml.Unmarshal(text, &release); err != nil {
		t.Fatal(err)
	}
	if len(release.Builds) != 1 || len(release.Archives) != 1 {
		t.Fatalf("%d builds and %d archives, want one of each", len(release.Builds), len(release.Archives))
	}
	build := release.Builds[0]
	for _, row := range []struct {
		what      string
		got, want []string
	}{
		{"goos", build.Goos, []string{"linux", "darwin", "windows"}},
		{"goarch", build.Goarch, []string{"amd64", "arm64"}},
		{"env", build.Env, []string{"CGO_ENABLED=0"}},
		{"flags", build.Flags, []string{"-trimpath", "-buildvcs=true"}},
	} {
		if !slices.Equal(row.got, row.want) {
			t.Errorf("%s: %v, want %v", row.what, row.got, row.want)
		}
	}
	for _, hook := range release.Before.Hooks {
		if name, _, _ := strings.Cut(hook, " "); strings.Contains(name, "/") {
			mustExist(t, name)
		}
	}
	mustExist(t, build.Main)
	for _, name := range release.Archives[0].Files {
		if !strings.HasPrefix(name, "completions/") { // a hook makes them
			mustExist(t, strings.TrimSuffix(name, "/**/*"))
		}
	}
}

// mustExist fails the test when the tree has no such file or directory.
func mustExist(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(name))); err != nil {
		t.Error(err)
	}
}
