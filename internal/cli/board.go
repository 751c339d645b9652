package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/board"
	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/plain"
	"github.com/nightcall-sh/nightcall/internal/report"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type boardOptions struct {
	listen string
	join   bool
}

func newBoardCmd(a *app) *cobra.Command {
	var opts boardOptions
	cmd := &cobra.Command{
		Use:     "board",
		GroupID: groupRoom,
		Short:   "Serve the incident as a live page for the room",
		Long: `Serve two live pages until ^C: one for those who pay, which of itself names no person
and no host, and one for those who repair, with evidence. Both follow what happens
within a second, need no internet, and are only for reading. Each is behind a link with
a random word, new with every start. With --join a third link also takes notes and
ticks of the checklist, under the name that people give. No request changes a host.

It listens on this laptop alone. --listen with an address of the network lets phones
and televisions in, over TLS with a certificate of its own: whoever opens the link
compares the fingerprint that is printed with the one the browser shows.

EXIT STATUS
  0  it was ended by ^C
  1  the incident cannot be read, or the address not be listened on
  2  usage`,
		Example: `  nightcall board
  nightcall board --listen 192.168.1.20:8443`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBoard(cmd.Context(), a, opts) },
	}
	cmd.Flags().BoolVar(&opts.join, "join", false, "let people add notes and ticks, by a link of their own")
	cmd.Flags().StringVar(&opts.listen, "listen", "127.0.0.1:0", "address and port; port 0 is any that is free")
	return cmd
}

func runBoard(ctx context.Context, a *app, opts boardOptions) error {
	if _, _, err := net.SplitHostPort(opts.listen); err != nil {
		return usageError("nightcall board --listen 127.0.0.1:8080", "--listen %q: %w", opts.listen, err)
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	source := &boardSource{incident: i}
	var writer board.Writer
	if opts.join {
		writer = source
	}
	b, err := board.New(ctx, source, writer)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return withHint(err, "nightcall board --listen 127.0.0.1:0")
	}
	defer listener.Close()
	address := listener.Addr().(*net.TCPAddr)
	certificate, fingerprint, err := boardCertificate(a, address.IP)
	if err != nil {
		return err
	}
	if err := sayBoard(a, b, address, fingerprint); err != nil {
		return err
	}
	return b.Serve(ctx, listener, certificate)
}

// boardCertificate is none on this laptop alone, where nobody can listen in.
func boardCertificate(a *app, ip net.IP) (*tls.Certificate, string, error) {
	if ip.IsLoopback() {
		return nil, "", nil
	}
	addresses := []net.IP{ip}
	if ip.IsUnspecified() {
		addresses = ownAddresses()
	}
	certificate, fingerprint, err := board.SelfSigned(a.now(), addresses...)
	return &certificate, fingerprint, err
}

// ownAddresses are this laptop's, without those that only it knows.
func ownAddresses() []net.IP {
	var own []net.IP
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if n, ok := address.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			own = append(own, n.IP)
		}
	}
	return own
}

// sayBoard tells the links, before anybody can use them.
func sayBoard(a *app, b *board.Board, address *net.TCPAddr, fingerprint string) error {
	scheme, host := "http", address.IP
	if fingerprint != "" {
		scheme = "https"
		a.say("Everybody in this network who has a link can read the incident. Certificate, SHA-256:")
		a.say("%s", fingerprint)
	}
	if own := ownAddresses(); host.IsUnspecified() && len(own) > 0 {
		host = own[0]
	}
	base := scheme + "://" + (&net.TCPAddr{IP: host, Port: address.Port}).String()
	pay, repair, join := b.Paths()
	if join != "" {
		join = base + join
	}
	if a.json {
		return printJSONLine(a.io, map[string]string{"executive": base + pay, "technical": base + repair, "join": join, "fingerprint": fingerprint})
	}
	text := fmt.Sprintf("for those who pay     %s\nfor those who repair  %s\n", base+pay, base+repair)
	if join != "" {
		text += "for those who join    " + join + "\n"
	}
	_, err := a.io.Out.Write([]byte(text))
	a.say("^C ends it")
	return err
}

// A boardSource is the open incident, as the board needs it. It holds what was
// read, and reads what is new.
type boardSource struct {
	incident *openIncident

	mu     sync.Mutex
	data   report.Data
	folder *incident.Folder
}

// Count implements board.Source.
func (s *boardSource) Count(ctx context.Context) (int, error) { return s.incident.DB.Count(ctx) }

// Data implements board.Source.
func (s *boardSource) Data(ctx context.Context) (report.Data, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := "", len(s.data.Entries)
	if known > 0 {
		last = s.data.Entries[known-1].ID
	}
	entries, whole, err := (&room{s.incident}).Entries(ctx, last, known)
	if err != nil {
		return report.Data{}, err
	}
	d := s.data
	if whole {
		d.Entries, s.folder = nil, incident.NewFolder()
	}
	d.Entries = append(d.Entries, entries...)
	s.folder.Add(entries...)
	d.Incident, d.At = s.folder.Incident(), s.Now()
	if whole || slices.ContainsFunc(entries, func(e timeline.Entry) bool { return check.Affects(e.Kind) }) || s.Now().Sub(s.data.At) > hostsEach {
		if err := s.incident.reportHosts(ctx, &d); err != nil {
			return report.Data{}, err
		}
		s.data.At = s.Now()
	}
	at := s.data.At
	s.data = d
	s.data.At = at // when hosts were looked at
	return d, nil
}

// hostsEach is how often what hosts are like is judged anew, because findings
// grow older too.
const hostsEach = time.Minute

// Now implements board.Source.
func (s *boardSource) Now() time.Time { return s.incident.app.now() }

// Note implements board.Writer.
func (s *boardSource) Note(ctx context.Context, name, text string) error {
	return s.write(ctx, name, timeline.NoteAdded, timeline.Note{Text: clean(text)})
}

// Tick implements board.Writer.
func (s *boardSource) Tick(ctx context.Context, name, item string) error {
	now, err := s.incident.fold(ctx)
	if err != nil {
		return err
	}
	if err := mayTurn(now, timeline.StepTicked, item); err != nil {
		return err
	}
	return s.write(ctx, name, timeline.StepTicked, timeline.Step{Item: item})
}

// write writes an entry of somebody at the board, who is only who they say.
func (s *boardSource) write(ctx context.Context, name string, kind timeline.Kind, data any) error {
	actor := plain.Clip(clean(name), nameLimit) + " (board)"
	e, err := timeline.New(s.incident.ID, actor, kind, s.Now(), data)
	if err != nil {
		return err
	}
	return s.incident.DB.Append(ctx, e)
}
