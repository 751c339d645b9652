package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type sshOptions struct {
	change bool
}

func newSSHCmd(a *app) *cobra.Command {
	var opts sshOptions
	cmd := &cobra.Command{
		Use:     "ssh HOST [-- COMMAND [ARG...]]",
		GroupID: groupUse,
		Short:   "Log in to a host with the system's ssh",
		Long: `Log in to a host of the incident with the system's ssh, through the jump hosts and
with the host key that the scan saw. That you logged in is written to the timeline;
what you do there is not: "nightcall run" writes that down, too.

A single argument after -- is a line for the host's shell; several are a command and
its arguments, passed on exactly.

EXIT STATUS
  1    the incident cannot be read, or there is no ssh here
  2    usage; no such host
  11   stopped by nightcall stop
  255  ssh could not log in
  Any other is the status of the command there.`,
		Example: `  nightcall ssh web1
  nightcall ssh web1 -- 'tail -f /var/log/syslog'`,
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSSH(cmd.Context(), a, opts, args, cmd.ArgsLenAtDash())
		},
	}
	cmd.Flags().BoolVar(&opts.change, "change", false, "you will alter the host: say so in the timeline")
	return cmd
}

func runSSH(ctx context.Context, a *app, opts sshOptions, args []string, dash int) error {
	if len(args) == 0 || dash == 0 || dash == -1 && len(args) > 1 || dash > 1 {
		return usageError("nightcall ssh web1 -- uptime", "name one host, then -- and the command, if any")
	}
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	argv, err := incident.prepareSSH(ctx, opts, args[0], args[1:])
	if err := errors.Join(err, incident.Close()); err != nil {
		return err
	}
	return becomeProcess(argv)
}

// prepareSSH writes the configuration and the timeline, and returns the command
// line of the system's ssh.
func (i *openIncident) prepareSSH(ctx context.Context, opts sshOptions, name string, command []string) ([]string, error) {
	if err := i.stopped(); err != nil {
		return nil, err
	}
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	h, ok := fleet.Find(name)
	if !ok {
		return nil, unknownHost(fleet, name)
	}
	home, err := i.app.homeDir()
	if err != nil {
		return nil, err
	}
	var after []string
	if h.Access.Wire == "openssh" { // reached by what only the user's configuration says
		after = []string{filepath.Join(home, ".ssh", "config"), ssh.SystemConfig}
	}
	config, client, err := i.sshConfig(ctx, home, after, nil)
	if err != nil {
		return nil, err
	}
	if !config.Has(name) {
		return nil, leftOut(config, name)
	}
	file, err := config.WriteSession(ctx, i.Dir, client, name)
	if err != nil {
		return nil, err
	}
	argv := []string{client.Path, "-F", file, "--", name}
	if len(command) > 0 {
		argv = append(argv, remoteLine(command))
	}
	return argv, i.noteLogin(ctx, opts, name, command)
}

// leftOut says why a host is not in the configuration.
func leftOut(config export.Config, name string) error {
	for _, w := range config.Warnings {
		if w.Left && w.Host == name {
			return fmt.Errorf("host %s: %s", name, w.Text)
		}
	}
	return fmt.Errorf("host %q cannot be spelled in an ssh_config", name)
}

// remoteLine is what ssh hands to the host's shell.
func remoteLine(command []string) string {
	if len(command) == 1 {
		return command[0]
	}
	return host.Quote(command...)
}

// noteLogin writes that somebody is about to log in.
func (i *openIncident) noteLogin(ctx context.Context, opts sshOptions, name string, command []string) error {
	argv := append([]string{"ssh", name}, redact.Argv(command)...)
	start := timeline.CommandStart{Run: ulid.Make().String(), Argv: argv, Change: opts.change}
	return i.Append(ctx, timeline.CommandStarted, name, start)
}
