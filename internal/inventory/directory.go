package inventory

import (
	"slices"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// directoryClients are the programs that know the accounts of a directory on a
// host, and what people call them.
var directoryClients = map[string]string{
	"sssd": "sssd", "winbindd": "winbind", "nslcd": "nslcd", "adclient": "Centrify", "vasd": "Quest", "lsassd": "PBIS",
}

// Directory names the client of a directory of accounts (sssd, winbind …) that runs
// on the host; empty when none was seen. Such accounts are shared by many hosts: what
// one host locks is locked everywhere.
func Directory(h Host) string {
	running := func(p fact.Process) bool { return directoryClients[p.Name] != "" }
	if n := slices.IndexFunc(h.Facts.Processes.Value, running); n >= 0 {
		return directoryClients[h.Facts.Processes.Value[n].Name]
	}
	return ""
}
