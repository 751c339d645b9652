// Package originals keeps in this module what the programs import that nightcall
// writes for go-diagrams, so that the gate can build and run them.
package originals

import (
	_ "github.com/blushft/go-diagrams/diagram"
	_ "github.com/blushft/go-diagrams/nodes/apps"
	_ "github.com/blushft/go-diagrams/nodes/generic"
	_ "github.com/blushft/go-diagrams/nodes/programming"
)
