package cli

import "flag"

// update makes tests write what they would compare with: golden files and the
// pages of docs/cli.
var update = flag.Bool("update", false, "write golden files and docs/cli anew")
