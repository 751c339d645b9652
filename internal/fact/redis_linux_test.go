package fact

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whom real Redis servers follow and watch is found wherever they were told to:
// where they run, by their command line if they leave it as it was, by the unit that
// starts them, and in what these files include.
func TestRedisStartedWithFiles(t *testing.T) {
	t.Parallel()
	here, named, unit, units, more := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	sockets := map[string]string{}
	settings := func(dir string) string {
		sockets[dir] = filepath.Join(dir, "s")
		return fmt.Sprintf("port 0\nunixsocket %s\nloglevel warning\nlogfile \"%s\"\nsave \"\"\n", sockets[dir], filepath.Join(dir, "said"))
	}
	watch := deadAddress(t)
	watchPort := watch[strings.LastIndex(watch, ":")+1:]
	put(t, here, map[string]string{
		"redis.conf":    settings(here) + "include " + filepath.Join(more, "main.conf") + "\n",
		"sentinel.conf": "port " + watchPort + "\nsentinel monitor shop 127.0.0.1 6394 1\nlogfile \"" + filepath.Join(here, "watched") + "\"\n",
		"off.txt":       "replicaof 127.0.0.1 6399\n",
	})
	put(t, more, map[string]string{"main.conf": "replicaof 127.0.0.1 6391\nmasterauth s3cr3tcanary\n"})
	put(t, named, map[string]string{"shop.conf": settings(named) + "set-proc-title no\nreplicaof 127.0.0.1 6392\n"})
	put(t, unit, map[string]string{"shop.conf": settings(unit) + "replicaof 127.0.0.1 6393\n"})
	put(t, units, map[string]string{
		"shop.service":  "[Service]\nExecStart=/usr/bin/redis-server " + filepath.Join(unit, "shop.conf") + " --supervised systemd\n",
		"other.service": "[Service]\nExecStart=/usr/bin/other " + filepath.Join(here, "off.txt") + "\n",
	})
	beneath := apart(t, map[string]string{"/etc/systemd/system": units})
	run := func(dir string, argv ...string) {
		startBy(t, beneath, []string{"--wd=" + dir}, argv)
	}
	run(here, "redis-server", "redis.conf")
	run(here, "redis-server", "sentinel.conf", "--sentinel")
	run("/", "redis-server", filepath.Join(named, "shop.conf"))
	run("/", "redis-server", filepath.Join(unit, "shop.conf"))
	for _, socket := range sockets {
		awaitSocket(t, socket)
	}
	await(t, "tcp", watch)
	want := []string{
		"redis-sentinel 127.0.0.1:6394 <here>/sentinel.conf:2", "redis-server 127.0.0.1:6391 <more>/main.conf:1",
		"redis-server 127.0.0.1:6392 <named>/shop.conf:7", "redis-server 127.0.0.1:6393 <unit>/shop.conf:6",
	}
	everyShellBy(t, beneath, func(t *testing.T, out string) {
		if strings.Contains(out, "s3cr3tcanary") {
			t.Errorf("a secret left:\n%s", out)
		}
		var got []string
		for _, d := range observe(dependenciesFact(), Raw{Out: out, Root: true}).Dependencies.Value {
			place := strings.NewReplacer(here, "<here>", named, "<named>", unit, "<unit>", more, "<more>").Replace(d.Place())
			if place != d.Place() {
				got = append(got, fmt.Sprintf("%s %s:%d %s", d.Process, d.Host, d.Port, place))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, out)
		}
	})
}
