package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := Main([]string{"--version"}, stdio.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	name, what, _ := strings.Cut(strings.TrimSpace(out.String()), " version ")
	if code != exitDone || name != "nightcall" || what == "" || errs.Len() > 0 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out.String(), errs.String())
	}
}
