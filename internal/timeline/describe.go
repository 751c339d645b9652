package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/plain"
)

// descriptionLimit bounds a description, in runes.
const descriptionLimit = 500

// Describe says in one line for people what the entry is about, without its
// date, actor and host. It holds no control character, whatever the data holds.
// A kind that this version does not know is shown with its data.
func Describe(e Entry) string {
	text, ok := sentence(e)
	if !ok {
		text = raw(e)
	}
	return plain.Clip(text, descriptionLimit)
}

// sentence describes the kinds we know; it reports false when the data is not
// what the kind promises.
func sentence(e Entry) (string, bool) {
	switch e.Kind {
	case IncidentOpened:
		return say(e, func(d Opened) string { return "incident opened: " + d.Title })
	case IncidentClosed:
		return say(e, func(d Closed) string { return "incident closed" + because(d.Reason) })
	case IncidentReopened:
		return "incident reopened", true
	case IncidentMerged:
		return say(e, func(d Merge) string {
			return fmt.Sprintf("merged from %s: %s, %s", oneLine(d.From), entries(d.Entries), hosts(d.Hosts))
		})
	case IncidentLinked:
		return say(e, Page.describe)
	case NoteAdded:
		return say(e, func(d Note) string { return oneLine(d.Text) })
	case ScanStarted:
		return say(e, func(d ScanStart) string { return "scan started: " + hosts(len(d.Targets)) })
	case ScanFinished:
		return say(e, ScanEnd.describe)
	case HostScanned:
		return say(e, HostVisit.describe)
	case HostKeyAccepted:
		return say(e, func(d HostKey) string { return d.describe("accepted") })
	case HostKeyChanged:
		return say(e, func(d HostKey) string { return d.describe("CHANGED") })
	case PasswordTried:
		return say(e, func(d Password) string { return "trying " + d.For + " password of " + d.Account })
	case PasswordAccepted:
		return say(e, func(d Password) string { return d.For + " password of " + d.Account + " accepted" })
	case PasswordRefused:
		return say(e, func(d Password) string { return d.For + " password of " + d.Account + " REFUSED" })
	case LineStopped:
		return say(e, func(d Stop) string { return "the line is STOPPED" + because(d.Reason) })
	case LineReleased:
		return "the line is free again", true
	case CommandStarted:
		return say(e, CommandStart.describe)
	case CommandFinished:
		return say(e, CommandEnd.describe)
	case Exported:
		return say(e, func(d Export) string { return fmt.Sprintf("%s written to %s: %s", d.Format, d.Path, hosts(d.Hosts)) })
	case EvidenceAdded:
		return say(e, func(d EvidenceFile) string { return fmt.Sprintf("evidence kept: %s, %d bytes", d.Name, d.Bytes) })
	case NetBoxWriting:
		return say(e, func(d NetBoxBatch) string { return d.describe("writing to") })
	case NetBoxWrote:
		return say(e, func(d NetBoxBatch) string { return d.describe("written to") })
	case ReachTested:
		return say(e, Reach.describe)
	case ServicesAsked:
		return say(e, Asked.describe)
	case HostDeclared:
		return say(e, func(d HostDraft) string { return "declared: host " + d.describe() })
	case HostRetracted:
		return say(e, func(d HostDraft) string { return "taken back: host " + d.Name })
	case LinkDeclared:
		return say(e, func(d LinkDraft) string { return "declared: " + d.describe() })
	case LinkRetracted:
		return say(e, func(d LinkDraft) string { return "taken back: " + d.describe() })
	}
	for _, of := range []func(Entry) (string, bool){businessSentence, technicalSentence, stepSentence, muteSentence} {
		if text, ok := of(e); ok {
			return text, true
		}
	}
	return "", false
}

// say decodes the entry's data and describes it.
func say[T any](e Entry, describe func(T) string) (string, bool) {
	data, ok := Decode[T](e)
	if !ok {
		return "", false
	}
	return describe(data), true
}

// Decode returns the entry's data as the type of its kind, and false when it is
// something else: an entry of another version, or another program's.
func Decode[T any](e Entry) (data T, ok bool) {
	ok = len(e.Data) > 0 && json.Unmarshal(e.Data, &data) == nil
	return data, ok
}

