package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/sqlite"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type linksOptions struct {
	hosts []string
	all   bool
}

func newLinksCmd(a *app) *cobra.Command {
	var opts linksOptions
	cmd := &cobra.Command{
		Use:     "links",
		GroupID: groupLook,
		Short:   "List who talks to whom",
		Long: `List who talks to whom: the client and its process, the service and its port, as the
sockets of both ends show it, together with what the clients' configurations name and
what people declared. Nothing is connected to; all kept visits count, since one moment
does not show everything: LAST is when a link was seen last.

The state is "established"; "attempted" when a client asks and nobody was ever seen to
answer; "unused" when a configuration names the link and nobody saw it; "silent" when a
person declared it and nobody saw it. SEEN says who shows it: client, server, both, or
nobody; SOURCE is the line of the client's configuration. Clients from outside private
networks are one, the internet.

Logins over SSH, what a host says to itself, and services on loopback are left out
without --all.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incident cannot be read
  2  usage; no such host`,
		Example: `  nightcall links
  nightcall links --host db1
  nightcall links --json | jq '.links[] | select(.state == "attempted")'
  nightcall links --json | jq -r '.links[] | select(.state == "unused") | .sources[] | "\(.host) \(.file):\(.line)"'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLinks(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringSliceVar(&opts.hosts, "host", nil, "only links from or to these hosts")
	cmd.Flags().BoolVar(&opts.all, "all", false, "also logins over SSH and what stays within a host")
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	return cmd
}

// Map joins what is known of the incident's hosts to who talks to whom.
func (i *openIncident) Map(ctx context.Context) (inventory.Fleet, link.Map, error) {
	fleet, err := i.Fleet(ctx)
	if err != nil {
		return fleet, link.Map{}, err
	}
	var samples []link.Sample
	err = i.DB.Samples(ctx, func(s sqlite.Sample) {
		samples = append(samples, link.Sample{Host: s.Host, At: s.Sockets.At, Sockets: s.Sockets.Value, Interfaces: s.Interfaces.Value})
	})
	if err != nil {
		return fleet, link.Map{}, err
	}
	draft, err := i.draft(ctx)
	if err != nil {
		return fleet, link.Map{}, err
	}
	tests, err := i.DB.Kinds(ctx, time.Unix(0, 0), timeline.ReachTested)
	m := link.Join(fleet, samples, draft)
	m.Apply(link.TestsOf(tests))
	return fleet, m, err
}

func runLinks(ctx context.Context, a *app, opts linksOptions) error {
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	_, m, err := incident.Map(ctx)
	if err != nil {
		return err
	}
	if err := known(m, opts.hosts); err != nil {
		return err
	}
	m.Links = slices.DeleteFunc(m.Links, func(l link.Link) bool { return !opts.all && (l.Login || l.Within) })
	if len(opts.hosts) > 0 {
		m = m.About(func(name string) bool { return slices.Contains(opts.hosts, name) })
	}
	m.Services = slices.DeleteFunc(m.Services, func(s link.Service) bool {
		return !opts.all && s.Local || len(opts.hosts) > 0 && !slices.Contains(opts.hosts, s.Host)
	})
	if a.json {
		return printJSON(a.io, m)
	}
	if len(m.Links) == 0 {
		a.say("nightcall: hint: no links yet: nightcall scan web1 web2, or nightcall link add web1 db1:3306")
	}
	return printLinks(a, m)
}

// known refuses a host that the map does not have.
func known(m link.Map, hosts []string) error {
	for _, name := range hosts {
		if _, ok := m.Node(name); !ok {
			return usageError("nightcall hosts lists them", "no host %q in this incident", name)
		}
	}
	return nil
}

func printLinks(a *app, m link.Map) error {
	table := newTable(a.io, "CLIENT", "PROCESS", "HOST", "PORT", "SERVICE", "ROLE", "STATE", "COUNT", "SEEN", "LABEL", "NOTE", "LAST", "SOURCE")
	for _, l := range m.Links {
		s, _ := m.Find(l.To.Host, l.Port)
		table.row(l.From.Name(), dash(l.From.Process), l.To.Name(), portText(l.Port), serviceText(l, s), l.Role,
			string(l.State), fmt.Sprint(l.Count), seenBy(l), l.Label, l.Doubt, stamp(l.Last), sourceText(l))
	}
	return table.flush()
}

// sourceText is the first line that names a link, and how many more there are.
func sourceText(l link.Link) string {
	switch n := len(l.Sources); n {
	case 0:
		return ""
	case 1:
		return l.Sources[0].String()
	default:
		return fmt.Sprintf("%s and %d more", l.Sources[0], n-1)
	}
}

// dash stands for what is not known.
func dash(text string) string {
	if text == "" {
		return unknownCell
	}
	return text
}

func portText(port int) string {
	if port == 0 {
		return unknownCell
	}
	return fmt.Sprint(port)
}

// serviceText is the service of a link with what is known of it.
func serviceText(l link.Link, s link.Service) string {
	if s.Kind == "" {
		return dash(link.TitleOf(l.Kind))
	}
	text := s.Title
	if s.Version != "" {
		text += " " + s.Version
	}
	if s.Role != "" {
		text += " (" + s.Role + ")"
	}
	return text
}

func seenBy(l link.Link) string {
	var by []string
	if l.ByClient {
		by = append(by, "client")
	}
	if l.ByServer {
		by = append(by, "server")
	}
	switch len(by) {
	case 0:
		return "nobody"
	case 2:
		return "both"
	}
	return strings.Join(by, "")
}
