package cli

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/bundle"
	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newExportIncidentCmd(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Write the whole incident into one file, for a second laptop",
		Long: `Write the timeline and the hosts with all that was seen on them into one file.
"nightcall import" makes an incident of it on another laptop, and "nightcall merge"
brings what was written there back. The file is as confidential as the incident: for
people outside the room there is "nightcall report". Files of the evidence directory and
host keys are not in it.
` + exportExitStatus[1:],
		Example: `  nightcall export incident -o checkout.jsonl`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runExportIncident(cmd.Context(), a, file)
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write, whole or not at all (default: standard output)")
	return cmd
}

func runExportIncident(ctx context.Context, a *app, file string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	b, err := i.bundle(ctx)
	if err != nil {
		return err
	}
	if file == "" {
		return bundle.Write(a.io.Out, b)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("export to %s: %w", file, err)
	}
	var text bytes.Buffer
	if err := bundle.Write(&text, b); err != nil {
		return err
	}
	if err := i.Append(ctx, timeline.Exported, "", timeline.Export{Format: "incident", Path: path, Hosts: len(b.Hosts)}); err != nil {
		return err
	}
	if err := export.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, map[string]any{"path": path, "entries": len(b.Entries), "hosts": len(b.Hosts)})
	}
	a.say("%s: %d entries, %s", printable(path), len(b.Entries), plural(len(b.Hosts), "host"))
	return nil
}

// bundle is the incident in one piece.
func (i *openIncident) bundle(ctx context.Context) (bundle.Bundle, error) {
	b := bundle.Bundle{ID: i.ID, Title: i.Title}
	var err error
	if b.Entries, err = i.DB.Since(ctx, ""); err != nil {
		return b, err
	}
	b.Hosts, err = i.DB.Hosts(ctx)
	return b, err
}
