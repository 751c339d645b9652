package cli

import (
	"database/sql"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// TestMain lets scripts run nightcall as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nightcall": func() { os.Exit(Main(os.Args[1:], stdio.System())) },
	})
}

// A scriptCommand is a word of the scripts beside those of testscript.
type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// commands are the words that our scripts may use. Each is explained where it is
// defined.
var commands = map[string]scriptCommand{
	"await":       scriptAwait,
	"board":       scriptBoard,
	"kdc":         scriptKDC,
	"keys":        scriptKeys,
	"machine":     scriptMachine,
	"rekey":       scriptRekey,
	"securitykey": scriptSecurityKey,
	"server":      scriptServer,
	"service":     scriptService,
	"sqlite":      scriptSQLite,
	"sshd":        scriptSSHD,
}

// TestScripts runs every script below testdata/script; none is listed by hand.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, dir := range scriptDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir: dir, Setup: scriptSetup, Cmds: commands,
				RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
			})
		})
	}
}

// scriptDirs finds the directories that hold scripts.
func scriptDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir("testdata/script", func(path string, _ fs.DirEntry, err error) error {
		if dir := filepath.Dir(path); filepath.Ext(path) == ".txtar" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		return err
	})
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d directories of scripts, %v", len(dirs), err)
	}
	return dirs
}

// scriptSetup gives a script a laptop of its own: no incident, no agent, no ssh
// configuration of whoever runs the tests.
func scriptSetup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	apart := "-m"
	if os.Getuid() != 0 {
		apart = "-mr" // root in there only
	}
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "LocalAppData": home,
		"NIGHTCALL_HOME": filepath.Join(env.WorkDir, "nightcall"), "NIGHTCALL_ACTOR": "kim",
		"NIGHTCALL_INCIDENT": "", "XDG_DATA_HOME": "", "SSH_AUTH_SOCK": "", "TZ": "UTC", "NO_COLOR": "1",
		"UNSHARE": apart, // for unshare, to mount disks that only one command sees
	} {
		env.Setenv(name, value)
	}
	return os.MkdirAll(filepath.Join(home, ".ssh"), 0o700)
}

// scriptKeys is `keys FILE KEY...`: the JSON object in FILE (stdout, or each of
// its lines when it is several) has exactly these keys. They are what other
// programs read.
func scriptKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keys FILE KEY...")
	}
	want := slices.Sorted(slices.Values(args[1:]))
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for n := 0; ; n++ {
		var object map[string]json.RawMessage
		err := decoder.Decode(&object)
		if n > 0 && err != nil && !decoder.More() {
			return
		}
		ts.Check(err)
		if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, want) {
			ts.Fatalf("keys %v, want %v", got, want)
		}
	}
}

// scriptSQLite is `sqlite FILE STATEMENT`: changes a database behind the back of
// nightcall, as damage or another version would.
func scriptSQLite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sqlite FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(err)
	ts.Check(db.Close())
}
