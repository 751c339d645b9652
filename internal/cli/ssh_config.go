package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type sshConfigOptions struct {
	write     bool
	remove    bool
	unchecked bool
	netbox    bool
}

func newSSHConfigCmd(a *app) *cobra.Command {
	var opts sshConfigOptions
	cmd := &cobra.Command{
		Use:     "ssh-config",
		GroupID: groupUse,
		Short:   "Give every host an alias in your ssh configuration",
		Long: `Print an ssh_config for the hosts of the incident: addresses, users, jump hosts,
pinned host keys, and outdated algorithms only for the hosts that need them, spelled
for the ssh that is installed here.

With --write it goes to the incident's directory, and one Include line to the top of
~/.ssh/config, where nothing else is touched. It is written only when ssh accepts
every alias: one bad word would stop ssh for all hosts. --remove takes the line out
again.

A host whose name or address could be read as an instruction is left out, and said
to be. Two hosts that want the same alias are an error.

EXIT STATUS
  0  printed, written or removed
  1  ssh refuses the configuration, two hosts want one alias, or a file cannot be written
  2  usage`,
		Example: `  nightcall ssh-config
  nightcall ssh-config --write && ssh web1
  nightcall ssh-config --remove`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSSHConfig(cmd.Context(), a, opts) },
	}
	f := cmd.Flags()
	f.BoolVar(&opts.write, "write", false, "write it, and include it in ~/.ssh/config")
	f.BoolVar(&opts.remove, "remove", false, "take the Include line out of ~/.ssh/config")
	f.BoolVar(&opts.netbox, "from-netbox", false, "also the machines that NetBox knows and nobody has visited, as of the last pull when it does not answer")
	f.BoolVar(&opts.unchecked, "unchecked", false, "write it even where there is no ssh to check it with")
	return cmd
}

// An sshConfigResult is what --json prints.
type sshConfigResult struct {
	Path     string           `json:"path"`    // the file in the incident's directory
	Include  string           `json:"include"` // the user's configuration
	Written  bool             `json:"written"`
	Removed  bool             `json:"removed"`
	Client   string           `json:"client"` // whom it was checked with; empty when nobody
	Aliases  []string         `json:"aliases"`
	Warnings []export.Warning `json:"warnings"`
	Text     string           `json:"text,omitempty"`
}