func (d Page) describe() string {
	if d.URL == "" {
		return "people no longer read about it elsewhere"
	}
	return "people read about it at " + oneLine(d.URL)
}

func (d NetBoxBatch) describe(how string) string {
	return fmt.Sprintf("%s NetBox %s: %s %d × %s", how, d.Server, d.Op, d.Count, strings.ReplaceAll(d.Kind, "_", " "))
}

func (d ScanEnd) describe() string {
	text := "scan finished"
	if d.Stopped != "" {
		text = "scan stopped"
	}
	var classes []string
	for _, class := range slices.Sorted(maps.Keys(d.Classes)) {
		classes = append(classes, fmt.Sprintf("%d %s", d.Classes[class], class))
	}
	if len(classes) > 0 {
		text += ": " + strings.Join(classes, ", ")
	}
	return text + after(d.Took) + because(d.Stopped)
}

func (d HostVisit) describe() string {
	text := "looked at: " + d.Class
	if d.Root {
		text += ", as root"
	}
	return text + after(d.Took) + because(d.Reason)
}

func (d HostKey) describe(what string) string {
	text := fmt.Sprintf("host key %s: %s %s of %s", what, d.Type, d.Fingerprint, d.Address)
	if d.How != "" {
		text += " (" + d.How + ")"
	}
	return text
}

func (d CommandStart) describe() string {
	verb := "look"
	if d.Change {
		verb = "change"
	}
	if d.Root {
		verb += " as root"
	}
	return verb + ": " + strings.Join(d.Argv, " ")
}

func (d CommandEnd) describe() string {
	if d.Error != "" {
		return "command ended without an answer" + after(d.Took) + because(d.Error)
	}
	text := fmt.Sprintf("command ended with %d", d.Exit) + after(d.Took)
	if output := firstLine(d.Stdout, d.Stderr); output != "" {
		text += ": " + output
	}
	return text
}

func (d Asked) describe() string {
	text := fmt.Sprintf("%d services were asked what they are", len(d.Questions))
	if len(d.Open) > 0 {
		text += "; open to strangers: " + strings.Join(d.Open, ", ")
	}
	return text
}

func (d Reach) describe() string {
	open, rest := 0, []string{}
	for _, r := range d.Results {
		if r.Outcome == "open" || r.Outcome == "closed" {
			open++
		} else {
			rest = append(rest, fmt.Sprintf("%s:%d %s", r.To, r.Port, r.Outcome))
		}
	}
	text := fmt.Sprintf("reaches %d of %d services", open, len(d.Results))
	if len(rest) > 0 {
		text += ": " + strings.Join(rest, ", ")
	}
	return text
}

func (d HostDraft) describe() string {
	text := d.Name
	if d.Address != "" {
		text += " at " + d.Address
	}
	if d.Runs != "" {
		text += " runs " + d.Runs
	}
	if d.Group != "" {
		text += ", of " + d.Group
	}
	if d.Domain != "" {
		text += ", in " + d.Domain
	}
	return text
}

func (d LinkDraft) describe() string {
	text := d.From + " talks to " + d.To
	if d.Port != 0 {
		text += fmt.Sprintf(" port %d", d.Port)
	}
	if d.Label != "" {
		text += " (" + d.Label + ")"
	}
	return text
}

// raw is the kind with its data as it came, made compact.
func raw(e Entry) string {
	var data bytes.Buffer
	if err := json.Compact(&data, e.Data); err != nil {
		data.Reset()
		data.Write(e.Data)
	}
	return strings.TrimSpace(string(e.Kind) + " " + data.String())
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + oneLine(reason)
}

func after(took time.Duration) string {
	switch {
	case took <= 0:
		return ""
	case took < 10*time.Second:
		return " after " + took.Round(10*time.Millisecond).String()
	}
	return " after " + took.Round(time.Second).String()
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func hosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// oneLine joins the lines of a text.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " / ")
}

// firstLine is the first line of the first text that has one.
func firstLine(texts ...string) string {
	for _, text := range texts {
		line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		if line != "" {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
