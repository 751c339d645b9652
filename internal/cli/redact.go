package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

type redactOptions struct {
	file       string
	names      string
	identity   string
	hide       []string
	recipients []string
	passphrase bool
}

func newRedactCmd(a *app) *cobra.Command {
	var opts redactOptions
	cmd := &cobra.Command{
		Use:     "redact FILE",
		GroupID: groupIncident,
		Short:   "Make a copy for strangers of an exported incident",
		Long: `Read a file that "nightcall export incident" wrote, at any time and by any version, and
write a copy for people outside, as "nightcall export incident --redact" does: by the rules
of this version, without collecting anything again. The file itself stays as it is.

Who is who is kept in the incident's directory where the incident is on this laptop, and
beside the copy where it is not; --names takes another file. The same one gives the same
pseudonyms.

EXIT STATUS
  0  the copy is written
  1  the file is not an incident, or the copy cannot be written
  2  usage`,
		Example: `  nightcall redact checkout.jsonl -o for-the-vendor.jsonl
  nightcall redact checkout.age --identity ~/.ssh/id_ed25519 --hide Acme -o for-the-vendor.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runRedact(cmd.Context(), a, args[0], opts) },
	}
	f := cmd.Flags()
	f.StringVarP(&opts.file, "output", "o", "", "file to write, whole or not at all")
	f.StringVar(&opts.names, "names", "", "file of the pseudonyms, read and written")
	f.StringSliceVar(&opts.hide, "hide", nil, "words that the copy must not say either")
	envelopeFlags(cmd, &opts.recipients, &opts.passphrase)
	identityFlag(cmd, &opts.identity)
	return cmd
}

func runRedact(ctx context.Context, a *app, file string, opts redactOptions) error {
	if opts.file == "" {
		return usageError("nightcall redact "+file+" -o COPY", "-o is missing: the copy needs a name")
	}
	r, err := a.readBundle(ctx, file, opts.identity)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := a.output(ctx, opts.file, opts.recipients, opts.passphrase)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out.path), ".redact-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := r.Rest(keepIn(dir))
	if err != nil {
		return r.unreadable(err)
	}
	c, b, err := writeShared(ctx, b, openIn(dir), out, cmp.Or(opts.names, a.namesOf(ctx, b.ID, out.path)), opts.hide)
	if err != nil {
		return err
	}
	a.sayLeftOut(c)
	return a.sayExported(out, b)
}

// namesOf is where the pseudonyms of an incident are kept.
func (a *app) namesOf(ctx context.Context, id, path string) string {
	if dir := a.holding(ctx, id); dir != "" {
		return filepath.Join(dir, pseudonymFile)
	}
	return path + "." + pseudonymFile
}