func runSSHConfig(ctx context.Context, a *app, opts sshConfigOptions) error {
	if opts.write && opts.remove {
		return usageError("nightcall ssh-config --write", "--write and --remove are opposites")
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	result := sshConfigResult{
		Path: filepath.Join(incident.Dir, export.ConfigFile), Include: filepath.Join(home, ".ssh", "config"),
		Aliases: []string{}, Warnings: []export.Warning{},
	}
	if opts.remove {
		return incident.removeSSHConfig(result)
	}
	if opts.write { // the connections to bastions are shared through sockets there
		if err := os.MkdirAll(filepath.Dir(result.Include), 0o700); err != nil {
			return fmt.Errorf("write ssh configuration: %w", err)
		}
	}
	var more []inventory.Host
	if opts.netbox {
		if more, err = incident.netboxHosts(ctx); err != nil {
			return err
		}
	}
	config, client, err := incident.sshConfig(ctx, home, nil, more)
	if errors.Is(err, export.ErrNoClient) && (opts.unchecked || !opts.write) {
		fmt.Fprintln(a.io.Err, "nightcall: warning: no ssh is installed here: spelled for a current one, and not checked")
		err = nil
	}
	if errors.Is(err, export.ErrNoClient) {
		return withHint(err, "install OpenSSH's client, or take the risk with --unchecked")
	}
	if err != nil {
		return err
	}
	result.Aliases, result.Client = config.Aliases(), client.Version
	result.Warnings = append(result.Warnings, config.Warnings...)
	if opts.write {
		return incident.writeSSHConfig(ctx, config, client, result)
	}
	return printSSHConfig(a, config, result)
}

// sshConfig renders the incident's hosts for the installed client. Where there is
// none, the error wraps export.ErrNoClient and the configuration is good still.
// more are hosts of which only NetBox has told.
func (i *openIncident) sshConfig(ctx context.Context, home string, after []string, more []inventory.Host) (export.Config, export.Client, error) {
	fleet, err := i.Fleet(ctx)
	if err == nil {
		fleet.Hosts = append(fleet.Hosts, strangersTo(fleet, more)...)
		err = noHosts(fleet)
	}
	if err != nil {
		return export.Config{}, export.Client{}, err
	}
	title, err := i.title(ctx)
	if err != nil {
		return export.Config{}, export.Client{}, err
	}
	client, noClient := export.FindClient(ctx, "")
	if noClient != nil && !errors.Is(noClient, export.ErrNoClient) {
		return export.Config{}, client, noClient
	}
	config, err := export.SSHConfig(fleet.Hosts, export.ConfigOptions{
		Incident: title, Dir: i.Dir, By: operator(), At: i.app.now(), Client: client,
		Sockets: existingDir(filepath.Join(home, ".ssh")), UserKnownHosts: filepath.Join(home, ".ssh", "known_hosts"), After: after,
	})
	if err != nil {
		return config, client, withHint(err, "nightcall hosts lists them")
	}
	return config, client, noClient
}

// homeDir is the user's home, which holds .ssh.
func (a *app) homeDir() (string, error) {
	if home := a.getenv("HOME"); home != "" {
		return home, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", withHint(fmt.Errorf("home directory: %w", err), "set HOME")
	}
	return home, nil
}

// existingDir is dir, or nothing when there is none.
func existingDir(dir string) string {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// operator is who exports, for the header.
func operator() string {
	me, err := user.Current()
	if err != nil {
		return "somebody"
	}
	return me.Username
}

func (i *openIncident) writeSSHConfig(ctx context.Context, config export.Config, client export.Client, result sshConfigResult) error {
	entry := timeline.Export{Format: "ssh_config", Path: result.Path, Hosts: config.Hosts}
	if err := i.Append(ctx, timeline.Exported, "", entry); err != nil {
		return err
	}
	if err := config.Write(ctx, i.Dir, client); err != nil {
		return withHint(err, "nothing was changed; nightcall ssh-config prints what was refused")
	}
	changed, err := export.AddInclude(result.Include, result.Path)
	if err != nil {
		return withHint(err, "include it by hand, at the top of %s", result.Include)
	}
	result.Written = true
	if i.app.json {
		return printJSON(i.app.io, result)
	}
	printWarnings(i.app, config.Warnings)
	fmt.Fprintf(i.app.io.Err, "%s: %s; checked with %s\n", result.Path, plural(config.Hosts, "host"), orDash(client.Version))
	if changed {
		fmt.Fprintf(i.app.io.Err, "%s: one Include line added at the top\n", result.Include)
	}
	return i.hintLogin(ctx, config)
}

// hintLogin names a host to log in to, of those that a visit has reached.
func (i *openIncident) hintLogin(ctx context.Context, config export.Config) error {
	hosts, err := i.DB.Roster(ctx)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if config.Has(h.Name) && !h.Seen.IsZero() {
			fmt.Fprintf(i.app.io.Err, "nightcall: hint: ssh %s\n", h.Name)
			break
		}
	}
	return nil
}

func (i *openIncident) removeSSHConfig(result sshConfigResult) error {
	removed, err := export.RemoveInclude(result.Include, result.Path)
	if err != nil {
		return err
	}
	result.Removed = removed
	if i.app.json {
		return printJSON(i.app.io, result)
	}
	if !removed {
		fmt.Fprintf(i.app.io.Err, "%s does not include this incident\n", result.Include)
		return nil
	}
	fmt.Fprintf(i.app.io.Err, "%s: the Include line is out again\n", result.Include)
	return nil
}

func printSSHConfig(a *app, config export.Config, result sshConfigResult) error {
	if a.json {
		result.Text = string(config.Text)
		return printJSON(a.io, result)
	}
	printWarnings(a, config.Warnings)
	if _, err := a.io.Out.Write(config.Text); err != nil {
		return err
	}
	fmt.Fprintln(a.io.Err, "nightcall: hint: --write puts it in place, with the host keys it refers to")
	return nil
}

func printWarnings(a *app, warnings []export.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(a.io.Err, "nightcall: warning: %s\n", printable(w.String()))
	}
}

// noHosts says that there is nothing to export.
func noHosts(fleet inventory.Fleet) error {
	if len(fleet.Hosts) > 0 {
		return nil
	}
	return withHint(errors.New("this incident has no hosts yet"), "nightcall scan web1 web2")
}
