// Package tui is the incident on a whole terminal: the checklist, the timeline,
// findings, hosts, money, what technicians said, who talks to whom and who reaches
// whom, under a header that always tells how long it lasts and what it costs.
//
// # Room
//
// The package performs nothing. A [Room] reads for it and runs command lines for
// it, so that whatever can be done here can be typed as well, under the same
// rules.
//
// # Frame
//
// What stands in a frame fits any terminal from 40 columns and 10 lines on, needs
// no colour and no mouse, and is written line by line: only the lines that can be
// seen are made.
package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A Room is the incident that is shown.
type Room interface {
	// Title is what the incident was opened as.
	Title() string

	// Entries returns the entries after the one with this id, of which known are
	// held already. When they cannot be told apart, because another laptop's were
	// merged between, it returns all, and whole is true.
	Entries(ctx context.Context, after string, known int) (entries []timeline.Entry, whole bool, err error)

	// Fleet returns what is known of the hosts.
	Fleet(ctx context.Context) (Sight, error)

	// Draw is a part of the map as text: the picture of who talks to whom.
	Draw(s Sight, part link.Map) string

	// Run runs a command line of ours that asks nothing, and returns what it said.
	Run(ctx context.Context, args ...string) (said string, err error)

	// Command prepares a command line of ours that has the terminal for itself.
	Command(args []string) Command

	// Now is the time, in the zone in which times are told.
	Now() time.Time
}

// A Sight is what is known of the hosts at one moment, and what checks say of it.
type Sight struct {
	Fleet  inventory.Fleet
	Map    link.Map
	Result check.Result
}

// A Command is run while nothing is drawn.
type Command = tea.ExecCommand

// Run shows the room until the person leaves it, or ctx ends.
func Run(ctx context.Context, room Room, in io.Reader, out io.Writer) error {
	return run(ctx, room, tea.WithInput(in), tea.WithOutput(out))
}

func run(ctx context.Context, room Room, options ...tea.ProgramOption) error {
	options = append(options, tea.WithContext(ctx), tea.WithoutSignalHandler())
	_, err := tea.NewProgram(newModel(ctx, room), options...).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
