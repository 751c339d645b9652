package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/netbox"
)

type netboxPullOptions struct {
	netboxOptions
	choice  netbox.Choice
	offline bool
	targets bool
}

func newNetBoxPullCmd(a *app) *cobra.Command {
	var opts netboxPullOptions
	cmd := &cobra.Command{
		Use: "pull", Short: "List the machines that NetBox knows, as targets of a scan",
		Long: `Read the devices and virtual machines of NetBox that have a primary address, and keep
them in the incident's directory. With --targets the addresses are printed one a line,
for nightcall scan to look at. With --offline the list that was kept last is used, for
when NetBox is down too.` + netboxHelp + `

EXIT STATUS
  0  listed
  1  NetBox cannot be read, or nothing was kept before
  2  usage`,
		Example: `  nightcall netbox pull --site dc1 --role server
  nightcall netbox pull --offline --targets | nightcall scan -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNetBoxPull(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&opts.choice.Sites, "site", nil, "only of these sites, by slug")
	f.StringSliceVar(&opts.choice.Roles, "role", nil, "only of these roles, by slug")
	f.StringSliceVar(&opts.choice.Tags, "tag", nil, "only with all of these tags, by slug")
	f.StringSliceVar(&opts.choice.Status, "status", nil, "only of these statuses")
	f.BoolVar(&opts.offline, "offline", false, "use the list that was kept last")
	f.BoolVar(&opts.targets, "targets", false, "print addresses only, one a line")
	for _, name := range []string{"site", "role", "tag", "status"} {
		cmd.MarkFlagsMutuallyExclusive("offline", name)
	}
	return cmd
}

// A netboxSnapshot is what pull keeps and --json prints.
type netboxSnapshot struct {
	Server  string          `json:"server"`
	At      time.Time       `json:"at"`
	Without int             `json:"without_address"`
	Targets []netbox.Target `json:"targets"`
}

func runNetBoxPull(ctx context.Context, a *app, opts netboxPullOptions) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	snapshot, err := i.netboxSnapshot(ctx, opts)
	if err != nil {
		return err
	}
	if snapshot.Without > 0 {
		a.say("%d machines have no primary address and are left out", snapshot.Without)
	}
	switch {
	case a.json:
		return printJSON(a.io, snapshot)
	case opts.targets:
		for _, t := range snapshot.Targets {
			if _, err := fmt.Fprintln(a.io.Out, t.Address); err != nil {
				return err
			}
		}
		return nil
	}
	table := newTable(a.io, "NAME", "ADDRESS", "KIND", "SITE", "ROLE", "STATUS")
	for _, t := range snapshot.Targets {
		table.row(t.Name, t.Address.String(), string(t.Kind), t.Site, t.Role, t.Status)
	}
	return table.flush()
}

// netboxSnapshot reads NetBox and keeps the list, or reads the list kept last.
func (i *openIncident) netboxSnapshot(ctx context.Context, opts netboxPullOptions) (netboxSnapshot, error) {
	path := filepath.Join(i.Dir, "netbox.json")
	if opts.offline {
		return i.app.oldSnapshot(path)
	}
	client, _, err := i.app.connect(ctx, opts.netboxOptions)
	if err != nil {
		return netboxSnapshot{}, err
	}
	s := netboxSnapshot{Server: client.URL(), At: i.app.now().UTC()}
	if s.Targets, s.Without, err = client.Pull(ctx, opts.choice); err != nil {
		return s, netboxHint(err)
	}
	s.Targets = append([]netbox.Target{}, s.Targets...)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, fmt.Errorf("snapshot of NetBox: %w", err)
	}
	return s, export.WriteFile(path, append(text, '\n'), 0o600)
}

func (a *app) oldSnapshot(path string) (netboxSnapshot, error) {
	var s netboxSnapshot
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, withHint(errors.New("nothing was pulled from NetBox yet"), "nightcall netbox pull")
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("snapshot of NetBox: %w", err)
	}
	a.say("as of %s", a.momentText(s.At))
	return s, nil
}
