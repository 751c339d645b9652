// Package checks holds the catalogue: one YAML file per trouble, its fixtures
// beside it, and the end-of-life table. docs/catalogue.md is the format.
package checks

import "embed"

// FS is the catalogue's files, with their fixtures below testdata.
//
//go:embed *.yaml testdata
var FS embed.FS
