package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/bundle"
	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/home"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type exportIncidentOptions struct {
	file       string
	redact     bool
	hide       []string
	recipients []string
	passphrase bool
}

func newExportIncidentCmd(a *app) *cobra.Command {
	var opts exportIncidentOptions
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Write the whole incident into one file, for a second laptop or for strangers",
		Long: `Write the timeline, the hosts with all that was seen on them, their keys and the evidence
into one file. "nightcall import" makes an incident of it on another laptop, and "nightcall
merge" brings what was written there back. The file is as confidential as the incident.

--redact makes a copy for people outside: secrets are masked once more, wherever they
stand, and names of hosts, domains, users and people and all addresses are replaced by
pseudonyms, the same ones in every file and every time. Who is who stays in
pseudonyms.json in the incident's directory. Files that are no text are left out. It knows
the names that were seen as such; --hide adds others, as that of the company.

--recipient encrypts the file with age for a key of age (age1...) or of SSH, --passphrase
with one that is asked for. "nightcall import" and "merge" open it, and so does age.
` + exportExitStatus[1:],
		Example: `  nightcall export incident -o checkout.jsonl
  nightcall export incident --recipient age1... -o checkout.age
  nightcall export incident --redact --hide Acme -o for-the-vendor.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runExportIncident(cmd.Context(), a, opts)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&opts.file, "output", "o", "", "file to write, whole or not at all (default: standard output)")
	f.BoolVar(&opts.redact, "redact", false, "write a copy for strangers, with pseudonyms")
	f.StringSliceVar(&opts.hide, "hide", nil, "words that the copy must not say either")
	envelopeFlags(cmd, &opts.recipients, &opts.passphrase)
	return cmd
}

func envelopeFlags(cmd *cobra.Command, recipients *[]string, passphrase *bool) {
	cmd.Flags().StringArrayVar(recipients, "recipient", nil, "encrypt for this public key, of age or SSH; may be given again")
	cmd.Flags().BoolVar(passphrase, "passphrase", false, "encrypt with a passphrase, which is asked for")
}

func runExportIncident(ctx context.Context, a *app, opts exportIncidentOptions) error {
	if len(opts.hide) > 0 && !opts.redact {
		return usageError("nightcall export incident --redact --hide WORD -o FILE", "--hide is for copies made with --redact")
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	out, err := a.output(ctx, opts.file, opts.recipients, opts.passphrase)
	if err != nil {
		return err
	}
	b, err := i.bundle(ctx)
	if err != nil {
		return err
	}
	if out.path != "" {
		if err := i.exported(ctx, timeline.Export{Format: exportedFormat(opts.redact), Path: out.path, Hosts: len(b.Hosts)}); err != nil {
			return err
		}
	}
	if !opts.redact {
		if err := out.write(ctx, b, openIn(i.evidence())); err != nil {
			return err
		}
		return a.sayExported(out, b)
	}
	c, b, err := writeShared(ctx, b, openIn(i.evidence()), out, filepath.Join(i.Dir, pseudonymFile), opts.hide)
	if err != nil {
		return err
	}
	a.sayLeftOut(c)
	return a.sayExported(out, b)
}

func exportedFormat(redacted bool) string {
	if redacted {
		return "redacted incident"
	}
	return "incident"
}

func (a *app) sayLeftOut(c *sharedCopy) {
	if c.binary > 0 {
		a.say("%s left out: nobody can look for secrets in it", plural(c.binary, "file"))
	}
}

func (a *app) sayExported(out output, b bundle.Bundle) error {
	if out.path == "" {
		return nil
	}
	if a.json {
		return printJSON(a.io, map[string]any{"path": out.path, "entries": len(b.Entries), "hosts": len(b.Hosts), "files": len(b.Files), "redacted": b.Redacted, "encrypted": out.sealed()})
	}
	a.say("%s: %d entries, %s, %s", printable(out.path), len(b.Entries), plural(len(b.Hosts), "host"), plural(len(b.Files), "file"))
	return nil
}

// An output is where a bundle goes, and in what envelope.
type output struct {
	app      *app
	path     string // empty for standard output
	envelope bundle.Envelope
}

// output reads the flags, and asks for the passphrase.
func (a *app) output(ctx context.Context, file string, recipients []string, passphrase bool) (output, error) {
	out := output{app: a, envelope: bundle.Envelope{Recipients: recipients}}
	if passphrase && len(recipients) > 0 {
		return out, usageError("nightcall export incident --passphrase -o FILE", "--recipient and --passphrase exclude each other")
	}
	if _, err := out.envelope.Seal(io.Discard); err != nil {
		return out, usageError("--recipient age1..., or --recipient \"$(cat ~/.ssh/id_ed25519.pub)\"", "%w", err)
	}
	var err error
	if passphrase {
		if out.envelope.Passphrase, err = a.newPassphrase(ctx); err != nil {
			return out, err
		}
	}
	if file != "" && file != "-" {
		if out.path, err = filepath.Abs(file); err != nil {
			return out, fmt.Errorf("export to %s: %w", file, err)
		}
	}
	return out, nil
}

// minPassphrase is the shortest passphrase, in bytes: whoever has the file may try
// as often as they like.
const minPassphrase = 10

// newPassphrase asks twice: nobody sees what they type.
func (a *app) newPassphrase(ctx context.Context) (string, error) {
	first, err := a.prompter().secret(ctx, "Passphrase for the file")
	if err != nil {
		return "", err
	}
	if len(first) < minPassphrase {
		return "", withHint(fmt.Errorf("a passphrase of %d characters is soon guessed", len(first)), "take five words")
	}
	again, err := a.prompter().secret(ctx, "Once more")
	if err == nil && again != first {
		err = errors.New("the two passphrases differ")
	}
	return first, err
}

func (o output) sealed() bool { return o.envelope.Passphrase != "" || len(o.envelope.Recipients) > 0 }

// write writes the bundle, whole or not at all.
func (o output) write(_ context.Context, b bundle.Bundle, open opener) error {
	write := func(w io.Writer) error {
		sealed, err := o.envelope.Seal(w)
		if err != nil {
			return err
		}
		if err := bundle.Write(sealed, b, open); err != nil {
			return err
		}
		return sealed.Close()
	}
	if o.path == "" {
		return write(o.app.io.Out)
	}
	return export.StreamFile(o.path, 0o600, write)
}

// bundle is the incident in one piece, but for the contents of its files. Files
// that are missing are told, and not in it.
func (i *openIncident) bundle(ctx context.Context) (bundle.Bundle, error) {
	b := bundle.Bundle{ID: i.ID, Title: i.Title}
	for e, err := range i.DB.Sealed(ctx) {
		if err != nil {
			return b, err
		}
		b.Entries = append(b.Entries, e)
	}
	var err error
	if b.Hosts, err = i.DB.Hosts(ctx); err != nil {
		return b, err
	}
	if b.KnownHosts, err = knownHosts(i.Dir); err != nil {
		return b, err
	}
	files, err := i.manifest(ctx)
	if err != nil {
		return b, err
	}
	flaws, others, err := evidence.Compare(i.evidence(), files)
	for _, f := range files {
		if what := flawOf(f, flaws); what != "" {
			i.app.say("evidence %s is not taken along: %s", printable(f.Name), what)
			continue
		}
		b.Files = append(b.Files, f)
	}
	for _, name := range others {
		i.app.say("evidence/%s is not taken along: nobody added it; nightcall evidence add does", printable(name))
	}
	return b, err
}

func flawOf(f timeline.EvidenceFile, flaws []evidence.Flaw) string {
	for _, flaw := range flaws {
		if flaw.File == f.Name {
			return flaw.What
		}
	}
	return ""
}

// knownHosts are the lines of the incident's host keys.
func knownHosts(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, home.KnownHosts))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, err
}

// addKnownHosts adds the host keys of another laptop. A key that contradicts one
// of ours is left out and returned: whom to believe is for people to say.
func addKnownHosts(dir string, theirs []string) (contradicts []string, err error) {
	ours, err := knownHosts(dir)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, line := range ours {
		if fields := strings.Fields(line); len(fields) >= 3 {
			known[fields[0]+" "+fields[1]] = fields[2]
		}
	}
	var added strings.Builder
	for _, line := range theirs {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			continue
		}
		name := fields[0] + " " + fields[1]
		switch key, found := known[name]; {
		case !found:
			known[name] = fields[2]
			added.WriteString(line + "\n")
		case key != fields[2]:
			contradicts = append(contradicts, fields[0])
		}
	}
	if added.Len() == 0 {
		return contradicts, nil
	}
	return contradicts, appendFile(filepath.Join(dir, home.KnownHosts), added.String())
}

// appendFile adds whole lines to a file, durably.
func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	last := make([]byte, 1)
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			text = "\n" + text
		}
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
