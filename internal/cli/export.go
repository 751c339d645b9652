package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type exportOptions struct {
	file string
}

func newExportCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		GroupID: groupUse,
		Short:   "Write the inventory for another tool, or the incident for another laptop",
		Example: `  nightcall export ansible -o inventory.yaml
  nightcall export csv -o hosts.csv
  nightcall export incident -o checkout.jsonl`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, f := range exportFormats {
		cmd.AddCommand(newExportFormatCmd(a, f))
	}
	cmd.AddCommand(newExportIncidentCmd(a))
	return cmd
}

// An exportFormat is one language that the inventory is written in.
type exportFormat struct {
	name, short, long, example string
	render                     func(ctx context.Context, hosts []inventory.Host, title string) ([]byte, []export.Warning, error)
}

var exportFormats = []exportFormat{
	{
		name: "ansible", short: "Write an Ansible inventory",
		long: `Write an Ansible inventory in YAML: address, port, user, key file, jump hosts and
outdated algorithms of every host, and groups by operating system (os_debian) and by
how the last visit ended (class_ok). Names and values that Ansible would expand are
left out, and said to be.`,
		example: `  nightcall export ansible -o inventory.yaml && ansible -i inventory.yaml class_ok -m ping`,
		render: func(ctx context.Context, hosts []inventory.Host, title string) ([]byte, []export.Warning, error) {
			client, err := export.FindClient(ctx, "")
			if err != nil && !errors.Is(err, export.ErrNoClient) {
				return nil, nil, err
			}
			return export.Ansible(hosts, title, client)
		},
	},
	{
		name: "csv", short: "Write a table for a spreadsheet",
		long: `Write one line for each host, with a header, as RFC 4180 says. A cell that a
spreadsheet would take for a formula begins with an apostrophe. Times are UTC, sizes
bytes; what is not known is empty.`,
		example: `  nightcall export csv -o hosts.csv`,
		render: func(_ context.Context, hosts []inventory.Host, _ string) ([]byte, []export.Warning, error) {
			text, err := export.CSV(hosts)
			return text, nil, err
		},
	},
	{
		name: "hosts", short: "Write lines for a hosts file",
		long: `Write a line for /etc/hosts for each host: its primary address and its name in the
incident. What a host calls itself is not written, because whoever owns the host
could name it after another.`,
		example: `  nightcall export hosts`,
		render: func(_ context.Context, hosts []inventory.Host, title string) ([]byte, []export.Warning, error) {
			return export.HostsFile(hosts, title)
		},
	},
}

const exportExitStatus = `

EXIT STATUS
  0  written
  1  two hosts want one name, or the file cannot be written
  2  usage`

func newExportFormatCmd(a *app, format exportFormat) *cobra.Command {
	var opts exportOptions
	cmd := &cobra.Command{
		Use: format.name, Short: format.short, Long: format.long + exportExitStatus, Example: format.example,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExport(cmd.Context(), a, format, opts) },
	}
	cmd.Flags().StringVarP(&opts.file, "output", "o", "", "file to write, whole or not at all (default: standard output)")
	return cmd
}

func runExport(ctx context.Context, a *app, format exportFormat, opts exportOptions) error {
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	fleet, err := incident.Fleet(ctx)
	if err != nil {
		return err
	}
	if err := noHosts(fleet); err != nil {
		return err
	}
	title, err := incident.title(ctx)
	if err != nil {
		return err
	}
	text, warnings, err := format.render(ctx, fleet.Hosts, title)
	if err != nil {
		return err
	}
	hosts := len(fleet.Hosts)
	for _, w := range warnings {
		if w.Left {
			hosts--
		}
	}
	if opts.file == "" {
		return printExport(a, format, text, warnings, hosts)
	}
	return incident.writeExport(ctx, format, opts.file, text, warnings, hosts)
}

// An exportResult is what --json prints.
type exportResult struct {
	Format   string           `json:"format"`
	Path     string           `json:"path,omitempty"`
	Hosts    int              `json:"hosts"`
	Warnings []export.Warning `json:"warnings"`
	Text     string           `json:"text,omitempty"`
}

func printExport(a *app, format exportFormat, text []byte, warnings []export.Warning, hosts int) error {
	if a.json {
		return printJSON(a.io, exportResult{Format: format.name, Hosts: hosts, Warnings: notNil(warnings), Text: string(text)})
	}
	printWarnings(a, warnings)
	_, err := a.io.Out.Write(text)
	return err
}

func (i *openIncident) writeExport(ctx context.Context, format exportFormat, file string, text []byte, warnings []export.Warning, hosts int) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("export to %s: %w", file, err)
	}
	entry := timeline.Export{Format: format.name, Path: path, Hosts: hosts}
	if err := i.exported(ctx, entry); err != nil {
		return err
	}
	if err := export.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	if i.app.json {
		return printJSON(i.app.io, exportResult{Format: format.name, Path: path, Hosts: hosts, Warnings: notNil(warnings)})
	}
	printWarnings(i.app, warnings)
	fmt.Fprintf(i.app.io.Err, "%s: %s\n", path, plural(hosts, "host"))
	return nil
}

func notNil(warnings []export.Warning) []export.Warning {
	if warnings == nil {
		return []export.Warning{}
	}
	return warnings
}

// title is what the incident was opened with, for people who read an export.
func (i *openIncident) title(ctx context.Context) (string, error) {
	entries, err := i.DB.Since(ctx, "")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		var opened timeline.Opened
		if e.Kind == timeline.IncidentOpened && json.Unmarshal(e.Data, &opened) == nil && opened.Title != "" {
			return opened.Title, nil
		}
	}
	return filepath.Base(i.Dir), nil
}
