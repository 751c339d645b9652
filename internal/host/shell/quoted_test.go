package shell

import (
	"strings"
	"testing"
)

func TestQuotedIsShortAsItShows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, want string }{
		{"plain", `"plain"`},
		{"a \"b\"", `"a \"b\""`},
		{strings.Repeat("x", 200), `"` + strings.Repeat("x", 200) + `"`},
		{strings.Repeat("結", 500), `"` + strings.Repeat("結", 199) + `…"`},
		{strings.Repeat("\x1b", 500), `"` + strings.Repeat(`\x1b`, 49) + `\x1…"`},
	} {
		if got := quoted(c.line); got != c.want {
			t.Errorf("quoted(%.20q…) is %s, want %s", c.line, got, c.want)
		}
	}
}
