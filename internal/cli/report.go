package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/report"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type reportOptions struct {
	file string
}

func newReportCmd(a *app) *cobra.Command {
	var opts reportOptions
	cmd := &cobra.Command{
		Use:     "report",
		GroupID: groupRoom,
		Short:   "Write the report, at any minute",
		Long: `Write the report of the incident as it is now: one page in business words with the cost
curve, then the business and the technical situation, discoveries with evidence, actions
and commands, what was not covered, follow-ups, and the timeline. It can be written at
any minute and as often as you like.

The ending of the file says in which language: .html is one file that needs nothing
else, .md is Markdown, .json is for programs, .pdf is that HTML, printed by the Chromium,
Chrome or Edge of this laptop. What
looks like a secret is masked, and text from hosts is never more than text. - is
standard output, in Markdown, or in JSON with --json.

EXIT STATUS
  0  it is written
  1  the incident cannot be read or the file not be written
  2  usage`,
		Example: `  nightcall report -o report.html
  nightcall report -o - | less
  nightcall report -o report.pdf`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReport(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringVarP(&opts.file, "output", "o", "", "file to write, whole or not at all (default: report.html in the incident's directory)")
	return cmd
}

// reportLanguages are the languages of reports, by the ending of the file.
var reportLanguages = map[string]reportWriter{
	".html": inMemory(report.HTML), ".md": inMemory(report.Markdown), ".json": inMemory(report.JSON), ".pdf": writePDF,
}

type reportWriter = func(context.Context, io.Writer, report.Data) error

// inMemory is a writer that waits for nobody.
func inMemory(write func(io.Writer, report.Data) error) reportWriter {
	return func(_ context.Context, w io.Writer, d report.Data) error { return write(w, d) }
}

// A writtenReport is what --json prints when a file was written.
type writtenReport struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Entries int    `json:"entries"`
	Hosts   int    `json:"hosts"`
}

func runReport(ctx context.Context, a *app, opts reportOptions) error {
	write, err := reportLanguage(a, opts.file)
	if err != nil {
		return err
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	d, err := i.reportData(ctx)
	if err != nil {
		return err
	}
	if err := i.past(ctx, &d); err != nil {
		a.say("nightcall: no picture of before: %s", printable(err.Error()))
	}
	if opts.file == "-" {
		return write(ctx, a.io.Out, d)
	}
	var text bytes.Buffer
	if err := write(ctx, &text, d); err != nil {
		return err
	}
	path, err := filepath.Abs(cmp.Or(opts.file, filepath.Join(i.Dir, "report.html")))
	if err != nil {
		return err
	}
	done := timeline.Export{Format: "report", Path: path, Hosts: len(d.Fleet.Hosts)}
	if err := i.exported(ctx, done); err != nil {
		return err
	}
	err = export.WriteFile(path, text.Bytes(), 0o600)
	if opts.file == "" && (errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)) {
		return withHint(err, "nightcall report -o FILE writes it elsewhere")
	}
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, writtenReport{path, text.Len(), len(d.Entries), len(d.Fleet.Hosts)})
	}
	_, err = fmt.Fprintln(a.io.Out, path)
	return err
}

// reportLanguage chooses by the ending of the file.
func reportLanguage(a *app, file string) (reportWriter, error) {
	ending := strings.ToLower(filepath.Ext(file))
	switch {
	case file == "-" && a.json:
		ending = ".json"
	case file == "-":
		ending = ".md"
	case file == "":
		ending = ".html"
	}
	write, known := reportLanguages[ending]
	if !known {
		return nil, usageError("nightcall report -o report.html, report.pdf, report.md or report.json", "%s: unknown ending %q", file, ending)
	}
	if ending == ".pdf" {
		_, err := findBrowser()
		return write, err
	}
	return write, nil
}
