package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/inventory"
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
for nightcall scan to look at; nightcall scan --from-netbox and nightcall ssh-config
--from-netbox do all of it in one go. With --offline the list that was kept last is used, for
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
	if opts.offline {
		return i.oldSnapshot(cmp.Or(opts.url, i.app.getenv("NIGHTCALL_NETBOX_URL")))
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
	return s, export.WriteFile(filepath.Join(i.Dir, snapshotFile), append(text, '\n'), 0o600)
}

// oldSnapshot is the list that was kept last: by this incident, or by any other for
// the same NetBox.
func (i *openIncident) oldSnapshot(server string) (netboxSnapshot, error) {
	s, err := readSnapshot(filepath.Join(i.Dir, snapshotFile))
	if errors.Is(err, fs.ErrNotExist) && server != "" {
		s, err = newestSnapshot(filepath.Dir(i.Dir), server)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return s, withHint(errors.New("nothing was pulled from NetBox yet"), "nightcall netbox pull")
	}
	if err != nil {
		return s, fmt.Errorf("snapshot of NetBox: %w", err)
	}
	i.app.say("as of %s", i.app.momentText(s.At))
	return s, nil
}

const snapshotFile = "netbox.json"

func readSnapshot(path string) (netboxSnapshot, error) {
	var s netboxSnapshot
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// newestSnapshot is the youngest of what incidents have kept of one NetBox.
func newestSnapshot(incidents, server string) (netboxSnapshot, error) {
	files, err := filepath.Glob(filepath.Join(incidents, "*", snapshotFile))
	if err != nil {
		return netboxSnapshot{}, err
	}
	newest, found := netboxSnapshot{}, false
	for _, file := range files {
		s, err := readSnapshot(file)
		if err == nil && s.Server == strings.TrimSuffix(server, "/") && (!found || s.At.After(newest.At)) {
			newest, found = s, true
		}
	}
	if !found {
		return newest, fs.ErrNotExist
	}
	return newest, nil
}

// netboxHosts are the machines that NetBox knows, as hosts that nobody has visited.
// When it does not answer, or nobody has said where it is, those kept last are used.
func (i *openIncident) netboxHosts(ctx context.Context) ([]inventory.Host, error) {
	offline := i.app.getenv("NIGHTCALL_NETBOX_URL") == ""
	s, err := i.netboxSnapshot(ctx, netboxPullOptions{offline: offline})
	if errors.Is(err, netbox.ErrUnheard) {
		fmt.Fprintf(i.app.io.Err, "nightcall: warning: %s\n", printable(err.Error()))
		s, err = i.oldSnapshot(i.app.getenv("NIGHTCALL_NETBOX_URL"))
	}
	if err != nil {
		return nil, err
	}
	return hostsOf(s.Targets), nil
}

// hostsOf makes hosts of machines. Where several have one name, each has its site
// behind it, and where that is not enough, its address is its name.
func hostsOf(targets []netbox.Target) []inventory.Host {
	sited := func(t netbox.Target) string { return strings.TrimSuffix(t.Name+"."+t.Site, ".") }
	names := map[string]int{}
	for _, t := range targets {
		names[t.Name]++
		if sited(t) != t.Name {
			names[sited(t)]++
		}
	}
	hosts := []inventory.Host{}
	for _, t := range targets {
		name := t.Name
		if names[name] > 1 {
			name = sited(t)
		}
		if names[name] > 1 {
			name = t.Address.String()
		}
		hosts = append(hosts, inventory.Host{Name: name, Access: inventory.Access{Wire: wireNative, Address: t.Address.String(), Port: 22}})
	}
	return hosts
}

// strangersTo are those of the hosts that a fleet has neither by name nor by
// address.
func strangersTo(fleet inventory.Fleet, hosts []inventory.Host) []inventory.Host {
	known := map[string]bool{}
	for _, h := range fleet.Hosts {
		known[h.Name], known[h.Access.Address] = true, true
	}
	return slices.DeleteFunc(hosts, func(h inventory.Host) bool { return known[h.Name] || known[h.Access.Address] })
}
