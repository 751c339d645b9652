package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// scriptMachine is `machine NAME USER:PASSWORD...`: starts a machine with these
// users and the files below the directory NAME, and adds it to ~/.ssh/config
// under NAME, for the first of the users. NAME/sshd has lines for its server's
// configuration, and NAME/before is run in it before that starts.
func scriptMachine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: machine NAME USER:PASSWORD...")
	}
	dir := ts.MkAbs("machine-" + args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	setup := hosttest.Setup{Files: machineFiles(ts, args[0])}
	setup.SSHD, setup.Before = strings.Split(setup.Files["/sshd"], "\n"), setup.Files["/before"]
	delete(setup.Files, "/sshd")
	delete(setup.Files, "/before")
	for _, arg := range args[1:] {
		name, password, _ := strings.Cut(arg, ":")
		setup.Accounts = append(setup.Accounts, hosttest.Account{Name: name, Password: password})
	}
	m, stop, err := hosttest.NewMachine(dir, setup)
	ts.Check(err)
	ts.Defer(stop)
	addHost(ts, args[0], m.Port, "User "+setup.Accounts[0].Name, "IdentityFile "+m.Identity, "IdentitiesOnly yes")
}

// machineFiles reads the files that a script lays out for a machine.
func machineFiles(ts *testscript.TestScript, name string) map[string]string {
	root := ts.MkAbs(name)
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root)] = string(data)
		return err
	})
	if !os.IsNotExist(err) {
		ts.Check(err)
	}
	return files
}
