package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/scan"
)

type showCommandsOptions struct {
	system string
	script bool
	noRoot bool
	deep   bool
}

func newShowCommandsCmd(a *app) *cobra.Command {
	var opts showCommandsOptions
	cmd := &cobra.Command{
		Use:     "show-commands [FACT...]",
		GroupID: groupLook,
		Short:   "Print everything a scan or a look would ask of a host",
		Long: `Print what a scan asks of each host, so that it can be approved before anything is
run: for every fact the files that are read and the shell text that is run, and with
--script the whole script as nightcall scan sends it, byte for byte but for a random
word; with --deep too, as nightcall look does. What only that asks says so. Hosts with
dpkg, other Linux hosts and all others are sent a script each: --system says whose.

Everything runs in one shell of the login user; with root, where "sudo -n" allows
it. Nothing is written on the host. In the texts "has NAME" asks whether NAME can be
run, "say TEXT" prints a line with what follows, and "said" what was kept so.

EXIT STATUS
  0  printed
  2  usage; no such fact`,
		Example: `  nightcall show-commands
  nightcall show-commands filesystems sockets
  nightcall show-commands --script > for-approval.sh`,
		ValidArgs: factNames(),
		RunE:      func(_ *cobra.Command, args []string) error { return runShowCommands(a, opts, args) },
	}
	cmd.Flags().BoolVar(&opts.script, "script", false, "print the whole script as it is sent")
	cmd.Flags().StringVar(&opts.system, "system", "debian", "with --script or --json, for hosts of this `KIND`: debian (or another with dpkg), linux (without), other")
	_ = cmd.RegisterFlagCompletionFunc("system", completeWords(slices.Sorted(maps.Keys(kinds))...))
	cmd.Flags().BoolVar(&opts.noRoot, "no-root", false, "as it is sent by scan --no-root")
	cmd.Flags().BoolVar(&opts.deep, "deep", false, "the script as nightcall look sends it")
	return cmd
}

func runShowCommands(a *app, opts showCommandsOptions, names []string) error {
	facts := fact.All()
	if len(names) > 0 {
		facts = nil
	}
	for _, name := range names {
		f, err := lookupFact(name)
		if err != nil {
			return err
		}
		facts = append(facts, f)
	}
	sent := facts
	if len(names) == 0 && !opts.deep {
		sent = fact.Shallow()
	}
	kind, ok := kinds[opts.system]
	if !ok {
		return usageError("nightcall show-commands --script --system linux", "--system %q: debian, linux or other", opts.system)
	}
	script := shell.Preview(scan.Sections(sent), kind, !opts.noRoot)
	switch {
	case a.json:
		return printJSON(a.io, map[string]any{"facts": probes(facts), "script": script})
	case opts.script:
		_, err := fmt.Fprint(a.io.Out, script)
		return err
	default:
		return printProbes(a, probes(facts))
	}
}

// kinds are the hosts that are sent different scripts, by the names of --system.
var kinds = map[string]shell.Kind{"debian": {Proc: true, Dpkg: true}, "linux": {Proc: true}, "other": {}}

// A probe is what one fact asks, as --json prints it.
type probe struct {
	Fact      string   `json:"fact"`
	Title     string   `json:"title"`
	Files     []string `json:"files"`
	Again     []string `json:"files_read_twice"`
	Script    string   `json:"script"`
	Dpkg      string   `json:"script_dpkg"`      // instead, where dpkg's file can be read
	Elsewhere string   `json:"script_elsewhere"` // instead, without Linux's /proc
	From      string   `json:"from"`             // the fact whose script tells this one too
	Heavy     bool     `json:"heavy"`            // skipped on a host in distress
	Deep      bool     `json:"deep"`             // asked by nightcall look, not by nightcall scan
	Asks      []string `json:"asks"`             // of services, over the network
	TimeoutMS int64    `json:"timeout_ms"`
}

func probes(facts []fact.Fact) []probe {
	out := make([]probe, len(facts))
	for i, f := range facts {
		out[i] = probe{
			Fact: f.Name, Title: f.Title, Script: f.Probe.Script, Dpkg: f.Probe.Dpkg, Elsewhere: f.Probe.Elsewhere, From: f.Probe.From, Heavy: f.Probe.Heavy,
			Deep: f.Probe.Deep, Asks: append([]string{}, f.Probe.Asks...),
			Files: append([]string{}, f.Probe.Files...), Again: append([]string{}, f.Probe.Again...),
			TimeoutMS: f.Probe.Timeout.Milliseconds(),
		}
	}
	return out
}

// printProbes prints the probes as a shell script with comments.
func printProbes(a *app, probes []probe) error {
	var b strings.Builder
	for _, p := range probes {
		fmt.Fprintf(&b, "# %s: %s\n", p.Fact, p.Title)
		if p.Heavy {
			b.WriteString("# Skipped on a host in distress.\n")
		}
		if p.Deep {
			b.WriteString("# By nightcall look, not by nightcall scan.\n")
		}
		if p.From != "" {
			fmt.Fprintf(&b, "# Read from the answer for %s.\n", p.From)
		}
		for _, asks := range p.Asks {
			fmt.Fprintf(&b, "# Over the network: %s.\n", asks)
		}
		if p.TimeoutMS > 0 {
			fmt.Fprintf(&b, "# Ended after %s.\n", time.Duration(p.TimeoutMS)*time.Millisecond)
		}
		if len(p.Files) > 0 {
			fmt.Fprintf(&b, "cat %s\n", strings.Join(p.Files, " "))
		}
		if len(p.Again) > 0 {
			fmt.Fprintf(&b, "cat %s   # twice, at least %s apart\n", strings.Join(p.Again, " "), fact.SampleInterval)
		}
		for _, s := range []struct{ where, script string }{{"", p.Script}, {"# Instead, with dpkg:\n", p.Dpkg}, {"# Instead, without Linux's /proc:\n", p.Elsewhere}} {
			if script := strings.Trim(s.script, "\n"); script != "" {
				b.WriteString(s.where + script + "\n")
			}
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(a.io.Out, b.String())
	return err
}
