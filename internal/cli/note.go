package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// noteLimit bounds a note, in bytes. What is longer is evidence, and a file.
const noteLimit = 1 << 20

type noteOptions struct {
	host string
}

func newNoteCmd(a *app) *cobra.Command {
	var opts noteOptions
	cmd := &cobra.Command{
		Use:     "note TEXT|-",
		GroupID: groupIncident,
		Short:   "Write something into the timeline",
		Long: `Write what you are told, see or decide into the timeline, with your name and the
time. A note may have several lines; - reads it from standard input. What looks like a
password or a key is masked before it is stored.

EXIT STATUS
  0  the note is stored
  1  it could not be
  2  usage; also for an empty note`,
		Example: `  nightcall note "Ana restarts web2 by hand"
  nightcall note --host db1 "the raid controller beeps"
  dmesg | tail | nightcall note -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runNote(cmd.Context(), a, opts, args) },
	}
	cmd.Flags().StringVar(&opts.host, "host", "", "the host it is about")
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	return cmd
}

func runNote(ctx context.Context, a *app, opts noteOptions, args []string) error {
	text, err := noteText(a, args)
	if err != nil {
		return err
	}
	masked := redact.Text(text)
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	entry, err := i.append(ctx, timeline.NoteAdded, opts.host, timeline.Note{Text: masked})
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, newDescribedEntry(entry))
	}
	a.say("noted at %s", a.momentText(entry.At))
	if masked != text {
		a.say("what looked like a secret was masked: %s", timeline.Describe(entry))
	}
	return nil
}

// noteText is the note as it was given, without blank space at its ends.
func noteText(a *app, args []string) (string, error) {
	text := strings.Join(args, " ")
	if text == "-" {
		data, err := io.ReadAll(io.LimitReader(a.io.In, noteLimit+1))
		if err != nil {
			return "", fmt.Errorf("read the note: %w", err)
		}
		text = string(data)
	}
	if len(text) > noteLimit {
		return "", usageError("nightcall evidence add FILE keeps a long text", "a note of more than %d bytes", noteLimit)
	}
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return "", usageError(`nightcall note "what you see"`, "an empty note")
	}
	return text, nil
}
