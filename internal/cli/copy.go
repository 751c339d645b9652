package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/nightcall-sh/nightcall/internal/bundle"
	"github.com/nightcall-sh/nightcall/internal/evidence"
	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/pseudonym"
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// pseudonymFile is the private map in the incident's directory.
const pseudonymFile = "pseudonyms.json"

// opener opens a file of the evidence.
type opener func(timeline.EvidenceFile) (io.ReadCloser, error)

// A sharedCopy is an incident that strangers may see: without secrets, with
// pseudonyms.
type sharedCopy struct {
	names   *pseudonym.Map
	secrets *redact.Redactor
	dir     string // where its files are kept until they are written
	files   map[string]timeline.EvidenceFile
	binary  int // files that nobody could look into, and that are left out
}

// share makes a copy of the bundle. Its files are kept in dir; words are what the
// copy must not say.
func share(b bundle.Bundle, open opener, names *pseudonym.Map, dir string, hide []string) (bundle.Bundle, *sharedCopy, error) {
	c := &sharedCopy{names: names, dir: dir, files: map[string]timeline.EvidenceFile{}}
	for _, word := range hide {
		names.Learn(pseudonym.Word, word)
	}
	c.learn(b)
	if err := c.findSecrets(b, open); err != nil {
		return b, c, err
	}
	out := bundle.Bundle{ID: names.Incident, Title: c.text(b.Title), Redacted: true}
	for _, f := range b.Files {
		shared, err := c.file(f, open)
		if err != nil {
			return b, c, err
		}
		if shared.Name != "" {
			out.Files = append(out.Files, shared)
		}
	}
	for _, e := range b.Entries {
		out.Entries = append(out.Entries, timeline.Sealed{Entry: c.entry(e.Entry)})
	}
	for _, h := range b.Hosts {
		shared, err := c.host(h)
		if err != nil {
			return b, c, err
		}
		out.Hosts = append(out.Hosts, shared)
	}
	return out, c, nil
}

// learn finds the names that have no shape.
func (c *sharedCopy) learn(b bundle.Bundle) {
	for _, h := range b.Hosts {
		c.learnHost(h)
	}
	for _, e := range b.Entries {
		if !strings.HasPrefix(e.Actor, "uid ") {
			c.names.Learn(pseudonym.Person, strings.TrimSuffix(e.Actor, " (board)"))
		}
		c.names.Learn(pseudonym.Host, e.Host)
		c.learnData(e.Entry)
	}
}

func (c *sharedCopy) learnHost(h inventory.Host) {
	for _, name := range []string{h.Name, h.Access.Alias, h.Access.Address, h.Facts.Kernel.Value.Host} {
		c.names.Learn(pseudonym.Host, name)
	}
	c.names.Learn(pseudonym.User, h.Access.User)
	for _, hop := range h.Access.Jump {
		c.names.Learn(pseudonym.Host, hop.Alias)
		c.names.Learn(pseudonym.Host, hop.Address)
		c.names.Learn(pseudonym.User, hop.User)
	}
	for _, domain := range h.Facts.DNS.Value.Search {
		c.names.Learn(pseudonym.Domain, domain)
	}
	for _, line := range h.Facts.DNS.Value.Hosts {
		line, _, _ = strings.Cut(line, "#")
		for _, name := range strings.Fields(line) {
			c.names.Learn(pseudonym.Host, name)
		}
	}
	for _, p := range h.Facts.Processes.Value {
		c.names.Learn(pseudonym.User, p.User)
	}
}

// learnData finds names where the data of an entry says what they are.
func (c *sharedCopy) learnData(e timeline.Entry) {
	var d struct {
		Owner   string   `json:"owner"`
		SaidBy  string   `json:"said_by"`
		By      string   `json:"by"`
		To      string   `json:"to"`
		From    string   `json:"from"`
		Name    string   `json:"name"`
		Account string   `json:"account"`
		Targets []string `json:"targets"`
	}
	_ = json.Unmarshal(e.Data, &d) // fields of other types are left out
	for _, name := range []string{d.Owner, d.SaidBy, d.By} {
		c.names.Learn(pseudonym.Person, name)
	}
	switch e.Kind {
	case timeline.RoleAssigned, timeline.HandoverGiven:
		c.names.Learn(pseudonym.Person, cmp.Or(d.Name, d.To))
	case timeline.HostDeclared, timeline.HostRetracted:
		c.names.Learn(pseudonym.Host, d.Name)
	case timeline.LinkDeclared, timeline.LinkRetracted:
		c.names.Learn(pseudonym.Host, d.From)
		c.names.Learn(pseudonym.Host, d.To)
	}
	c.names.Learn(pseudonym.User, d.Account)
	for _, target := range d.Targets {
		c.names.Learn(pseudonym.Host, target)
	}
}

// findSecrets reads everything once, so that what is a secret in one place is
// one in every other.
func (c *sharedCopy) findSecrets(b bundle.Bundle, open opener) error {
	secrets := map[string]bool{}
	find := func(text string) string {
		for _, secret := range redact.Found(text) {
			secrets[secret] = true
		}
		return text
	}
	for _, e := range b.Entries {
		redact.Strings(e.Data, find)
	}
	for _, h := range b.Hosts {
		encoded, err := json.Marshal(h)
		if err != nil {
			return err
		}
		redact.Strings(encoded, find)
	}
	for _, f := range b.Files {
		if err := eachLine(f, open, find); err != nil {
			return err
		}
	}
	c.secrets = redact.New(slices.Sorted(maps.Keys(secrets))...)
	return nil
}

