package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

type hostDiffOptions struct {
	name     string
	from, to string
}

func newHostDiffCmd(a *app) *cobra.Command {
	var opts hostDiffOptions
	cmd := &cobra.Command{
		Use:   "diff HOST",
		Short: "Compare what two scans saw on a host",
		Long: `Compare what two scans read on a host, fact by fact; without --from and --to, the
last two that reached it. Lists are compared item by item: a filesystem by its mount
point, a package by its name, a listener by its address.

What differs between any two visits to a healthy host is left out: uptime, load,
free memory and space, rates and counters, process ids, processes younger than a
minute, connections, the clock's offset. A fact that only one of the scans asked for
is left out, too. Where one of the readings was partial, a change that may be none is
marked with "?".

EXIT STATUS
  0  compared, whether or not anything changed
  1  there are no two scans to compare, or the incident cannot be read
  2  usage; no such host`,
		Example: `  nightcall host diff web1
  nightcall host diff web1 --json | jq '.changes[] | select(.fact == "packages")'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.name = args[0]
			return runHostDiff(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.from, "from", "", "id of the earlier scan")
	cmd.Flags().StringVar(&opts.to, "to", "", "id of the later scan")
	return cmd
}

func runHostDiff(ctx context.Context, a *app, opts hostDiffOptions) error {
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	fleet, err := incident.Fleet(ctx)
	if err != nil {
		return err
	}
	if _, ok := fleet.Find(opts.name); !ok {
		return unknownHost(fleet, opts.name)
	}
	if err := opts.chooseScans(ctx, incident); err != nil {
		return err
	}
	before, err := incident.DB.VisitFacts(ctx, opts.name, opts.from)
	if err != nil {
		return err
	}
	after, err := incident.DB.VisitFacts(ctx, opts.name, opts.to)
	if err != nil {
		return err
	}
	return printChanges(a, opts, inventory.Diff(before, after))
}

// chooseScans fills in the scans that were not named: the last one for --to, and
// the one before it for --from.
func (o *hostDiffOptions) chooseScans(ctx context.Context, incident *openIncident) error {
	visits, err := incident.DB.Visits(ctx, o.name) // newest first
	if err != nil {
		return err
	}
	for _, id := range []string{o.from, o.to} {
		if id != "" && !slices.Contains(visits, id) {
			return usageError("scans that reached it: "+strings.Join(visits, ", "), "scan %q did not reach host %s", id, o.name)
		}
	}
	if o.to == "" && len(visits) > 0 {
		o.to = visits[0]
	}
	if o.from == "" {
		if at := slices.Index(visits, o.to) + 1; at > 0 && at < len(visits) {
			o.from = visits[at]
		}
	}
	if o.from == "" || o.to == "" {
		return withHint(errors.New("host "+o.name+" was not reached by two scans yet"), "nightcall scan %s", o.name)
	}
	return nil
}

func printChanges(a *app, opts hostDiffOptions, changes []inventory.Change) error {
	if a.json {
		if changes == nil {
			changes = []inventory.Change{}
		}
		return printJSON(a.io, map[string]any{"host": opts.name, "from": opts.from, "to": opts.to, "changes": changes})
	}
	if len(changes) == 0 {
		fmt.Fprintf(a.io.Err, "nothing changed on %s between scan %s and scan %s\n", printable(opts.name), opts.from, opts.to)
		return nil
	}
	table := newTable(a.io, "FACT", "CHANGE", "WHAT", "BEFORE", "AFTER")
	for _, c := range changes {
		table.row(c.Fact, changeWord(c), changeSubject(c), changeValue(c.Field, c.Old), changeValue(c.Field, c.New))
	}
	return table.flush()
}

func changeWord(c inventory.Change) string {
	word := string(c.Kind)
	if c.Doubt != "" && (c.Kind == inventory.Added || c.Kind == inventory.Removed) {
		word += "?"
	}
	return word
}

func changeSubject(c inventory.Change) string {
	if c.Kind == inventory.Lost {
		return c.Doubt
	}
	return strings.TrimSpace(c.Key + " " + words(c.Field))
}

// changeValue is a value in few words: of an item that came or went, only what
// says something.
func changeValue(field string, v any) string {
	if v == nil {
		return ""
	}
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Struct || plainType(value.Type()) {
		return cellText(field, value)
	}
	var parts []string
	for i := range value.NumField() {
		if value.Field(i).IsZero() || value.Field(i).Kind() == reflect.Bool {
			continue
		}
		parts = append(parts, cellText(jsonName(value.Type().Field(i)), value.Field(i)))
	}
	return strings.Join(parts, " ")
}
