package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// child names the work of a test binary that runs as a child of itself. What a
// child acknowledges, it prints: one line for each write that was stored.
const child = "NIGHTCALL_SQLITE_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(child)
	work := disks[name]
	switch name {
	case "":
		m.Run()
		return
	case "append":
		work = func(path string) error { return forever(path, appendOne) }
	case "visit":
		work = func(path string) error { return forever(path, visitOne) }
	}
	if err := work(os.Args[1]); err != nil {
		panic(err)
	}
}

// command makes the child that does this work on the database.
func command(work, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), child+"="+work)
	return cmd
}

// forever writes until it is killed.
func forever(path string, one func(db *DB, n int) (id string, err error)) error {
	db, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		id, err := one(db, n)
		if err != nil {
			return err
		}
		if _, err := fmt.Println(id); err != nil {
			return err
		}
	}
}

func appendOne(db *DB, n int) (string, error) {
	e, err := timeline.New("incident-1", "child", timeline.NoteAdded, time.Now(), timeline.Note{Text: strings.Repeat("x", n%3000)})
	if err != nil {
		return "", err
	}
	return e.ID, db.Append(context.Background(), e)
}

func visitOne(db *DB, n int) (string, error) {
	now := time.Now()
	e, err := timeline.New("incident-1", "child", timeline.HostScanned, now, timeline.HostVisit{Class: "ok"})
	if err != nil {
		return "", err
	}
	h := reached(e.ID, now)
	h.Name = fmt.Sprintf("web%d", n%3)
	h.Facts.Load = load(float64(n), now)
	h.Facts.Packages = seen(many(n%100, func(i int) fact.Package {
		return fact.Package{Name: fmt.Sprint("package-", i), Version: fmt.Sprint(n)}
	}), now)
	return e.ID, db.SaveVisit(context.Background(), h, e)
}

// What a killed process was told is stored is there, and the file opens.
func TestKilledWritersLoseNothing(t *testing.T) {
	t.Parallel()
	for _, works := range [][]string{{"append"}, {"visit"}, {"append", "visit"}} {
		t.Run(strings.Join(works, " and "), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "incident.db")
			acknowledged := 0
			for round := range 20 {
				told := killedWriters(t, path, works)
				acknowledged += len(told)
				verify(t, path, told)
				if t.Failed() {
					t.Fatalf("in round %d, after %d acknowledged writes", round, acknowledged)
				}
			}
			t.Logf("%d acknowledged writes survived", acknowledged)
		})
	}
}

// killedWriters starts the children at once, kills each after some of its writes
// and returns what they acknowledged.
func killedWriters(t *testing.T, path string, works []string) (told []string) {
	t.Helper()
	lines := make(chan []string)
	for _, work := range works {
		cmd := command(work, path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer func() { _ = cmd.Wait() }()
			lines <- killAfter(cmd, out, 1+rand.IntN(15))
		}()
	}
	for _, work := range works {
		ids := <-lines
		if len(ids) == 0 {
			t.Errorf("%s: ended before it wrote", work)
		}
		told = append(told, ids...)
	}
	return told
}

// killAfter kills the command after n lines, and reads what it had said.
func killAfter(cmd *exec.Cmd, out io.Reader, n int) (lines []string) {
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil { // a line that was cut off acknowledges nothing
			return lines
		}
		if lines = append(lines, strings.TrimSpace(line)); len(lines) == n {
			_ = cmd.Process.Kill()
		}
	}
}

// verify opens what killed processes left and looks for what they were told.
func verify(t *testing.T, path string, told []string) {
	t.Helper()
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sound(t, db)
	entries, err := db.Since(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]timeline.Entry{}
	for _, e := range entries {
		stored[e.ID] = e
	}
	for _, id := range told {
		if _, ok := stored[id]; !ok {
			t.Errorf("entry %s was acknowledged and is lost", id)
		}
	}
	hosts, err := db.Hosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if e, ok := stored[h.Scan]; !ok || e.Kind != timeline.HostScanned {
			t.Errorf("%s: its visit %s is stored without its entry", h.Name, h.Scan)
		}
		same(t, h.Name, h.Facts, factsOf(t, db, h.Name, h.Scan))
	}
}
