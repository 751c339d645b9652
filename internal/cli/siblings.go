package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/link"
)

func newSiblingsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "siblings",
		GroupID: groupLook,
		Short:   "List the hosts that do the same job, and the odd one out",
		Long: `List the groups of hosts that do the same job, and in what any of them differs from
most of the others: operating system, kernel, the versions of its services, a service
that is not there. Of three or more, the one is named that alone has another packet
filter, configuration file, line in /etc/hosts, resolver, time zone, size or route, that
was not seen to call what all others call, or whose clock is off; and since when, where
what was changed on it lately tells.

Hosts are siblings when their names differ in their numbers only and they share a
service; when one is the replica of the other; when the same client calls the same
services on both; or when a person declared them as one group.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incident cannot be read
  2  usage`,
		Example: `  nightcall siblings
  nightcall siblings --json | jq -r '.odd[] | "\(.host): \(.what) \(.has), not \(.usual)"'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSiblings(cmd.Context(), a) },
	}
}

func runSiblings(ctx context.Context, a *app) error {
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	fleet, m, err := incident.Map(ctx)
	if err != nil {
		return err
	}
	groups := m.Groups()
	odd := m.Odd(fleet, groups)
	if a.json {
		if odd == nil {
			odd = []link.Oddity{}
		}
		return printJSON(a.io, map[string]any{"groups": groups, "odd": odd})
	}
	table := newTable(a.io, "GROUP", "RUNS", "HOSTS", "ODD", "WHAT", "HAS", "USUAL", "SINCE")
	for _, g := range groups {
		table.row(g.Name, dash(link.TitleOf(g.Runs)), siblingsText(g.Hosts))
		for _, o := range odd {
			if o.Group == g.Name {
				table.row(g.Name, "", "", o.Host, strings.TrimSpace(o.What+" "+o.Subject), o.Has, o.Usual, sinceText(o.Since))
			}
		}
	}
	return table.flush()
}

// sinceText is what changed it, under a heading that says "since" already.
func sinceText(since string) string {
	return strings.TrimPrefix(strings.TrimPrefix(since, "since "), "when is ")
}

// siblingsText names a few hosts and counts the rest.
func siblingsText(hosts []string) string {
	const shown = 6
	text := strings.Join(hosts[:min(shown, len(hosts))], ", ")
	if more := len(hosts) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
