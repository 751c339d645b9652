package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/openssh"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/scan"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// reachOptions are the flags of every command that logs in to hosts.
type reachOptions struct {
	config      string
	login       string
	identities  []string
	acceptNew   bool
	askPassword bool
	askSudo     bool
	noRoot      bool
	become      become
	attempts    int
	answer      time.Duration
	deadlines   ssh.Deadlines
}

func (o *reachOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.config, "ssh-config", "F", "", "ssh configuration to read instead of ~/.ssh/config")
	f.StringVarP(&o.login, "login", "l", "", "user to log in as, where the target names none")
	f.StringArrayVarP(&o.identities, "identity", "i", nil, "private key file to offer first (may be repeated)")
	f.BoolVar(&o.acceptNew, "accept-new", false, "trust host keys seen for the first time; a changed key still stops its host")
	f.BoolVarP(&o.askPassword, "ask-password", "k", false, "ask once for a login password (a line of standard input when that is no terminal)")
	f.BoolVarP(&o.askSudo, "ask-sudo", "K", false, "ask once for the password of sudo or doas, or with --become su for root's")
	f.BoolVar(&o.noRoot, "no-root", false, "stay who you are, even where sudo asks for nothing; as --become none")
	f.Var(&o.become, "become", "the way to root: auto (sudo, or doas where there is no sudo), sudo, doas, su, none")
	_ = cmd.RegisterFlagCompletionFunc("become", completeWords("auto", "sudo", "doas", "su", "none"))
	f.IntVar(&o.attempts, "attempts", 2, "passwords of one account that may be refused within ten minutes, on all hosts together")
	f.DurationVar(&o.deadlines.Connect, "connect-timeout", 10*time.Second, "longest wait for the TCP connection")
	f.DurationVar(&o.deadlines.Banner, "banner-timeout", 10*time.Second, "longest wait for the server's greeting")
	f.DurationVar(&o.deadlines.Kex, "kex-timeout", 15*time.Second, "longest key exchange")
	f.DurationVar(&o.deadlines.Auth, "auth-timeout", 20*time.Second, "longest login, without the time you type")
	f.DurationVar(&o.answer, "answer-timeout", 5*time.Minute, "longest wait for you at one question; nothing else times out meanwhile")
}

// A reach is everything needed to log in to the hosts of an incident.
type reach struct {
	config    *ssh.Config
	dialer    *ssh.Dialer
	second    *openssh.Dialer // for what the first does not speak
	opts      reachOptions
	ask       credential.Ask
	clock     shell.Clock     // stands still while somebody is asked
	life      context.Context //nolint:containedctx // of the command: a login that others wait for outlives the host that began it
	passwords *passwords
}

// newReach prepares to log in. The caller closes it.
func (i *openIncident) newReach(ctx context.Context, opts reachOptions) (*reach, error) {
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("who am I: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, withHint(fmt.Errorf("home directory: %w", err), "set HOME")
	}
	config, err := ssh.LoadConfig(opts.config, home, me.Username)
	if err != nil {
		return nil, withHint(err, "nightcall scan -F FILE reads another configuration")
	}
	trust, err := ssh.NewTrust(filepath.Join(i.Dir, "known_hosts"))
	if err != nil {
		return nil, err
	}
	trust.AcceptNew = opts.acceptNew
	trust.Tell = func(e ssh.KeyEvent) error { return i.recordKey(ctx, e) }
	r := &reach{config: config, opts: opts, ask: i.app.prompter().within(opts.answer), life: ctx}
	r.dialer = &ssh.Dialer{Trust: trust, Keys: ssh.NewKeys(r.asking), Deadlines: opts.deadlines}
	r.passwords = &passwords{incident: i, ask: r.asking, allowed: opts.attempts, known: map[string]*credential.Credential{}}
	if opts.askPassword {
		r.dialer.Password = r.passwords.login
	}
	if i.app.io.InTTY || opts.askPassword {
		r.dialer.Ask = r.asking
	}
	r.second = &openssh.Dialer{
		Trust: trust, Keys: r.dialer.Keys, Password: r.dialer.Password, Ask: r.dialer.Ask, Deadlines: opts.deadlines,
	}
	return r, nil
}

// asking asks through whatever r.ask is at the time: a scan's progress steps
// aside for questions. No host's time runs meanwhile.
func (r *reach) asking(ctx context.Context, prompt string) (string, error) {
	defer r.clock.Stand()()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(r.life, func() { cancel(context.Cause(r.life)) })
	defer stop()
	return r.ask(ctx, prompt)
}

