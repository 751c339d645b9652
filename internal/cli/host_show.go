package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

type hostShowOptions struct {
	name string
	fact string
}

// maxShown is how many items of a list are shown unless its fact is asked for.
const maxShown = 15

func newHostShowCmd(a *app) *cobra.Command {
	var opts hostShowOptions
	cmd := &cobra.Command{
		Use:   "show HOST",
		Short: "Show everything that was observed on a host",
		Long: fmt.Sprintf(`Show how a host is reached and everything that was observed there. Each fact
stands with where it was read and how long ago. What could not be read is listed at
the end with the reason, and so is what nobody asked for.

Lists are cut after %d items; --fact shows one fact whole.

EXIT STATUS
  0  the host was shown
  1  the incident cannot be read
  2  usage; no such host or fact`, maxShown),
		Example: `  nightcall host show web1
  nightcall host show web1 --fact processes
  nightcall host show web1 --json | jq .facts.memory`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.name = args[0]
			return runHostShow(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.fact, "fact", "", "show only this fact, whole")
	_ = cmd.RegisterFlagCompletionFunc("fact", completeWords(factNames()...))
	return cmd
}

func factNames() []string {
	var names []string
	for _, f := range fact.All() {
		names = append(names, f.Name)
	}
	return names
}

// lookupFact finds a fact by name, or says which was meant.
func lookupFact(name string) (fact.Fact, error) {
	if f, ok := fact.Lookup(name); ok {
		return f, nil
	}
	hint := "facts: " + strings.Join(factNames(), ", ")
	if near := check.Nearest(name, factNames()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return fact.Fact{}, usageError(hint, "unknown fact %q", name)
}

func runHostShow(ctx context.Context, a *app, opts hostShowOptions) error {
	facts, limit := fact.All(), maxShown
	if opts.fact != "" {
		f, err := lookupFact(opts.fact)
		if err != nil {
			return err
		}
		facts, limit = []fact.Fact{f}, 0
	}
	h, err := a.hostNamed(ctx, opts.name)
	if err != nil {
		return err
	}
	if a.json {
		return showHostJSON(a, h, opts.fact)
	}
	page := &factPage{out: a.io, now: a.now(), limit: limit, host: h.Name}
	if opts.fact == "" {
		page.access(h)
	}
	return page.facts(facts, &h.Facts)
}

// hostNamed reads one host of the current incident.
func (a *app) hostNamed(ctx context.Context, name string) (inventory.Host, error) {
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return inventory.Host{}, err
	}
	defer incident.Close()
	fleet, err := incident.Fleet(ctx)
	if err != nil {
		return inventory.Host{}, err
	}
	h, ok := fleet.Find(name)
	if !ok {
		return inventory.Host{}, unknownHost(fleet, name)
	}
	return h, nil
}

// showHostJSON prints the host as it is stored, or one fact of it.
func showHostJSON(a *app, h inventory.Host, name string) error {
	if name == "" {
		return printJSON(a.io, h)
	}
	f, _ := fact.Lookup(name)
	text, err := f.Encode(&h.Facts)
	if err != nil {
		return fmt.Errorf("host %s: fact %s: %w", h.Name, name, err)
	}
	return printJSON(a.io, map[string]any{"host": h.Name, "fact": name, "observed": json.RawMessage(text)})
}

// access shows how the host is reached and how the last visit went.
func (p *factPage) access(h inventory.Host) {
	a := h.Access
	p.title(h.Name, "")
	p.pair("address", endpointText(a.Address, a.Port))
	p.pair("user", a.User)
	p.pair("wire", a.Wire)
	for _, hop := range a.Jump {
		p.pair("through", strings.TrimPrefix(hop.User+"@", "@")+endpointText(hop.Address, hop.Port))
	}
	p.pair("last visit", strings.TrimSuffix(string(h.Class)+": "+h.Reason, ": "))
	p.pair("visited", ageText(timeOrNil(h.Visited), p.now))
	p.pair("reached", ageText(timeOrNil(h.Seen), p.now))
	if !h.Seen.IsZero() {
		p.pair("root", rootText(h))
	}
	p.pair("server", a.Server)
	for _, key := range a.HostKeys {
		p.pair("host key", key.Type+" "+key.Fingerprint)
	}
	legacy := slices.Concat(a.Legacy.KeyExchange, a.Legacy.HostKey, a.Legacy.Cipher, a.Legacy.MAC, a.Legacy.Signature)
	p.pair("outdated", strings.Join(legacy, " "))
}

// rootText says whether the last visit had root, and how or why not.
func rootText(h inventory.Host) string {
	text := yesNo(h.Root) + ": " + h.Access.Root
	if !h.Root {
		text = yesNo(h.Root) + ": " + h.NoRoot
	}
	return strings.TrimSuffix(text, ": ")
}
