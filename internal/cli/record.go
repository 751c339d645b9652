package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// A statement is what a command writes into the timeline: the data of the entry,
// made from the incident as it is.
type statement func(now incident.Incident) (data any, err error)

// record writes one entry of this kind and prints what was written.
func (a *app) record(ctx context.Context, kind timeline.Kind, host string, make statement) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.fold(ctx)
	if err != nil {
		return err
	}
	data, err := make(now)
	if err != nil {
		return err
	}
	entry, err := i.append(ctx, kind, host, data)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.io, newDescribedEntry(entry))
	}
	a.say("%s", timeline.Describe(entry))
	return nil
}

// words is a text for the timeline as it was given: its arguments, or standard
// input for "-", without secrets and without blank space at its ends.
func (a *app) words(args []string, what, example string) (string, error) {
	text := strings.Join(args, " ")
	if text == "-" {
		data, err := io.ReadAll(io.LimitReader(a.io.In, noteLimit+1))
		if err != nil {
			return "", fmt.Errorf("read %s: %w", what, err)
		}
		text = string(data)
	}
	if len(text) > noteLimit {
		return "", usageError("nightcall evidence add FILE keeps a long text", "%s of more than %d bytes", what, noteLimit)
	}
	if text = clean(text); text == "" {
		return "", usageError(example, "%s is empty", what)
	}
	return text, nil
}

// clean makes a text fit for the timeline: valid, without secrets, without blank
// space at its ends.
func clean(text string) string {
	return redact.Text(strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD")))
}

// since reads the moment from which something holds: now for nothing, and never
// the future, which nobody knows.
func (a *app) since(text string) (time.Time, error) {
	if text == "" {
		return a.now(), nil
	}
	at, err := parseSince(text, a.now())
	if err != nil {
		return at, err
	}
	if at.After(a.now()) {
		return at, usageError("--since 2h, --since 04:30", "--since %q is in the future", text)
	}
	return at, nil
}

// span reads a flag or argument that is a duration above zero.
func span(text, what, example string) (time.Duration, error) {
	d, ok := parseSpan(strings.TrimSpace(text))
	if !ok || d <= 0 {
		return 0, usageError(example, "%s %q is no span of time", what, text)
	}
	return d, nil
}
