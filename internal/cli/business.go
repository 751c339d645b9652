package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/money"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type businessOptions struct {
	horizon string
}

func newBusinessCmd(a *app) *cobra.Command {
	var opts businessOptions
	cmd := &cobra.Command{
		Use:     "business",
		GroupID: groupRoom,
		Short:   "Say what the outage costs, and what would make it cost less",
		Long: `Show the business situation: what is lost per hour or day, what was lost so far, and
the mitigations that are still to be had, ranked by the loss each avoids until the
horizon. When the diagnosis is thought to take longer than a mitigation, that is said.

The horizon is what is left of the estimated diagnosis, or a day when nobody estimated
it; --horizon sets another. A mitigation avoids nothing before it is in place.

Losses are counted exactly, and only from what people stated: a later rate changes
nothing that was counted before it. Currencies are not converted. The counter of a
closed incident stands still.

EXIT STATUS
  0  it was printed
  1  the incident cannot be read
  2  usage`,
		Example: `  nightcall business
  nightcall business --horizon 8h
  nightcall business --json | jq -r '.lost[].likely'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBusiness(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringVar(&opts.horizon, "horizon", "", "until when mitigations are compared: 8h, 2d")
	cmd.AddCommand(
		newBusinessApplyCmd(a), newBusinessDiagnosisCmd(a), newBusinessDropCmd(a),
		newBusinessLossCmd(a), newBusinessMitigationCmd(a), newBusinessRevertCmd(a),
	)
	return cmd
}

func runBusiness(ctx context.Context, a *app, opts businessOptions) error {
	var horizon time.Duration
	if opts.horizon != "" {
		var err error
		if horizon, err = span(opts.horizon, "--horizon", "nightcall business --horizon 8h"); err != nil {
			return err
		}
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	s := newBusinessSituation(now, a.now(), horizon)
	if a.json {
		return printJSON(a.io, s)
	}
	return s.print(a, now)
}

// A businessSituation is the JSON of the business situation. Amounts are strings
// of digits, which no reader rounds; spans are seconds.
type businessSituation struct {
	At          time.Time        `json:"at"`
	Rate        *money.Rate      `json:"rate"` // what is lost now; null when nobody said, or it is over
	Lost        []money.Amount   `json:"lost"` // until now, one for each currency
	Curve       []lossStep       `json:"curve"`
	Horizon     int64            `json:"horizon_s"`
	Wait        *money.Amount    `json:"wait"` // what doing nothing costs until the horizon
	Options     []mitigationView `json:"options"`
	Mitigations []mitigationView `json:"mitigations"` // applied, reverted, dropped
	Estimates   []estimateView   `json:"estimates"`   // oldest first; the last one stands
	Advice      *adviceView      `json:"advice"`
}

type lossStep struct {
	From       time.Time  `json:"from"`
	Rate       money.Rate `json:"rate"`
	SaidBy     string     `json:"said_by"`
	Text       string     `json:"text"`
	Mitigation string     `json:"mitigation,omitempty"`
	StatedAt   time.Time  `json:"stated_at"`
	StatedBy   string     `json:"stated_by"`
	Superseded bool       `json:"superseded"`
}

type mitigationView struct {
	ID       string                   `json:"id"`
	Ref      string                   `json:"ref"`
	Text     string                   `json:"text"`
	State    incident.MitigationState `json:"state"`
	Rate     money.Rate               `json:"rate"`
	Takes    int64                    `json:"takes_s"`
	Risk     string                   `json:"risk"`
	Reversal string                   `json:"reversal"`
	Owner    string                   `json:"owner"`
	By       string                   `json:"by"`
	From     *time.Time               `json:"from"`
	Until    *time.Time               `json:"until"`
	Spares   string                   `json:"spares,omitempty"` // of the present rate
	Avoids   *money.Amount            `json:"avoids"`           // until the horizon, or so far once it was applied
	Reason   string                   `json:"reason,omitempty"`
}

type estimateView struct {
	Takes    int64     `json:"takes_s"`
	Text     string    `json:"text"`
	SaidBy   string    `json:"said_by"`
	StatedAt time.Time `json:"stated_at"`
	StatedBy string    `json:"stated_by"`
}

type adviceView struct {
	Waiting    int64         `json:"waiting_s"` // what is left of the diagnosis
	Overdue    bool          `json:"overdue"`
	Costs      *money.Amount `json:"costs"`
	Mitigation string        `json:"mitigation,omitempty"`
	Text       string        `json:"text"`
}

func newBusinessSituation(now incident.Incident, at time.Time, horizon time.Duration) businessSituation {
	if horizon == 0 {
		horizon = defaultHorizon(now, at)
	}
	s := businessSituation{
		At: at, Lost: append([]money.Amount{}, now.Lost(at)...), Curve: []lossStep{}, Horizon: seconds(horizon),
		Options: []mitigationView{}, Mitigations: []mitigationView{}, Estimates: []estimateView{},
	}
	if rate, known := now.Rate(at); known {
		wait := rate.Over(horizon)
		s.Rate, s.Wait = &rate, &wait
	}
	for _, step := range now.Business.Curve {
		s.Curve = append(s.Curve, lossStep{
			step.From, step.Rate, step.SaidBy, step.Text, step.Mitigation, step.Stated.At, step.Stated.By, step.Superseded,
		})
	}
	for _, o := range now.Options(at, horizon) {
		s.Options = append(s.Options, newOptionView(o))
	}
	for _, m := range now.Business.Mitigations {
		if m.State != incident.Proposed {
			s.Mitigations = append(s.Mitigations, newTurnedView(now, m, at))
		}
	}
	for _, e := range now.Business.Estimates {
		s.Estimates = append(s.Estimates, estimateView{seconds(e.Takes), e.Text, e.SaidBy, e.Stated.At, e.Stated.By})
	}
	s.Advice = newAdviceView(now, at)
	return s
}

// defaultHorizon is what is left of the diagnosis, or a day.
func defaultHorizon(now incident.Incident, at time.Time) time.Duration {
	if left, known := now.Business.Remaining(at); known && left > 0 {
		return left
	}
	return 24 * time.Hour
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func newMitigationView(m incident.Mitigation) mitigationView {
	return mitigationView{
		ID: m.ID, Ref: incident.Ref(m.ID), Text: m.Text, State: m.State, Rate: m.Rate, Takes: seconds(m.Takes),
		Risk: m.Risk, Reversal: m.Reversal, Owner: m.Owner, By: m.Proposed.By,
		From: someTime(m.From), Until: someTime(m.Until), Reason: m.Reason,
	}
}

func newOptionView(o incident.Option) mitigationView {
	v := newMitigationView(o.Mitigation)
	if o.Known {
		v.Avoids, v.Spares = &o.Avoided, incident.PartText(o.Part)
	}
	return v
}

func newTurnedView(now incident.Incident, m incident.Mitigation, at time.Time) mitigationView {
	v := newMitigationView(m)
	if avoided, known := now.Avoided(m, at); known {
		v.Avoids = &avoided
	}
	return v
}

func newAdviceView(now incident.Incident, at time.Time) *adviceView {
	advice, given := now.Advice(at)
	if !given {
		return nil
	}
	v := &adviceView{Waiting: seconds(advice.Waiting), Overdue: advice.Overdue, Text: advice.Text()}
	if !advice.Overdue {
		v.Costs = &advice.Costs
	}
	if advice.Proposed {
		v.Mitigation = advice.Option.ID
	}
	return v
}

// print prints the situation for people, and the tables that a pipe gets.
func (s businessSituation) print(a *app, now incident.Incident) error {
	table := newTable(a.io, "BUSINESS", now.Title)
	table.row("loss now", rateText(s.Rate, now))
	table.row("lost so far", lostText(s.Lost))
	for _, step := range s.Curve {
		table.row("from "+a.momentText(step.From), step.line())
	}
	if len(s.Estimates) > 0 {
		table.row("diagnosis", estimateText(now, s.At))
	}
	if s.Wait != nil {
		table.row("doing nothing", fmt.Sprintf("%s in %s", s.Wait, timeline.Span(time.Duration(s.Horizon)*time.Second)))
	}
	if s.Advice != nil {
		table.row("advice", s.Advice.Text)
	}
	if err := table.flush(); err != nil {
		return err
	}
	if err := s.printMitigations(a); err != nil {
		return err
	}
	for _, step := range s.next(now) {
		a.say("next: %s", step)
	}
	return nil
}

func (s businessSituation) printMitigations(a *app) error {
	if len(s.Options)+len(s.Mitigations) == 0 {
		return nil
	}
	fmt.Fprintln(a.io.Out)
	table := newTable(a.io, "REF", "STATE", "AVOIDS", "SPARES", "TAKES", "LOSS", "OWNER", "RISK", "REVERSAL", "MITIGATION")
	for _, m := range append(append([]mitigationView{}, s.Options...), s.Mitigations...) {
		table.row(m.Ref, string(m.State), m.avoids(), m.Spares, timeline.Span(time.Duration(m.Takes)*time.Second),
			m.Rate.String(), m.Owner, m.Risk, m.Reversal, m.Text)
	}
	return table.flush()
}

func (m mitigationView) avoids() string {
	if m.Avoids == nil {
		return unknownCell
	}
	return m.Avoids.String()
}

// line is one step of the curve in words.
func (s lossStep) line() string {
	parts := []string{s.Rate.String()}
	if s.SaidBy != "" {
		parts = append(parts, "said by "+s.SaidBy)
	}
	if s.Text != "" {
		parts = append(parts, strings.Join(strings.Fields(s.Text), " "))
	}
	parts = append(parts, "written by "+s.StatedBy)
	if s.Superseded {
		parts = append(parts, "corrected by the next")
	}
	return strings.Join(parts, ", ")
}

func rateText(rate *money.Rate, now incident.Incident) string {
	switch {
	case now.State == incident.Closed:
		return "the incident is closed"
	case rate == nil:
		return "nobody said yet"
	}
	return rate.String()
}

func lostText(lost []money.Amount) string {
	if len(lost) == 0 {
		return "not known"
	}
	var parts []string
	for _, amount := range lost {
		parts = append(parts, amount.String())
	}
	return strings.Join(parts, " and ")
}

func estimateText(now incident.Incident, at time.Time) string {
	last := now.Business.Estimates[len(now.Business.Estimates)-1]
	text := timeline.Span(last.Takes)
	if last.Text != "" {
		text += " for " + last.Text
	}
	left, _ := now.Business.Remaining(at)
	if left <= 0 {
		return text + ", over since " + timeline.Span(-left)
	}
	return text + ", " + timeline.Span(left) + " left"
}

// next is what to type to know more.
func (s businessSituation) next(now incident.Incident) []string {
	switch {
	case now.State == incident.Closed:
		return nil
	case s.Rate == nil && len(s.Curve) == 0:
		return []string{`nightcall business loss 1M/day --currency USD --said-by "who said it"`}
	case s.Rate != nil && !s.Rate.Zero() && len(s.Options)+len(s.Mitigations) == 0:
		return []string{`nightcall business mitigation "what would make it less" --loss 200k/day --takes 15m`}
	case s.Rate != nil && !s.Rate.Zero() && len(s.Estimates) == 0:
		return []string{"nightcall business diagnosis 3h"}
	}
	return nil
}
