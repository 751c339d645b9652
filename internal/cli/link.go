package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newLinkCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "link",
		GroupID: groupLook,
		Short:   "Say who talks to whom, before or beside what is seen",
		Long: `Say who talks to whom, as somebody told you, before or beside what is seen. "nightcall
links" lists all links, and "nightcall diagram" draws them.`,
		Example: `  nightcall link add web1 db1:3306 --label replica --style dashed
  nightcall link rm web1 db1:3306`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLinkAddCmd(a), newLinkRmCmd(a))
	return cmd
}

// styles are the lines that a link may be drawn with.
var styles = []string{"solid", "dashed", "dotted"}

func newLinkAddCmd(a *app) *cobra.Command {
	var d timeline.LinkDraft
	cmd := &cobra.Command{
		Use:   "add CLIENT HOST[:PORT]",
		Short: "Declare that a client talks to a service",
		Long: `Declare that a client talks to a service, as somebody told you. It is written to the
timeline and kept apart from what is seen: "nightcall links" says which of the two a link
is, or both. Without a port, any service of the host is meant. Declaring the same link
again replaces its label, style and colour.

The ends may be hosts that were never visited, names that only you use, or addresses.

EXIT STATUS
  0  the link is declared
  1  it could not be written
  2  usage`,
		Example: `  nightcall link add web1 db1:3306
  nightcall link add redis2 redis1:6379 --label replica --style dashed --color red
  nightcall link add lb1 '[fd00::7]:8080'`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLinkDraft(cmd.Context(), a, timeline.LinkDeclared, d, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Label, "label", "", "what to write on it: replica, standby, read only")
	f.StringVar(&d.Style, "style", "", "how to draw it: "+strings.Join(styles, ", "))
	f.StringVar(&d.Color, "color", "", "a colour's name, or #rrggbb")
	_ = cmd.RegisterFlagCompletionFunc("style", completeWords(styles...))
	return cmd
}

func newLinkRmCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm CLIENT HOST[:PORT]",
		Short: "Take back a declared link",
		Long: `Take back a link that was declared. What was seen of it stays.

EXIT STATUS
  0  the link is taken back
  1  it could not be written
  2  usage; no such link was declared`,
		Example:           `  nightcall link rm web1 db1:3306`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLinkDraft(cmd.Context(), a, timeline.LinkRetracted, timeline.LinkDraft{}, args)
		},
	}
}

// runLinkDraft writes that a link is declared, or no longer is.
func runLinkDraft(ctx context.Context, a *app, kind timeline.Kind, d timeline.LinkDraft, args []string) error {
	d, err := linkDraft(d, args)
	if err != nil {
		return err
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	if kind == timeline.LinkRetracted {
		draft, err := i.draft(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(draft.Links, func(have timeline.LinkDraft) bool { return have.Key() == d.Key() }) {
			return usageError("nightcall links --json | jq '.links[] | select(.declared)' lists them", "no link from %s to %s was declared", args[0], args[1])
		}
	}
	return i.declare(ctx, kind, "", d)
}

// declare writes a declaration and says what was written.
func (i *openIncident) declare(ctx context.Context, kind timeline.Kind, host string, data any) error {
	e, err := i.append(ctx, kind, host, data)
	if err != nil {
		return err
	}
	if i.app.json {
		return printJSON(i.app.io, newDescribedEntry(e))
	}
	i.app.say("%s", timeline.Describe(e))
	return nil
}

func linkDraft(d timeline.LinkDraft, args []string) (timeline.LinkDraft, error) {
	const hint = "nightcall link add web1 db1:3306"
	d.From = args[0]
	host, port, err := hostPort(args[1])
	if err != nil {
		return d, usageError(hint, "%w", err)
	}
	d.To, d.Port = host, port
	for _, name := range []string{d.From, d.To} {
		if err := declarable(name); err != nil {
			return d, usageError(hint, "%w", err)
		}
	}
	if d.Style != "" && !slices.Contains(styles, d.Style) {
		return d, usageError("styles: "+strings.Join(styles, ", "), "unknown style %q", d.Style)
	}
	if !plainColor(d.Color) {
		return d, usageError("--color red, or --color '#a52a2a'", "%q is no colour", d.Color)
	}
	if len(d.Label) > maxDeclared {
		return d, usageError(hint, "a label of more than %d bytes", maxDeclared)
	}
	return d, nil
}

// maxDeclared bounds a declared name or label, in bytes.
const maxDeclared = 200

// declarable refuses what is no name for a host.
func declarable(name string) error {
	switch {
	case name == "", len(name) > maxDeclared:
		return fmt.Errorf("a name has 1 to %d bytes", maxDeclared)
	case strings.HasPrefix(name, "-"), strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".:_-@", r)
	}):
		return fmt.Errorf("%q is no name for a host", name)
	}
	return nil
}

// plainColor accepts a colour's name or its numbers, and nothing that means
// something else in a picture's format.
func plainColor(text string) bool {
	if hex, ok := strings.CutPrefix(text, "#"); ok {
		return len(hex) == 6 && strings.Trim(strings.ToLower(hex), "0123456789abcdef") == ""
	}
	return len(text) <= 30 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == ""
}

// hostPort takes a host with or without a port apart: db1, db1:3306, ::1,
// [::1]:3306.
func hostPort(text string) (string, int, error) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return addr.String(), 0, nil
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return text, 0, nil
	}
	port, err := strconv.ParseUint(text[colon+1:], 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("%q is no port", text[colon+1:])
	}
	return strings.Trim(text[:colon], "[]"), int(port), nil
}
