package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// attemptWindow is how far back an account's refused passwords count: the usual
// lock-outs forget after 10 to 15 minutes.
const attemptWindow = 10 * time.Minute

// What passwords are for, as the timeline tells it.
const (
	forLogin = "login"
	forSudo  = "sudo"
	forDoas  = "doas"
	forSu    = "su"
)

// passwords are the credentials of one command, each asked for once and in
// memory only.
type passwords struct {
	incident *openIncident
	ask      credential.Ask
	allowed  int // refused attempts of an account within the window

	mu    sync.Mutex
	known map[string]*credential.Credential
}

// login is the credential for a hop. A bastion has one of its own: what opens it
// need not open what is behind it.
func (p *passwords) login(h ssh.Hop, bastion bool) *credential.Credential {
	who := h.User
	if bastion {
		who += "@" + h.Alias
	}
	return p.get(forLogin, who, h.User, "Password for "+who)
}

// root is the credential for becoming root as a user: the user's own password,
// but root's for su.
func (p *passwords) root(way shell.Become, user string) *credential.Credential {
	switch way {
	case shell.BecomeSu:
		return p.get(forSu, "root", "root", "root's password")
	case shell.BecomeDoas:
		return p.get(forDoas, user, user, "doas password of "+user)
	default:
		return p.get(forSudo, user, user, "sudo password of "+user)
	}
}

// attempt tries a credential for root on one host. Where it may not be tried, that
// host is visited without root.
func attempt(ctx context.Context, c *credential.Credential, name string) (shell.Attempt, error) {
	trial, err := c.Try(ctx, name)
	if err != nil && ctx.Err() == nil {
		return shell.Attempt{}, fmt.Errorf("%w: %w", host.ErrSudo, err)
	}
	return shell.Attempt{Password: trial.Value, Ended: func(v shell.Verdict) {
		switch v {
		case shell.Accepted:
			trial.Accepted()
		case shell.Refused:
			trial.Refused()
		default:
			trial.Untold()
		}
	}}, err
}

func (p *passwords) get(purpose, who, account, prompt string) *credential.Credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := purpose + " " + who
	if p.known[key] == nil {
		ledger := &ledger{incident: p.incident, account: account, purpose: purpose, allowed: p.allowed}
		p.known[key] = credential.New(prompt, func(ctx context.Context, prompt string) (string, error) {
			return p.ask(ctx, prompt+p.incident.directoryNote(ctx, account))
		}, ledger)
	}
	return p.known[key]
}

// A ledger counts one account's attempts in the timeline, so that they count for
// every command and every laptop on the incident.
type ledger struct {
	incident         *openIncident
	account, purpose string
	allowed          int
}

// Begin implements credential.Ledger.
func (l *ledger) Begin(ctx context.Context, hostname string) error {
	now := l.incident.app.now()
	entries, err := l.incident.DB.Kinds(ctx, now.Add(-attemptWindow),
		timeline.PasswordTried, timeline.PasswordAccepted, timeline.PasswordRefused)
	if err != nil {
		return err
	}
	if failed := incident.Attempts(entries, l.account); len(failed) >= l.allowed {
		return l.spent(failed)
	}
	return l.write(ctx, timeline.PasswordTried, hostname)
}

// spent says when the next attempt is safe.
func (l *ledger) spent(failed []incident.Attempt) error {
	if l.allowed < 1 {
		return errors.New("--attempts 0 allows no password")
	}
	var where []string
	for _, a := range failed {
		where = append(where, a.Host)
	}
	free := failed[len(failed)-l.allowed].At.Add(attemptWindow)
	return fmt.Errorf("passwords of %s were refused %d times in the last %d minutes (%s); to lock nobody out it waits until %s (--attempts %d tries now)",
		l.account, len(failed), int(attemptWindow.Minutes()), strings.Join(where, ", "),
		l.incident.app.clockText(free), len(failed)+1)
}

// End implements credential.Ledger. What cannot be written counts as refused.
func (l *ledger) End(ctx context.Context, hostname string, accepted bool) {
	kind := timeline.PasswordRefused
	if accepted {
		kind = timeline.PasswordAccepted
	}
	_ = l.write(ctx, kind, hostname)
}

func (l *ledger) write(ctx context.Context, kind timeline.Kind, hostname string) error {
	return l.incident.Append(ctx, kind, hostname, timeline.Password{Account: l.account, For: l.purpose})
}

// directoryNote warns where the account may be one of a directory: a password
// refused by one host then counts on all of them.
func (i *openIncident) directoryNote(ctx context.Context, account string) string {
	if strings.ContainsAny(account, `\@`) {
		return " (a directory account: a refusal counts on every server)"
	}
	hosts, err := i.DB.Hosts(ctx)
	if err != nil {
		return ""
	}
	var joined []string
	for _, h := range hosts {
		if directory := inventory.Directory(h); directory != "" {
			joined = append(joined, h.Name+" runs "+directory)
		}
	}
	if len(joined) == 0 {
		return ""
	}
	more := ""
	if len(joined) > 2 {
		more = fmt.Sprintf(" and %d more", len(joined)-2)
	}
	return fmt.Sprintf(" (it may be a directory account: %s%s; a refusal may count on every server)",
		strings.Join(joined[:min(2, len(joined))], ", "), more)
}

// clockText is a time of tonight for people.
func (a *app) clockText(t time.Time) string {
	return t.In(a.now().Location()).Format("15:04:05")
}