// eachLine reads a file of text line by line, of which the beginning counts when
// it is endless.
func eachLine(f timeline.EvidenceFile, open opener, do func(string) string) error {
	if f.Binary {
		return nil
	}
	content, err := open(f)
	if err != nil {
		return err
	}
	defer content.Close()
	lines := bufio.NewReaderSize(content, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		do(string(line))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// text is a text without secrets, with pseudonyms. Secrets go first: a name may
// be part of one.
func (c *sharedCopy) text(text string) string { return c.names.Text(c.secrets.Args(text)) }

// entry is an entry for strangers. Its seal would not hold.
func (c *sharedCopy) entry(e timeline.Entry) timeline.Entry {
	e.Incident, e.Host = c.names.Incident, c.names.Text(e.Host)
	if !strings.HasPrefix(e.Actor, "uid ") {
		e.Actor = c.names.Text(e.Actor)
	}
	switch f, ok := timeline.Decode[timeline.EvidenceFile](e); {
	case e.Kind == timeline.EvidenceAdded && ok:
		return c.evidenceEntry(e, f)
	case e.Kind == timeline.CommandStarted:
		if start, ok := timeline.Decode[timeline.CommandStart](e); ok {
			start.Argv = redact.Argv(start.Argv)
			e.Data, _ = json.Marshal(start)
		}
	case e.Kind == timeline.CommandFinished:
		if end, ok := timeline.Decode[timeline.CommandEnd](e); ok {
			end.SHA256 = "" // what was hashed is not what is here
			for n, name := range end.Evidence {
				end.Evidence[n] = c.files[name].Name
			}
			e.Data, _ = json.Marshal(end)
		}
	}
	e.Data = redact.Strings(e.Data, c.text)
	return e
}

// evidenceEntry names the file as it is in the copy, or says that it is not.
func (c *sharedCopy) evidenceEntry(e timeline.Entry, f timeline.EvidenceFile) timeline.Entry {
	shared, here := c.files[f.Name]
	if !here {
		e.Kind = timeline.NoteAdded
		e.Data, _ = json.Marshal(timeline.Note{Text: fmt.Sprintf("a file of %d bytes is not in this copy: nobody can look for secrets in it", f.Bytes)})
		return e
	}
	e.Data, _ = json.Marshal(shared)
	return e
}

// host is a host for strangers, without its keys.
func (c *sharedCopy) host(h inventory.Host) (inventory.Host, error) {
	h.Access.HostKeys, h.Access.Identities = nil, nil
	h.Facts.MachineID.Value = ""
	h.Facts.Platform.Value.Serial, h.Facts.Platform.Value.UUID = "", ""
	encoded, err := json.Marshal(h)
	if err != nil {
		return h, err
	}
	var shared inventory.Host
	if err := json.Unmarshal(redact.Strings(encoded, c.text), &shared); err != nil {
		return h, fmt.Errorf("a copy of %s: %w", h.Name, err)
	}
	shared.Class, shared.Scan = h.Class, h.Scan
	return shared, nil
}

// file keeps a copy of a file for strangers; one that is no text is left out.
func (c *sharedCopy) file(f timeline.EvidenceFile, open opener) (timeline.EvidenceFile, error) {
	if f.Binary {
		c.binary++
		return timeline.EvidenceFile{}, nil
	}
	content, err := open(f)
	if err != nil {
		return f, err
	}
	defer content.Close()
	masked, out := io.Pipe()
	defer masked.Close()
	go func() { out.CloseWithError(c.secrets.Copy(out, content)) }()
	named, end := io.Pipe()
	defer named.Close()
	go func() { end.CloseWithError(copyLines(end, masked, c.names.Text)) }()
	shared, err := evidence.Keep(c.dir, c.text(f.Source), named)
	c.files[f.Name] = shared
	return shared, err
}

// copyLines hands lines through do.
func copyLines(w io.Writer, r io.Reader, do func(string) string) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if _, err := io.WriteString(w, do(line)); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pseudonyms reads the private map, or begins one.
func pseudonyms(path string) (*pseudonym.Map, error) {
	encoded, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return pseudonym.New(ulid.Make().String()), nil
	}
	if err != nil {
		return nil, err
	}
	names, err := pseudonym.Read(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return names, nil
}

// writeShared writes a copy for strangers to a file. The private map is durable
// before it: a copy of which nobody knows who is who cannot be made again.
func writeShared(ctx context.Context, b bundle.Bundle, open opener, out output, mapPath string, hide []string) (*sharedCopy, bundle.Bundle, error) {
	names, err := pseudonyms(mapPath)
	if err != nil {
		return nil, b, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(mapPath), ".copy-")
	if err != nil {
		return nil, b, err
	}
	defer os.RemoveAll(dir)
	copied, c, err := share(b, open, names, dir, hide)
	if err != nil {
		return c, copied, err
	}
	encoded, err := names.Bytes()
	if err != nil {
		return c, copied, err
	}
	if err := export.WriteFile(mapPath, encoded, 0o600); err != nil {
		return c, copied, err
	}
	return c, copied, out.write(ctx, copied, openIn(dir))
}

// openIn opens files of a directory.
func openIn(dir string) opener {
	return func(f timeline.EvidenceFile) (io.ReadCloser, error) { return evidence.Open(dir, f) }
}