// Close ends the shared connections.
func (r *reach) Close() error { return errors.Join(r.dialer.Close(), r.second.Close()) }

// askAhead asks for the passwords that the command line announced, before any visit
// begins: its clock does not stop for a person who looks one up. Where the hosts want
// those of several users, each is asked for when a host first wants it.
func (r *reach) askAhead(ctx context.Context, routes []ssh.Route) error {
	users := map[string]bool{}
	for _, route := range routes {
		users[route.Last().User] = true
	}
	if len(users) != 1 {
		return nil
	}
	hop := routes[0].Last()
	if r.opts.askPassword {
		if err := r.passwords.login(hop, false).Ready(ctx); err != nil {
			return err
		}
	}
	if r.opts.askSudo && r.opts.wanted() != shell.RootNo && hop.User != "root" {
		return r.passwords.root(r.opts.become.Become, hop.User).Ready(ctx)
	}
	return nil
}

// recordKey writes a learned or changed host key to the timeline before it is
// used.
func (i *openIncident) recordKey(ctx context.Context, e ssh.KeyEvent) error {
	kind := timeline.HostKeyAccepted
	if e.Changed {
		kind = timeline.HostKeyChanged
	}
	return i.Append(context.WithoutCancel(ctx), kind, "", timeline.HostKey{
		Address: e.Name, Type: e.Key.Type, Fingerprint: e.Key.Fingerprint, How: e.How,
	})
}

// rootPassword is the password of the way to root, for one host.
func (r *reach) rootPassword(name, user string) func(context.Context) (shell.Attempt, error) {
	if !r.opts.askSudo {
		return nil
	}
	return func(ctx context.Context) (shell.Attempt, error) {
		return attempt(ctx, r.passwords.root(r.opts.become.Become, user), name)
	}
}

// wanted is what the flags say about root.
func (o reachOptions) wanted() shell.Root {
	if o.noRoot || o.become.none {
		return shell.RootNo
	}
	return shell.RootTry
}

// become is the value of --become.
type become struct {
	shell.Become
	none bool
}

// Set implements pflag.Value.
func (b *become) Set(text string) error {
	switch way := shell.Become(text); way {
	case shell.BecomeSudo, shell.BecomeDoas, shell.BecomeSu:
		*b = become{Become: way}
	case "auto":
		*b = become{}
	case "none":
		*b = become{none: true}
	default:
		return fmt.Errorf("not a way to root: %q; one of auto, sudo, doas, su, none", text)
	}
	return nil
}

// String implements pflag.Value.
func (b *become) String() string {
	if b.none {
		return "none"
	}
	return cmp.Or(string(b.Become), "auto")
}

// Type implements pflag.Value.
func (b *become) Type() string { return "way" }

// target resolves a named host to what the scan visits, by this wire first.
func (r *reach) target(ctx context.Context, t target, wire string) (routed, error) {
	route, err := r.route(ctx, t.Target)
	if err != nil {
		return routed{}, err
	}
	return r.along(t.name(), route, wire), nil
}

// route is the way that the configuration and the flags know.
func (r *reach) route(ctx context.Context, t ssh.Target) (ssh.Route, error) {
	t.User = cmp.Or(t.User, r.opts.login)
	route, err := r.config.Route(ctx, t)
	if err != nil {
		return nil, err
	}
	last := &route[len(route)-1]
	last.Identities = append(r.opts.identities, last.Identities...)
	return route, nil
}

// known leads to a host of the inventory by the way that is stored; a
// configuration named with -F and the flags are asked first.
func (r *reach) known(ctx context.Context, h inventory.Host) (routed, error) {
	if r.opts.config != "" && h.Access.Alias != "" {
		route, err := r.route(ctx, ssh.Target{Host: h.Access.Alias})
		if err != nil {
			return routed{}, err
		}
		return r.again(h, route), nil
	}
	var route ssh.Route
	for _, hop := range h.Access.Jump {
		stored, err := r.stored(ctx, hop)
		if err != nil {
			return routed{}, err
		}
		route = append(route, stored)
	}
	a := h.Access
	last, err := r.stored(ctx, inventory.Hop{
		Alias: a.Alias, Address: a.Address, Port: a.Port, User: cmp.Or(r.opts.login, a.User), Identities: a.Identities,
	})
	if err != nil {
		return routed{}, err
	}
	route = append(route, last)
	for n := range route[1:] { // what is behind a bastion is reached through it
		route[n+1].ProxyCommand = ""
	}
	return r.again(h, route), nil
}

