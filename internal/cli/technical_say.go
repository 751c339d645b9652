package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// problemLimit bounds a problem statement, in runes: what is longer is not
// understood yet.
const problemLimit = 300

// exitStatusText is how commands that write one entry end.
const exitStatusText = `
EXIT STATUS
  0  it is written down
  1  it could not be
  2  usage; also for an empty text`

func newTechnicalProblemCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "problem TEXT|-",
		Short: "State the problem, concisely",
		Long: fmt.Sprintf(`State what is wrong, in at most %d characters: what does not work, for whom, since when.
Everybody in the room should agree on it before anybody looks for the cause. A new
statement takes the place of the last; both stay in the timeline.
`, problemLimit) + exitStatusText,
		Example: `  nightcall technical problem "a third of all checkouts time out since 03:10"`,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return runTechnicalProblem(cmd.Context(), a, args) },
	}
}

func runTechnicalProblem(ctx context.Context, a *app, args []string) error {
	const example = `nightcall technical problem "a third of all checkouts time out since 03:10"`
	text, err := a.words(args, "the problem statement", example)
	if err != nil {
		return err
	}
	text = strings.Join(strings.Fields(text), " ")
	if n := utf8.RuneCountInString(text); n > problemLimit {
		return usageError("say what, for whom and since when; the rest is facts: nightcall technical fact TEXT",
			"a problem statement of %d characters; %d are enough", n, problemLimit)
	}
	return a.recordSaid(ctx, timeline.ProblemStated, "", timeline.Said{Text: text})
}

// recordSaid writes one saying.
func (a *app) recordSaid(ctx context.Context, kind timeline.Kind, host string, said timeline.Said) error {
	return a.record(ctx, kind, host, func(incident.Incident) (any, error) { return said, nil })
}

func newTechnicalSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema TEXT|-",
		Short: "Draft what is connected to what",
		Long: `Write down the first draft of the schema: what is thought to be connected to what where
the problem is. It need not be right, it is what the inventory is held against. A new
draft takes the place of the last; all stay in the timeline.
` + exitStatusText,
		Example: `  nightcall technical schema "haproxy lb1/lb2 -> be1..be3 -> mysql db1 (replica db2), redis"
  nightcall technical schema - < draft.txt`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.words(args, "the schema", `nightcall technical schema "lb -> web1, web2 -> db1"`)
			if err != nil {
				return err
			}
			return a.recordSaid(cmd.Context(), timeline.SchemaDrafted, "", timeline.Said{Text: text})
		},
	}
}

func newTechnicalFactCmd(a *app) *cobra.Command {
	var host, source string
	cmd := &cobra.Command{
		Use:   "fact TEXT|-",
		Short: "Write down what is known, and what shows it",
		Long: `Write down a fact: something that was seen, and where. What is only thought is a
hypothesis.
` + exitStatusText,
		Example: `  nightcall technical fact "web2 cannot reach db1:3306" --host web2 --source "nc from web2"`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.words(args, "the fact", `nightcall technical fact "web2 cannot reach db1:3306"`)
			if err != nil {
				return err
			}
			return a.recordSaid(cmd.Context(), timeline.FactStated, host, timeline.Said{Text: text, Source: clean(source)})
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "what shows it, or who saw it")
	a.hostFlag(cmd, &host)
	return cmd
}

// hostFlag adds --host, for what is about one host.
func (a *app) hostFlag(cmd *cobra.Command, host *string) {
	cmd.Flags().StringVar(host, "host", "", "the host it is about")
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
}

type decisionOptions struct {
	reason string
	by     string
	takes  string
	host   string
}

func newTechnicalDecisionCmd(a *app) *cobra.Command {
	var opts decisionOptions
	cmd := &cobra.Command{
		Use:   "decision TEXT|-",
		Short: "Write down what was decided, why, and by whom",
		Long: `Write down a decision. With --takes it gets a price: what is lost meanwhile, at the rate
that was known when it was made.
` + exitStatusText,
		Example: `  nightcall technical decision "wait for the restore" --takes 3h --reason "rerouting loses orders" --by Ana`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTechnicalDecision(cmd.Context(), a, opts, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.reason, "reason", "", "why")
	f.StringVar(&opts.by, "by", "", "who decided")
	f.StringVar(&opts.takes, "takes", "", "how long it means to wait: 15m, 3h")
	a.hostFlag(cmd, &opts.host)
	return cmd
}

func runTechnicalDecision(ctx context.Context, a *app, opts decisionOptions, args []string) error {
	const example = `nightcall technical decision "wait for the restore" --takes 3h`
	text, err := a.words(args, "the decision", example)
	if err != nil {
		return err
	}
	var takes time.Duration
	if opts.takes != "" {
		if takes, err = span(opts.takes, "--takes", example); err != nil {
			return err
		}
	}
	var price string
	err = a.record(ctx, timeline.DecisionMade, opts.host, func(now incident.Incident) (any, error) {
		if amount, known := now.Price(incident.Decision{Takes: takes, Made: incident.Moment{At: a.now()}}); known {
			price = amount.String()
		}
		return timeline.Decision{Text: text, Reason: clean(opts.reason), By: clean(opts.by), Takes: takes}, nil
	})
	if err == nil && price != "" && !a.json {
		a.say("it costs %s", price)
	}
	return err
}
