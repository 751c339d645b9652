package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type lossOptions struct {
	currency string
	low      string
	high     string
	saidBy   string
	text     string
	since    string
}

func newBusinessLossCmd(a *app) *cobra.Command {
	var opts lossOptions
	cmd := &cobra.Command{
		Use:   "loss RATE",
		Short: "Write down what is lost per hour or per day",
		Long: `Write down what the business loses, as somebody put it: an amount per hour or per day,
with a range where they gave one. k, M and bn stand for thousands, millions and
billions. The currency is named once; later rates are in the same one unless they name
another.

The first rate counts from when the incident was opened, later ones from now; --since
says otherwise. What was counted before that moment stays as it was. A rate of 0 says
that nothing is lost any more.

EXIT STATUS
  0  it is written down
  1  it could not be
  2  usage`,
		Example: `  nightcall business loss 1M/day --currency USD --low 800k --high 1.2M --said-by "Ana, CFO"
  nightcall business loss "EUR 40k per hour" --since 03:10
  nightcall business loss 0/day`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBusinessLoss(cmd.Context(), a, opts, strings.Join(args, " "))
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.currency, "currency", "", "three letters: USD, EUR, AED")
	f.StringVar(&opts.low, "low", "", "the least it may be, in the same unit")
	f.StringVar(&opts.high, "high", "", "the most it may be, in the same unit")
	f.StringVar(&opts.saidBy, "said-by", "", "who said it")
	f.StringVar(&opts.text, "why", "", "how they know")
	f.StringVar(&opts.since, "since", "", "when it began: 04:30, 2h")
	return cmd
}

func runBusinessLoss(ctx context.Context, a *app, opts lossOptions, text string) error {
	from, err := a.since(opts.since)
	if err != nil {
		return err
	}
	return a.record(ctx, timeline.LossStated, "", func(now incident.Incident) (any, error) {
		rate, err := opts.rate(text, now, a.now())
		if err != nil {
			return nil, err
		}
		if opts.since == "" && len(now.Business.Curve) == 0 {
			from = now.Opened.At
		}
		return timeline.Loss{Rate: rate, From: from.UTC(), SaidBy: clean(opts.saidBy), Text: clean(opts.text)}, nil
	})
}

const lossExample = `nightcall business loss 1M/day --currency USD --low 800k --high 1.2M`

// rate is the rate with its range.
func (o lossOptions) rate(text string, now incident.Incident, at time.Time) (money.Rate, error) {
	currency := strings.ToUpper(o.currency)
	if known, ok := now.Business.RateAt(at); ok && currency == "" {
		currency = known.Currency
	}
	rate, err := money.ParseRate(text, currency)
	if err != nil {
		return rate, usageError(lossExample, "%w", err)
	}
	for _, end := range []struct {
		text string
		to   *money.Decimal
	}{{o.low, &rate.Low}, {o.high, &rate.High}} {
		if end.text == "" {
			continue
		}
		value, named, err := money.ParseAmount(end.text)
		if err != nil {
			return rate, usageError(lossExample, "%w", err)
		}
		if named != "" && named != rate.Currency {
			return rate, usageError(lossExample, "%q is in another currency than %q", end.text, text)
		}
		*end.to = value
	}
	if !rate.Valid() {
		return rate, usageError(lossExample, "%s is not between %s and %s", rate.Likely.Text(), rate.Low.Text(), rate.High.Text())
	}
	return rate, nil
}
