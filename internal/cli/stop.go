package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type stopOptions struct {
	lift bool
}

func newStopCmd(a *app) *cobra.Command {
	var opts stopOptions
	cmd := &cobra.Command{
		Use:     "stop [REASON...]",
		GroupID: groupUse,
		Short:   "Stop the line: end everything that runs on hosts, and start nothing new",
		Long: `Stop the line. Every scan and every command of this incident that runs from this
laptop, in whatever terminal, ends within a second, and what it runs on hosts is
killed there. Nothing new begins until "nightcall stop --lift". Reading what is
known, notes and exports go on. Sessions of "nightcall ssh" that are open are yours to
leave.

EXIT STATUS
  0  the line is stopped, or free again
  1  it was free already, or the order cannot be written
  2  usage`,
		Example: `  nightcall stop "the restore has begun, hands off"
  nightcall stop --lift`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.lift {
				return liftStop(cmd.Context(), a)
			}
			return runStop(cmd.Context(), a, strings.Join(args, " "))
		},
	}
	cmd.Flags().BoolVar(&opts.lift, "lift", false, "let work go on")
	return cmd
}

// A stopOrder is the content of the file that stops the line. The file is the
// order; the timeline only tells of it, because a database may be busy just when
// it matters.
type stopOrder struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

func runStop(ctx context.Context, a *app, reason string) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	order := stopOrder{At: a.now().UTC(), By: a.actor(), Reason: redact.Text(plain.Clip(reason, 300))}
	data, err := json.Marshal(order)
	if err != nil {
		return err
	}
	if err := export.WriteFile(i.stopFile(), data, 0o600); err != nil {
		return fmt.Errorf("stop the line: %w", err)
	}
	if err := i.Append(ctx, timeline.LineStopped, "", timeline.Stop{Reason: order.Reason}); err != nil {
		return fmt.Errorf("the line is stopped, but the timeline does not tell it: %w", err)
	}
	if a.json {
		return printJSON(a.io, order)
	}
	a.say("the line is stopped: nothing runs on hosts, and nothing new begins")
	a.say("let it go on: nightcall stop --lift")
	return nil
}

func liftStop(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	err = os.Remove(i.stopFile())
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the line is not stopped")
	}
	if err != nil {
		return fmt.Errorf("lift the stop: %w", err)
	}
	if err := i.Append(ctx, timeline.LineReleased, "", nil); err != nil {
		return fmt.Errorf("the line is free, but the timeline does not tell it: %w", err)
	}
	if a.json {
		return printJSON(a.io, map[string]bool{"stopped": false})
	}
	a.say("the line is free again")
	return nil
}

func (i *openIncident) stopFile() string { return filepath.Join(i.Dir, home.Stopped) }

// stopped is the order that stops the line, or nil. An order that cannot be read
// is an order.
func (i *openIncident) stopped() error {
	data, err := os.ReadFile(i.stopFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var order stopOrder
	if err != nil || json.Unmarshal(data, &order) != nil {
		return stoppedError("the line is stopped")
	}
	text := fmt.Sprintf("the line was stopped by %s at %s", plain.Clip(order.By, 100), i.app.clockText(order.At))
	if order.Reason != "" {
		text += ": " + plain.Clip(order.Reason, 300)
	}
	return stoppedError(text)
}

func stoppedError(text string) error {
	return &cliError{err: errors.New(text), hint: "nightcall stop --lift, when those who stopped it agree", code: exitStopped}
}

// stopEach is how often running work looks whether the line was stopped.
const stopEach = 200 * time.Millisecond

// atWork returns a context for work on hosts, which ends when the line is
// stopped, or the order that forbids to begin. The caller calls done.
func (i *openIncident) atWork(ctx context.Context) (work context.Context, done func(), err error) {
	if err := i.stopped(); err != nil {
		return nil, nil, err
	}
	work, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(stopEach)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := i.stopped(); err != nil {
					cancel(err)
				}
			case <-work.Done():
				return
			}
		}
	}()
	return work, func() { cancel(nil) }, nil
}
