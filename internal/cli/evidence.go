package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newEvidenceCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "evidence",
		GroupID: groupIncident,
		Short:   "List the files of the incident, with their hashes",
		Long: `List the files that were kept as evidence: whole outputs of commands, and what people
added. The timeline has the SHA-256 of each; "nightcall verify" compares them.

EXIT STATUS
  0  they were listed, also when there are none
  1  the timeline cannot be read
  2  usage`,
		Example: `  nightcall evidence
  nightcall evidence add /tmp/thread-dump.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvidence(cmd.Context(), a) },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "add FILE...",
		Short: "Keep a copy of files as evidence",
		Long: `Copy files into the incident and write their hashes into the timeline. What looks like a
secret in a text is masked in the copy; in other files nobody looks, and the list says so.
A file that lies in the incident's evidence directory already is replaced by its copy.
- is standard input.

EXIT STATUS
  0  they are kept
  1  one cannot be read; those before it are kept
  2  usage`,
		Example: `  nightcall evidence add /tmp/thread-dump.txt screenshot.png
  journalctl -u shop | nightcall evidence add -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runEvidenceAdd(cmd.Context(), a, args) },
	})
	return cmd
}

func runEvidence(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	files, err := i.manifest(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"dir": i.evidence(), "files": append([]timeline.EvidenceFile{}, files...)})
	}
	table := newTable(a.io, "FILE", "BYTES", "SHA256", "FROM")
	for _, f := range files {
		table.row(f.Name, strconv.FormatInt(f.Bytes, 10), f.SHA256, f.Source)
	}
	return table.flush()
}

// evidence is the directory of the incident's files.
func (i *openIncident) evidence() string { return filepath.Join(i.Dir, home.Evidence) }

// manifest is what files there have to be.
func (i *openIncident) manifest(ctx context.Context) ([]timeline.EvidenceFile, error) {
	entries, err := i.DB.Kinds(ctx, i.Opened.AddDate(-1000, 0, 0), timeline.EvidenceAdded)
	return evidence.Manifest(entries), err
}

func runEvidenceAdd(ctx context.Context, a *app, names []string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	for _, name := range names {
		f, err := i.addEvidence(ctx, name)
		if err != nil {
			return err
		}
		if a.json {
			err = printJSONLine(a.io, f)
		} else {
			_, err = fmt.Fprintln(a.io.Out, filepath.Join(i.evidence(), f.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (i *openIncident) addEvidence(ctx context.Context, name string) (timeline.EvidenceFile, error) {
	in, called := i.app.io.In, "standard-input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return timeline.EvidenceFile{}, err
		}
		defer file.Close()
		in, called = file, clean(name)
	}
	f, err := i.keep(called, in)
	if err != nil {
		return f, err
	}
	if err := i.Append(ctx, timeline.EvidenceAdded, "", f); err != nil {
		return f, err
	}
	return f, i.replaced(name, f)
}

// replaced takes away a file of the evidence directory that was copied there.
func (i *openIncident) replaced(name string, f timeline.EvidenceFile) error {
	path, err := filepath.Abs(name)
	if err != nil || filepath.Dir(path) != i.evidence() || filepath.Base(path) == f.Name {
		return err
	}
	return os.Remove(path)
}

// keep stores a file without the secrets of its text.
func (i *openIncident) keep(called string, in io.Reader) (timeline.EvidenceFile, error) {
	text, binary, err := sniff(in)
	if err != nil {
		return timeline.EvidenceFile{}, fmt.Errorf("read %s: %w", called, err)
	}
	if binary {
		f, err := evidence.Keep(i.evidence(), called, text)
		f.Binary = true
		return f, err
	}
	masked, out := io.Pipe()
	go func() { out.CloseWithError((&redact.Redactor{}).Copy(out, text)) }()
	defer masked.Close()
	return evidence.Keep(i.evidence(), called, masked)
}

// sniff tells whether a file is text, by how it begins.
func sniff(in io.Reader) (whole io.Reader, binary bool, err error) {
	const enough = 8 << 10
	buffered := bufio.NewReaderSize(in, enough)
	head, err := buffered.Peek(enough)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	return buffered, bytes.IndexByte(head, 0) >= 0, nil
}
