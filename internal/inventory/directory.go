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

// Directory names the directory client that runs on the host, or is empty. Its
// accounts are shared: what one host locks is locked everywhere.
func Directory(h Host) string {
	running := func(p fact.Process) bool { return directoryClients[p.Name] != "" }
	if n := slices.IndexFunc(h.Facts.Processes.Value, running); n >= 0 {
		return directoryClients[h.Facts.Processes.Value[n].Name]
	}
	return ""
}
