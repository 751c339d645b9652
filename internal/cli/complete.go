package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// completeHosts offers the incident's hosts for the first argument, and after
// each comma of a list. A shell's completion stays silent about trouble.
func (a *app) completeHosts(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const nothing = cobra.ShellCompDirectiveNoFileComp
	if len(args) > 0 {
		return nil, nothing
	}
	fleet, err := a.fleet(cmd)
	if err != nil {
		return nil, nothing
	}
	done := typed[:strings.LastIndexByte(typed, ',')+1]
	var offers []string
	for _, h := range fleet.Hosts {
		if strings.HasPrefix(h.Name, typed[len(done):]) && h.Name == printable(h.Name) {
			offers = append(offers, done+h.Name)
		}
	}
	return offers, nothing
}

// completeTargets offers what a scan may look at: the hosts of the ssh configuration
// and those of the incident that were not named yet.
func (a *app) completeTargets(opts *reachOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if home, err := os.UserHomeDir(); err == nil {
			if config, err := ssh.LoadConfig(opts.config, home, ""); err == nil {
				names, _ = config.Aliases()
			}
		}
		if fleet, err := a.fleet(cmd); err == nil {
			for _, h := range fleet.Hosts {
				names = append(names, h.Name)
			}
		}
		slices.Sort(names)
		return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
			return !strings.HasPrefix(name, typed) || name != printable(name) || slices.Contains(args, name)
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// fleet opens the incident for as long as it takes to read its hosts.
func (a *app) fleet(cmd *cobra.Command) (inventory.Fleet, error) {
	incident, err := a.openCurrent(cmd.Context())
	if err != nil {
		return inventory.Fleet{}, err
	}
	defer incident.Close()
	return incident.Fleet(cmd.Context())
}

// completeWords offers fixed words, and after each comma of a list.
func completeWords(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		var offers []string
		for _, w := range words {
			if strings.HasPrefix(w, typed[len(done):]) {
				offers = append(offers, done+w)
			}
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// unknownHost says that the incident has no host of this name, with the nearest
// one.
func unknownHost(fleet inventory.Fleet, name string) error {
	names := make([]string, len(fleet.Hosts))
	for i, h := range fleet.Hosts {
		names[i] = h.Name
	}
	hint := "nightcall hosts lists them"
	if len(names) == 0 {
		hint = "nightcall scan " + printable(name)
	}
	if near := check.Nearest(name, names); near != "" {
		hint = "did you mean " + printable(near) + "?"
	}
	return usageError(hint, "no host %q in this incident", name)
}
