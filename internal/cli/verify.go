package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

func newVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "verify",
		GroupID: groupIncident,
		Short:   "Say whether the record and the evidence are as they were written",
		Long: `Read the whole timeline and every file of the evidence, and compare them with the hashes
that were written down. The hash of an entry covers the one before it in its journal, so
an entry that was changed, or taken out, shows; the first one is named. Every laptop that
wrote has a journal of its own; merged ones are checked as well.

Whoever can write the database can also make new hashes. To be able to prove later that
nobody did, write down the head that is printed, outside this laptop: as long as that
hash is in the chain, nothing before it was changed.

Files in the evidence directory that nobody added are listed; they prove nothing.

EXIT STATUS
  0  everything is as it was written
  1  something is not, or cannot be read
  2  usage`,
		Example: `  nightcall verify
  nightcall verify --json | jq -r '.entry_flaws[0].entry'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runVerify(cmd.Context(), a) },
	}
}

// A verdict is what --json prints.
type verdict struct {
	OK           bool            `json:"ok"`
	Entries      int             `json:"entries"`
	Unchained    int             `json:"unchained"` // from before there were chains
	Journals     []verdictChain  `json:"journals"`
	Files        int             `json:"files"`
	EntryFlaws   []timeline.Flaw `json:"entry_flaws"`
	FileFlaws    []evidence.Flaw `json:"file_flaws"`
	UnknownFiles []string        `json:"unknown_files"`
}

type verdictChain struct {
	Journal string `json:"journal"`
	Ours    bool   `json:"ours"`
	Entries int    `json:"entries"`
	Head    string `json:"head"`
}

func runVerify(ctx context.Context, a *app) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	v, err := i.verify(ctx)
	if err != nil {
		return err
	}
	if a.json {
		err = printJSON(a.io, v)
	} else {
		err = v.print(a)
	}
	if err == nil && !v.OK {
		err = exitWith(exitFailed)
	}
	return err
}

// verify compares the incident with its hashes.
func (i *openIncident) verify(ctx context.Context) (verdict, error) {
	v := verdict{Journals: []verdictChain{}, EntryFlaws: []timeline.Flaw{}, FileFlaws: []evidence.Flaw{}, UnknownFiles: []string{}}
	if err := i.verifyTimeline(ctx, &v); err != nil {
		return v, err
	}
	files, err := i.manifest(ctx)
	if err != nil {
		return v, err
	}
	flaws, others, err := evidence.Compare(i.evidence(), files)
	if err != nil {
		return v, err
	}
	v.Files, v.FileFlaws, v.UnknownFiles = len(files), append(v.FileFlaws, flaws...), append(v.UnknownFiles, others...)
	v.OK = len(v.EntryFlaws)+len(v.FileFlaws) == 0
	return v, nil
}

func (i *openIncident) verifyTimeline(ctx context.Context, v *verdict) error {
	journals, err := i.DB.Journals(ctx)
	if err != nil {
		return err
	}
	var last []timeline.Seal
	for _, j := range journals {
		v.Entries += j.Entries
		last = append(last, j.Seal)
		v.Journals = append(v.Journals, verdictChain{j.Journal, j.Ours, j.Entries, j.Hash})
	}
	all, err := i.DB.Count(ctx)
	if err != nil {
		return err
	}
	v.Entries, v.Unchained = all, all-v.Entries
	flaws, err := timeline.Verify(i.DB.Sealed(ctx), last)
	v.EntryFlaws = append(v.EntryFlaws, flaws...)
	return err
}

// maxFlaws bounds what is printed for people.
const maxFlaws = 20

func (v verdict) print(a *app) error {
	var lines []string
	for _, j := range v.Journals {
		whose := "another laptop's"
		if j.Ours {
			whose = "this laptop's"
		}
		if j.Entries > 0 {
			lines = append(lines, fmt.Sprintf("journal %s, %s: %d entries, head %s", j.Journal, whose, j.Entries, j.Head))
		}
	}
	if v.Unchained > 0 {
		lines = append(lines, fmt.Sprintf("%d entries are from before there were chains: one that was taken out does not show", v.Unchained))
	}
	flaws := 0
	broken := func(text string) {
		if flaws++; flaws <= maxFlaws {
			lines = append(lines, "BROKEN: "+text)
		}
	}
	for _, f := range v.EntryFlaws {
		broken(printable(joinWords("entry", f.Entry) + ": " + f.What))
	}
	for _, f := range v.FileFlaws {
		broken(printable("file " + f.File + ": " + f.What))
	}
	if flaws > maxFlaws {
		lines = append(lines, fmt.Sprintf("and %d more: nightcall verify --json", flaws-maxFlaws))
	}
	for _, name := range v.UnknownFiles {
		lines = append(lines, printable("not in the record: evidence/"+name))
	}
	lines = append(lines, v.summary())
	for _, line := range lines {
		if _, err := fmt.Fprintln(a.io.Out, line); err != nil {
			return err
		}
	}
	if len(v.UnknownFiles) > 0 {
		a.say("nightcall: hint: nightcall evidence add FILE keeps a file")
	}
	return nil
}

func joinWords(word, more string) string {
	if more == "" {
		return word
	}
	return word + " " + more
}

func (v verdict) summary() string {
	counts := fmt.Sprintf("%d entries, %s", v.Entries, plural(v.Files, "file"))
	if v.OK {
		return counts + ": as they were written"
	}
	return fmt.Sprintf("%s: %d of them BROKEN", counts, len(v.EntryFlaws)+len(v.FileFlaws))
}
