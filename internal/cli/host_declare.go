package cli

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newHostDeclareCmd(a *app) *cobra.Command {
	var d timeline.HostDraft
	cmd := &cobra.Command{
		Use:   "declare HOST",
		Short: "Say that a host is there, before any visit",
		Long: `Declare a host, as somebody told you: for the picture that is wanted before anything
can be visited. It is written to the timeline and kept apart from what is seen. A host
that is visited later under the same name or address takes the declaration's group
and domain.
Declaring a host again replaces what was said.

EXIT STATUS
  0  the host is declared
  1  it could not be written
  2  usage`,
		Example: `  nightcall host declare lb1 --address 10.0.0.1 --runs haproxy --group Entrypoint
  nightcall host declare db1 --runs mysql --group 'Database HA' --domain rack2`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			d.Name = args[0]
			return runHostDeclare(cmd.Context(), a, d)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Address, "address", "", "its IP address")
	f.StringVar(&d.Runs, "runs", "", "what it is there for: haproxy, mysql, redis …")
	f.StringVar(&d.Group, "group", "", "what it belongs to, drawn as one box")
	f.StringVar(&d.Domain, "domain", "", "what it falls together with, as a rack or a site: drawn as a part of the box")
	_ = cmd.RegisterFlagCompletionFunc("runs", completeWords(link.KindNames()...))
	return cmd
}

func runHostDeclare(ctx context.Context, a *app, d timeline.HostDraft) error {
	const hint = "nightcall host declare db1 --address 10.0.13.1 --runs mysql"
	if err := declarable(d.Name); err != nil {
		return usageError(hint, "%w", err)
	}
	if _, err := netip.ParseAddr(d.Address); d.Address != "" && err != nil {
		return usageError(hint, "%q is no IP address", d.Address)
	}
	if kinds := link.KindNames(); d.Runs != "" && !slices.Contains(kinds, d.Runs) {
		if near := check.Nearest(d.Runs, kinds); near != "" {
			return usageError("did you mean "+near+"?", "unknown kind of service %q", d.Runs)
		}
		return usageError("kinds: "+strings.Join(kinds, ", "), "unknown kind of service %q", d.Runs)
	}
	if len(d.Group) > maxDeclared || len(d.Domain) > maxDeclared {
		return usageError(hint, "a group's or domain's name of more than %d bytes", maxDeclared)
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	return i.declare(ctx, timeline.HostDeclared, d.Name, d)
}

func newHostRetractCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retract HOST",
		Short: "Take back a declared host",
		Long: `Take back the declaration of a host. What was seen of it stays.

EXIT STATUS
  0  the host is no longer declared
  1  it could not be written
  2  usage; no such host was declared`,
		Example: `  nightcall host retract lb3`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runHostRetract(cmd.Context(), a, args[0])
		},
	}
}

func runHostRetract(ctx context.Context, a *app, name string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	draft, err := i.draft(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(draft.Hosts, func(d timeline.HostDraft) bool { return d.Name == name }) {
		return usageError("nightcall timeline --kind host lists declarations", "no host %q was declared", name)
	}
	return i.declare(ctx, timeline.HostRetracted, name, timeline.HostDraft{Name: name})
}

// draft is what people declared.
func (i *openIncident) draft(ctx context.Context) (link.Draft, error) {
	entries, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.HostDeclared, timeline.HostRetracted, timeline.LinkDeclared, timeline.LinkRetracted)
	return link.DraftOf(entries), err
}
