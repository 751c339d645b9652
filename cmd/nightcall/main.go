// Command nightcall walks a responder through somebody else's outage.
package main

import (
	"os"

	"github.com/nightcall-sh/nightcall/internal/cli"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], stdio.System()))
}
