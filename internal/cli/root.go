// Package cli is the command line: one file per command, and the only place
// where packages are wired together.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// An app is what every command may use. Nothing in it is opened before a
// command asks.
type app struct {
	io     stdio.Streams
	screen io.Writer // standard output, for drawing on it
	now    func() time.Time
	getenv func(string) string

	incident string // --incident
	json     bool   // --json

	prompter func() *prompter // made when somebody is first asked
}

// Main runs the command line and returns the process's exit code. The first
// interrupt cancels what runs; the second ends the process at once.
func Main(args []string, io stdio.Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from here on a signal has its default effect again

	answer := &answer{out: io.Out}
	a := &app{io: io, screen: io.Out, now: time.Now, getenv: os.Getenv}
	a.io.Out = answer
	a.prompter = sync.OnceValue(func() *prompter { return newPrompter(io) })
	root := newRootCmd(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if lost := answer.lost(); lost != nil && (err == nil || silent(err)) {
		err = lost
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, context.Canceled) && !silent(err) {
		err = errors.Join(err, context.Canceled)
	}
	return reportError(err, io, a.json)
}

// The groups of the help text, in the order of a night's work.
const (
	groupIncident = "incident"
	groupRoom     = "room"
	groupLook     = "look"
	groupUse      = "use"
)

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "nightcall",
		Short: "Walk into somebody else's outage with your eyes open",
		Long: `nightcall is the bag you carry into somebody else's outage: it opens an incident,
looks at every server over SSH without changing anything, says what is wrong, and
gives you a working ssh_config.

Without arguments, on a terminal, it shows the incident: the checklist, the timeline and
what the outage costs by now. Everything there is also a command.`,
		Example: `  nightcall open "checkout is down"
  nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28
  nightcall findings
  nightcall ssh-config --write`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return runRoot(cmd, a) },
	}
	root.SetIn(a.io.In)
	root.SetOut(a.io.Out)
	root.SetErr(a.io.Err)
	root.PersistentFlags().StringVar(&a.incident, "incident", "", "incident directory (default: $NIGHTCALL_INCIDENT, then the one last opened)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(wrongFlag)
	root.AddGroup(
		&cobra.Group{ID: groupIncident, Title: "The incident:"},
		&cobra.Group{ID: groupRoom, Title: "The room:"},
		&cobra.Group{ID: groupLook, Title: "Look (changes nothing):"},
		&cobra.Group{ID: groupUse, Title: "Use what was seen:"},
	)
	root.AddCommand(subcommands(a)...)
	checkUsage(root)
	_ = root.MarkPersistentFlagDirname("incident")
	return root
}

// subcommands are the words that may follow nightcall.
func subcommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newBoardCmd(a),
		newBusinessCmd(a),
		newChangesCmd(a),
		newCheckCmd(a),
		newChecklistCmd(a),
		newCloseCmd(a),
		newDemoCmd(a),
		newDiagramCmd(a),
		newEvidenceCmd(a),
		newExportCmd(a),
		newFindingsCmd(a),
		newHostCmd(a),
		newHostsCmd(a),
		newImportCmd(a),
		newLinkCmd(a),
		newLinksCmd(a),
		newListCmd(a),
		newLookCmd(a),
		newMergeCmd(a),
		newNetBoxCmd(a),
		newNoteCmd(a),
		newOpenCmd(a),
		newReachCmd(a),
		newRedactCmd(a),
		newReopenCmd(a),
		newReportCmd(a),
		newRunCmd(a),
		newScanCmd(a),
		newShowCmd(a),
		newSiblingsCmd(a),
		newShowCommandsCmd(a),
		newSSHCmd(a),
		newStopCmd(a),
		newSSHConfigCmd(a),
		newStepCmd(a),
		newTechnicalCmd(a),
		newTimelineCmd(a),
		newUseCmd(a),
		newVerifyCmd(a),
	}
}

// commandPath is the command without the program's name, with a space behind.
func commandPath(cmd *cobra.Command) string {
	_, path, found := strings.Cut(cmd.CommandPath(), " ")
	if !found {
		return ""
	}
	return path + " "
}