// again is one more visit of a host, by the wire that it was reached with.
func (r *reach) again(h inventory.Host, route ssh.Route) routed {
	t := r.along(h.Name, route, h.Access.Wire)
	a := h.Access // what is known stays known when the visit fails
	t.Access.HostKeys, t.Access.Server, t.Access.Algorithms, t.Access.Legacy = a.HostKeys, a.Server, a.Algorithms, a.Legacy
	return t
}

// stored is one login as the inventory knows it, with what the configuration of
// today adds: keys, the agent, known_hosts and a ProxyCommand.
func (r *reach) stored(ctx context.Context, hop inventory.Hop) (ssh.Hop, error) {
	route, err := r.config.Route(ctx, ssh.Target{Host: cmp.Or(hop.Alias, hop.Address)})
	if err != nil {
		return ssh.Hop{}, err
	}
	h := route.Last()
	h.Address, h.Port, h.User = hop.Address, hop.Port, hop.User
	h.Identities = slices.Concat(r.opts.identities, hop.Identities, h.Identities)
	return h, nil
}

// A routed target is one whose way is known.
type routed struct {
	scan.Target
	route ssh.Route
}

// The wires, as the inventory calls them.
const (
	wireNative = "ssh"
	wireSecond = "openssh"
)

// along is the visit of the host at the end of route, by this wire first.
func (r *reach) along(name string, route ssh.Route, wire string) routed {
	if wire != wireSecond {
		wire = wireNative
	}
	t := routed{route: route, Target: scan.Target{Name: name, Access: access(route)}}
	t.Access.Wire = wire
	t.Dial = func(ctx context.Context) (scan.Link, error) { return r.dial(ctx, route, wire) }
	return t
}

// dial logs in. Where the native wire lacks what the host needs, the second one
// takes over; where the second has no ssh to work with, the native one does.
func (r *reach) dial(ctx context.Context, route ssh.Route, wire string) (scan.Link, error) {
	if wire == wireSecond {
		conn, err := r.second.Dial(ctx, route)
		if !errors.Is(err, openssh.ErrNoClient) {
			return linked(conn, err)
		}
	}
	conn, err := r.dialer.Dial(ctx, route)
	if !errors.Is(err, ssh.ErrUnspoken) {
		return linked(conn, err)
	}
	return linked(r.second.Dial(ctx, route))
}

// linked is what a dialer returned, without a connection where there is an error.
func linked[C scan.Link](conn C, err error) (scan.Link, error) {
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// peek sees the host key at the end of route, when it is new here.
func (r *reach) peek(ctx context.Context, route ssh.Route) (ssh.NewKey, bool) {
	key, isNew, err := r.dialer.Peek(ctx, route)
	if errors.Is(err, ssh.ErrUnspoken) {
		return r.second.Peek(ctx, route)
	}
	return key, isNew
}

// access is a route as the inventory keeps it.
func access(route ssh.Route) inventory.Access {
	last := route.Last()
	a := inventory.Access{
		Alias: last.Alias, Address: last.Address, Port: last.Port, User: last.User,
		Identities: existing(last.Identities),
	}
	for _, h := range route[:len(route)-1] {
		a.Jump = append(a.Jump, inventory.Hop{
			Alias: h.Alias, Address: h.Address, Port: h.Port, User: h.User, Identities: existing(h.Identities),
		})
	}
	return a
}

// existing drops key files that are not there (most are only the usual names) and
// those that are named twice.
func existing(files []string) []string {
	var out []string
	for _, file := range files {
		if _, err := os.Stat(file); err == nil && !slices.Contains(out, file) {
			out = append(out, file)
		}
	}
	return out
}

// open logs in to one host of the inventory and returns it.
func (r *reach) open(ctx context.Context, h inventory.Host, limits shell.Limits, now func() time.Time) (host.Host, func() error, error) {
	t, err := r.known(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	link, err := t.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	user := t.Access.User // which --login may have made another than the last visit's
	opts := shell.Options{
		Root: r.opts.wanted(), Become: r.opts.become.Become, User: user, Password: r.rootPassword(h.Name, user), Limits: limits, Clock: &r.clock, Now: now,
	}
	return shell.New(h.Name, link, opts), link.Close, nil
}
