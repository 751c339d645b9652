package fact

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgram is no test: it is what runs for TestDependenciesOfAProgram until
// its standard input closes.
func TestProgram(*testing.T) {
	if os.Getenv("NIGHTCALL_TEST_PROGRAM") != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

// The script, in every shell there is, finds what a program that runs points to:
// where it runs, where its own file is, and what its command line names; and
// nothing else. A pipe in its directory does not hold it up.
func TestDependenciesOfAProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("run/.env", "DB_PASSWORD=canary\nDATABASE_URL=postgres://u:canary@db2:5433/x\n")
	put("run/config/application.yml", "spring:\n  redis:\n    host: cache1\n    port: 6380\n")
	put("opt/config.json", "{\"mongo\": {\n \"host\": \"m1\",\n \"port\": 27018}\n}\n")
	put("etc/shop.properties", "jdbc.url=jdbc:mysql://db1/shop\n")
	put("run/deep/er/x.properties", "redis.host=nobody-looks-here\n")
	put("etc/other.properties", "redis.host=nobody-named-it\n")
	if out, err := exec.CommandContext(t.Context(), "mkfifo", filepath.Join(dir, "run", "pipe.properties")).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "node")); err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), filepath.Join(dir, "node"), "-test.run=^TestProgram$", filepath.Join(dir, "opt", "app.js"), "-config="+filepath.Join(dir, "etc", "shop.properties"))
	program.Args = slices.Insert(program.Args, 2, "--")
	program.Dir, program.Env = filepath.Join(dir, "run"), append(os.Environ(), "NIGHTCALL_TEST_PROGRAM=1")
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = program.Wait() })
	want := []string{
		"mongodb m1:27018 /opt/config.json:2", "mysql db1:3306 /etc/shop.properties:1",
		"postgresql db2:5433 /run/.env:2", "redis cache1:6380 /run/config/application.yml:3",
	}
	sums := []string{ // as cksum says
		"/etc/shop.properties 701805948 31", "/opt/config.json 1603436550 45",
		"/run/.env 650425461 63", "/run/config/application.yml 883496064 49",
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", dependenciesScript)...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sums, checksums(string(out), dir)); diff != "" {
				t.Errorf("checksums (-want +got):\n%s\n%s", diff, out)
			}
			var got []string
			for _, line := range named(strings.TrimSuffix(string(out), "#end\n")) {
				if strings.Contains(line, dir) {
					got = append(got, strings.Replace(line, dir, "", 1))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, out)
			}
		})
	}
}

// checksums are those of the files below a directory.
func checksums(out, dir string) []string {
	var list []string
	for _, c := range observe(configurationsFact(), Raw{Out: out, Root: true}).Configurations.Value {
		if name, ours := strings.CutPrefix(c.File, dir); ours {
			list = append(list, fmt.Sprintf("%s %s %d", name, c.Checksum, c.Size))
		}
	}
	return list
}
