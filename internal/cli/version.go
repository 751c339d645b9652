package cli

import "runtime/debug"

// version is what this binary was built from: the release's tag, or a
// pseudo-version that names the commit, as Go stamped it; "(devel)" where the
// build knew of no history.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
