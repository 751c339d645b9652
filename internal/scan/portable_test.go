package scan

import (
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

// TestOldBashFindsTheEndOfSubstitutions holds everything that is sent to what bash
// before version 4, which is sh on a Red Hat 4 or 5, can read: it counts parentheses
// to find where a $( ends, and takes that of a pattern for the end when nothing
// opened it. Then the whole script is a syntax error, and the host tells nothing.
func TestOldBashFindsTheEndOfSubstitutions(t *testing.T) {
	t.Parallel()
	for _, kind := range []shell.Kind{{}, {Proc: true}, {Proc: true, Dpkg: true}} {
		script := shell.Preview(Sections(fact.All()), kind, true)
		for _, line := range openPatterns(t, script) {
			t.Errorf("kind %+v: %s", kind, line)
		}
	}
}

func TestOpenPatterns(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"case $x in a) ;; esac":                         0,
		"x=$(case $x in (a) ;; (b|c) ;; esac)":          0,
		"x=$(case $x in a) ;; (b) ;; esac)":             1,
		"x=$(for i; do case $i in\na|b) ;; esac; done)": 1,
		"x=\"$(case $x in a) ;; esac)\"":                1,
		"x=$(echo 'case $x in a) ;; esac')":             0,
	} {
		if got := openPatterns(t, script); len(got) != want {
			t.Errorf("%s: %q", script, got)
		}
	}
}

// openPatterns are the lines of patterns in command substitutions that no
// parenthesis opens.
func openPatterns(t *testing.T, script string) []string {
	t.Helper()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(script, "\n")
	var open []string
	syntax.Walk(file, func(outer syntax.Node) bool {
		substitution, ok := outer.(*syntax.CmdSubst)
		if !ok || substitution.Backquotes {
			return true
		}
		syntax.Walk(substitution, func(inner syntax.Node) bool {
			item, ok := inner.(*syntax.CaseItem)
			if ok && !strings.HasSuffix(script[:item.Patterns[0].Pos().Offset()], "(") {
				open = append(open, lines[item.Pos().Line()-1])
			}
			return true
		})
		return false
	})
	return open
}
