package cli

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightcall-sh/nightcall/internal/host/hosttest"
)

// kdcs are the Kerberos servers of all scripts, by work directory.
var kdcs sync.Map

// scriptKDC is `kdc USER:PASSWORD...`: starts a real Kerberos server with these
// people. Its configuration is krb5.conf; no ticket is there yet.
func scriptKDC(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: kdc USER:PASSWORD...")
	}
	dir := ts.MkAbs("kdc")
	ts.Check(os.MkdirAll(dir, 0o755))
	k, stop, err := hosttest.NewKDC(dir)
	ts.Check(err)
	ts.Defer(stop)
	for _, arg := range args {
		name, password, _ := strings.Cut(arg, ":")
		ts.Check(k.AddUser(name, password))
	}
	config, err := os.ReadFile(k.Config)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("krb5.conf"), config, 0o644))
	ts.Setenv("KRB5_CONFIG", k.Config)
	ts.Setenv("KRB5CCNAME", "FILE:"+ts.MkAbs("ticket"))
	kdcs.Store(ts.MkAbs("."), k)
}

// scriptService is `service PRINCIPAL NAME`: the machine NAME, which is started
// later, has the keys of this service.
func scriptService(ts *testscript.TestScript, neg bool, args []string) {
	k, ok := kdcs.Load(ts.MkAbs("."))
	if neg || len(args) != 2 || !ok {
		ts.Fatalf("usage, after kdc: service PRINCIPAL NAME")
	}
	keys, err := k.(*hosttest.KDC).Keytab(args[0])
	ts.Check(err)
	dir := ts.MkAbs(filepath.Join(args[1], "etc"))
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "krb5.keytab"), keys, 0o600))
}
