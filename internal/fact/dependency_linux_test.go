package fact

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	put("opt/config/database.yml", "production:\n  adapter: postgresql\n  host: db3\n  password: canary\n  comment: none of this\n")
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
	start(t, program)
	want := []string{
		"mongodb m1:27018 /opt/config.json:2", "mysql db1:3306 /etc/shop.properties:1",
		"postgresql db2:5433 /run/.env:2", "postgresql db3:5432 /opt/config/database.yml:3", "redis cache1:6380 /run/config/application.yml:3",
	}
	sums := []string{ // as cksum says
		"/etc/shop.properties 701805948 31", "/opt/config.json 1603436550 45", "/opt/config/database.yml 3728276060 89",
		"/run/.env 650425461 63", "/run/config/application.yml 883496064 49",
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", asSection(dependenciesScript))...)
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

// start runs a program until the test ends, when its standard input does.
func start(t *testing.T, program *exec.Cmd) {
	t.Helper()
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = program.Wait() })
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

// A secret in the environment of a program does not leave the host, in whatever
// shell and awk; where the program points to does.
func TestEnvironmentsKeepTheirSecrets(t *testing.T) {
	t.Parallel()
	const canary = "s3cr3tcanary"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "orders")); err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), filepath.Join(dir, "orders"), "-test.run=^TestProgram$")
	program.Dir, program.SysProcAttr = dir, &syscall.SysProcAttr{Setsid: true} // services have no terminal
	program.Env = append([]string{"NIGHTCALL_TEST_PROGRAM=1", "ORDERS_DB_PORT=3307", "ORDERS_DB_HOST=db1", "STOCK_DATABASE_HOST=db7", "STOCK_DB_DRIVER=org.postgresql.Driver", "BILLS_DB_HOST=db8"}, secretSettings(canary)...)
	start(t, program)
	want := []string{
		" db1:3307", "amqp mq1:5672", "database db8:0", "elasticsearch fd00::7:9200", "https h:443", "https sentry.lan:443", "kafka k1:9092", "kafka k2:9092", "mongodb m1:27018", "mongodb m2:27017",
		"mysql db5:3306", "mysql db6:3307", "postgresql db2:5433", "postgresql db7:5432", "redis r1:6379", "sqlserver sql1:1433",
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-c", asSection(dependenciesScript))...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Index(string(out), canary); n >= 0 {
				t.Errorf("a secret left: %s", out[max(0, n-80):min(len(out), n+40)])
			}
			place, got := fmt.Sprintf("environment of %d", program.Process.Pid), []string{}
			for _, d := range observe(dependenciesFact(), Raw{Out: string(out), Root: true}).Dependencies.Value {
				if d.Place() == place && d.Process == "orders" {
					got = append(got, fmt.Sprintf("%s %s:%d", d.Scheme, d.Host, d.Port))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, out)
			}
		})
	}
}

// secretSettings are what people put into environments, and what must stay there.
func secretSettings(canary string) []string {
	return []string{
		"DATABASE_URL=postgres://u:" + canary + "@db2:5433/" + canary + "?password=" + canary, "REDIS_URL=redis://:" + canary + "@r1:6379/0", "SLASH_URL=redis://u:ca/" + canary + "@r9:6379",
		"QUERY_URL=mysql://db9/x?user=a&password=p@" + canary, "MQ_URL=amqp://u:" + canary + "@" + canary + "@mq1:5672/v", "GO_DSN=shop:" + canary + "@tcp(db6:3307)/shop",
		"SENTRY_DSN=https://" + canary + "@sentry.lan/5", "SPRING_DATASOURCE_URL=jdbc:mysql://db5:3306/shop?password=" + canary, "MONGO_URI=mongodb://u:" + canary + "@m1:27018,m2/x",
		"SQL_URL=jdbc:sqlserver://sql1:1433;user=x;password=" + canary, "ORACLE_URL=jdbc:oracle:thin:scott/" + canary + "@ora:1521:X", "BARE_URL=redis://:" + canary, "PLAIN_URL=" + canary,
		"API_KEY_HOST=" + canary, "PASSWORD_URL=https://" + canary + "/", "SECRET_URL=https://" + canary, "TOKEN_ADDR=" + canary + ":1", "DB_PASSWORD=" + canary, "CREDENTIALS_URL=https://" + canary,
		"HOOK_URL=https://u:x y" + canary + "@h", "FRAGMENT_URL=amqp://u:p#" + canary + "@h:1", "HOST=" + canary, "PORT=1", "PRIVATE_FILE=-----BEGIN\nx=" + canary + "\n" + canary + "\n", "NAME=" + canary,
		"DB_ADDR=user:" + canary, "DB_TYPE=" + canary + "oracle" + canary, "DB_ENGINE=" + canary, "WORDS_HOST=a " + canary, "ANY_SERVICE_HOST=" + canary, "ANY_PORT_6379_TCP_ADDR=" + canary, "X_PORT=tcp://" + canary + ":1",
		"KAFKA_BROKERS=k1:9092,k2:9092", "ELASTICSEARCH_HOSTS=[fd00::7]:9200",
	}
}
