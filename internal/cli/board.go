package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/board"
	"github.com/nightcall-sh/nightcall/internal/report"
)

type boardOptions struct {
	listen string
}

func newBoardCmd(a *app) *cobra.Command {
	var opts boardOptions
	cmd := &cobra.Command{
		Use:     "board",
		GroupID: groupRoom,
		Short:   "Serve the incident as a live page for the room",
		Long: `Serve two live pages until ^C: one for those who pay, which of itself names no person
and no host, and one for those who repair, with evidence. Both follow what happens
within a second, need no internet, and are only for reading: no request changes
anything. Each is behind a link with a random word, new with every start.

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
	b, err := board.New(ctx, &boardSource{i})
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
	executive, technical := b.Paths()
	if a.json {
		return printJSONLine(a.io, map[string]string{"executive": base + executive, "technical": base + technical, "fingerprint": fingerprint})
	}
	_, err := fmt.Fprintf(a.io.Out, "for those who pay     %s\nfor those who repair  %s\n", base+executive, base+technical)
	a.say("^C ends it")
	return err
}

// A boardSource is the open incident, as the board needs it.
type boardSource struct{ incident *openIncident }

// Count implements board.Source.
func (s *boardSource) Count(ctx context.Context) (int, error) { return s.incident.DB.Count(ctx) }

// Data implements board.Source.
func (s *boardSource) Data(ctx context.Context) (report.Data, error) {
	return s.incident.reportData(ctx)
}

// Now implements board.Source.
func (s *boardSource) Now() time.Time { return s.incident.app.now() }
