package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

type changesOptions struct {
	since string
	hosts []string
	kinds []string
}

// changeKinds are what hosts tell of the past.
var changeKinds = []string{"package", "file", "login", "reboot"}

func newChangesCmd(a *app) *cobra.Command {
	var opts changesOptions
	cmd := &cobra.Command{
		Use:     "changes",
		GroupID: groupLook,
		Short:   "List what changed on all hosts, in one order",
		Long: `List what changed lately on all hosts, oldest first: packages, files of /etc, logins,
starts. It is what the last visits read; nothing is connected to.

Hosts' clocks are wrong, each in its own way. Times are those of this laptop: what a
host tells is moved by what its clock was off when it was visited. "~" marks a host
whose clock was not measured. The same on several hosts within two minutes is one line.

--since takes what "nightcall timeline --since" does. T0 is when the incident was opened.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incident cannot be read
  2  usage; no such host or kind`,
		Example: `  nightcall changes
  nightcall changes --since 2d --kind package,reboot
  nightcall changes --json | jq -r '.changes[] | select(.kind == "file") | "\(.host) \(.what)"'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runChanges(cmd.Context(), a, opts) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.since, "since", "24h", "only changes since then")
	f.StringSliceVar(&opts.hosts, "host", nil, "only changes on these hosts")
	f.StringSliceVar(&opts.kinds, "kind", nil, "only changes of these kinds: package, file, login, reboot")
	_ = cmd.RegisterFlagCompletionFunc("kind", completeWords(changeKinds...))
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	return cmd
}

func runChanges(ctx context.Context, a *app, opts changesOptions) error {
	since, err := parseSince(opts.since, a.now())
	if err != nil {
		return err
	}
	for _, k := range opts.kinds {
		if !slices.Contains(changeKinds, k) {
			return usageError("kinds: package, file, login, reboot", "unknown kind %q", k)
		}
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return err
	}
	if fleet.Hosts, err = chosenHosts(fleet, opts.hosts); err != nil {
		return err
	}
	changes := inventory.RecentChanges(fleet, since)
	if len(opts.kinds) > 0 {
		changes = slices.DeleteFunc(changes, func(r inventory.Recent) bool { return !slices.Contains(opts.kinds, r.Kind) })
	}
	untold := untold(fleet)
	if a.json {
		return printJSON(a.io, map[string]any{"changes": changes, "untold": untold, "since": since, "t0": fleet.T0})
	}
	if err := a.printRecent(changes, fleet.T0); err != nil {
		return err
	}
	if len(untold) > 0 {
		a.say("%s did not tell what changed, or not all: nightcall host show says why", siblingsText(untold))
	}
	return nil
}

// untold are the hosts whose changes are not or not all known: that nothing is
// listed there means nothing.
func untold(fleet inventory.Fleet) []string {
	names := []string{}
	for _, h := range fleet.Hosts {
		if h.Facts.Changes.State != fact.OK {
			names = append(names, h.Name)
		}
	}
	return names
}

// together is how far apart the same change on two hosts is one deed.
const together = 2 * time.Minute

// A deed is one change, on one host or on several.
type deed struct {
	inventory.Recent

	hosts []string
}

// deeds puts the same change on several hosts together, in the order of the first.
func deeds(changes []inventory.Recent) []*deed {
	var out []*deed
	last := map[string]*deed{} // by kind, what and who
	for _, c := range changes {
		name := c.Host
		if c.Blind {
			name += " ~"
		}
		k := c.Kind + "\x00" + c.What + "\x00" + c.Who
		if d := last[k]; d != nil && c.At.Sub(d.At) <= together {
			if !slices.Contains(d.hosts, name) {
				d.hosts = append(d.hosts, name)
			}
			continue
		}
		last[k] = &deed{c, []string{name}}
		out = append(out, last[k])
	}
	return out
}

func (a *app) printRecent(changes []inventory.Recent, t0 time.Time) error {
	table := newTable(a.io, "AT", "T0", "HOSTS", "KIND", "WHAT", "WHO")
	for _, d := range deeds(changes) {
		table.row(a.momentText(d.At), beforeText(d.At, t0), siblingsText(d.hosts), d.Kind, d.What, d.Who)
	}
	return table.flush()
}

// beforeText is how long before the opening of the incident something was.
func beforeText(at, t0 time.Time) string {
	if t0.IsZero() {
		return unknownCell
	}
	if d := t0.Sub(at); d >= 0 {
		return fmt.Sprintf("%s before", durationText(d))
	}
	return fmt.Sprintf("%s after", durationText(at.Sub(t0)))
}
