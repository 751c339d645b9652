package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// nameLimit bounds the name of a role or a person, in runes.
const nameLimit = 100

func newTechnicalRoleCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "role ROLE NAME|-",
		Short: "Say who has which part in the room",
		Long: `Say who has a role: lead, business, technical, scribe, or any other word. A role has one
person at a time; - leaves it to nobody.
` + exitStatusText,
		Example: `  nightcall technical role lead Kim
  nightcall technical role scribe -`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			role := timeline.Role{
				Role: strings.ToLower(plain.Clip(clean(args[0]), nameLimit)),
				Name: plain.Clip(clean(strings.Join(args[1:], " ")), nameLimit),
			}
			if role.Role == "" || role.Name == "" {
				return usageError("nightcall technical role lead Kim", "name the role and the person")
			}
			if role.Name == "-" {
				role.Name = ""
			}
			return a.record(cmd.Context(), timeline.RoleAssigned, "", func(incident.Incident) (any, error) { return role, nil })
		},
		ValidArgsFunction: completeWords("lead", "business", "technical", "scribe"),
	}
}

func newTechnicalHandoverCmd(a *app) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "handover [TEXT|-]",
		Short: "Leave everything that the next person has to know",
		Long: `Write down and print a hand-over note: what you say, and what is open by now, which is
put together from the timeline: the problem, what is lost, what is in place, hypotheses
without an outcome, actions that are not done, commands without an end, and when the
business has to hear more.
` + exitStatusText,
		Example: `  nightcall technical handover --to Lee "web2 is out; ask the network team about the firewall"`,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return runTechnicalHandover(cmd.Context(), a, to, args) },
	}
	cmd.Flags().StringVar(&to, "to", "", "who goes on")
	return cmd
}

func runTechnicalHandover(ctx context.Context, a *app, to string, args []string) error {
	text := ""
	if len(args) > 0 {
		var err error
		if text, err = a.words(args, "the note", `nightcall technical handover --to Lee "what you know"`); err != nil {
			return err
		}
	}
	var note string
	err := a.record(ctx, timeline.HandoverGiven, "", func(now incident.Incident) (any, error) {
		note = handoverNote(a, now, text)
		return timeline.Handover{To: clean(to), Text: note}, nil
	})
	if err != nil || a.json {
		return err
	}
	for line := range strings.Lines(note + "\n") {
		if _, err := fmt.Fprintln(a.io.Out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// handoverNote is what a person says, and what is open.
func handoverNote(a *app, now incident.Incident, text string) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if text != "" {
		add("%s\n", text)
	}
	add("Incident: %s, open since %s.", now.Title, a.momentText(now.Opened.At))
	if p := incident.Last(now.Technical.Problems); p.Text != "" {
		add("Problem: %s", p.Text)
	}
	if stop := now.Technical.Stopped; !stop.Stated.At.IsZero() {
		add("STOP by %s: nobody changes anything: %s", stop.Stated.By, stop.Text)
	}
	if rate, known := now.Rate(a.now()); known {
		add("Loss: %s; so far %s.", rate, lostText(now.Lost(a.now())))
	}
	for _, m := range now.Business.Mitigations {
		if m.State == incident.Applied {
			add("In place: %s (back: %s)", m.Text, orUnknown(m.Reversal))
		}
	}
	for _, h := range now.Technical.Hypotheses {
		if h.Outcome == "" {
			add("Not tested: %s (test: %s; owner: %s)", h.Text, orUnknown(h.Test), orUnknown(h.Owner))
		}
	}
	for _, action := range now.Technical.Actions {
		if !isDone(action) && !action.Later {
			add("Not done: %s (owner: %s)", action.Text, orUnknown(action.Owner))
		}
	}
	for _, c := range now.Commands {
		add("No end written: %s on %s, started %s", c.Line(), c.Host, a.momentText(c.Started.At))
	}
	if due, known := now.NextUpdate(); known {
		add("Next update due: %s", a.momentText(due))
	}
	return strings.Join(lines, "\n")
}

func orUnknown(text string) string {
	if text == "" {
		return unknownCell
	}
	return text
}
