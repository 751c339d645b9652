package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

//go:generate go test -run ^TestDocs$ -update .

// docsDir holds one page for each command.
const docsDir = "../../docs/cli"

// TestDocs compares docs/cli with the commands as they are; with -update it
// writes the pages.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	for _, cmd := range everyCommand(documentedRoot()) {
		pages[pageName(cmd)] = page(cmd)
	}
	if *update {
		writePages(t, pages)
	}
	stale := map[string]string{}
	files, err := filepath.Glob(filepath.Join(docsDir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stale[filepath.Base(file)] = string(text)
	}
	if diff := cmp.Diff(stale, pages); diff != "" {
		t.Errorf("docs/cli is stale; run: go generate ./internal/cli\n%s", diff)
	}
}

// TestEveryCommandIsExplained holds what a reader of --help may rely on.
func TestEveryCommandIsExplained(t *testing.T) {
	t.Parallel()
	for _, cmd := range everyCommand(documentedRoot()) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short text is %q", path, cmd.Short)
		}
		if foreign(cmd) {
			continue
		}
		if !cmd.HasSubCommands() && !strings.Contains(cmd.Long, "\nEXIT STATUS\n") {
			t.Errorf("%s: the long text does not tell the exit status", path)
		}
		if !strings.HasPrefix(cmd.Example, "  nightcall ") {
			t.Errorf("%s: the example is %q", path, cmd.Example)
		}
	}
}

// foreign holds for the commands that cobra brings.
func foreign(cmd *cobra.Command) bool {
	return cmd.Name() == "help" || cmd.Name() == "completion" || cmd.HasParent() && cmd.Parent().Name() == "completion"
}

func documentedRoot() *cobra.Command {
	root := newRootCmd(&app{io: stdio.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// everyCommand is the command and all below it that help shows.
func everyCommand(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, everyCommand(sub)...)
		}
	}
	return all
}

func pageName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "_") + ".md"
}

// page is a command's page.
func page(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	sentence := cmd.Short
	if !strings.HasSuffix(sentence, "?") {
		sentence += "."
	}
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", cmd.CommandPath(), sentence)
	block(&b, "", cmd.UseLine())
	block(&b, "", cmd.Long)
	block(&b, "Examples", cmd.Example)
	block(&b, "Flags", cmd.NonInheritedFlags().FlagUsages())
	block(&b, "Flags of every command", cmd.InheritedFlags().FlagUsages())
	links(&b, cmd)
	return b.String()
}

// block is text as it stands on a terminal, under a heading.
func block(b *strings.Builder, heading, text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	if heading != "" {
		fmt.Fprintf(b, "## %s\n\n", heading)
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n", text)
}

func links(b *strings.Builder, cmd *cobra.Command) {
	var lines []string
	if cmd.HasParent() {
		lines = append(lines, pageLink(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			lines = append(lines, pageLink(sub))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "## See also\n\n%s\n", strings.Join(lines, "\n"))
	}
}

func pageLink(cmd *cobra.Command) string {
	return fmt.Sprintf("- [%s](%s): %s", cmd.CommandPath(), pageName(cmd), cmd.Short)
}

// writePages makes the directory hold exactly these pages.
func writePages(t *testing.T, pages map[string]string) {
	t.Helper()
	if err := os.RemoveAll(docsDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(docsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(docsDir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
