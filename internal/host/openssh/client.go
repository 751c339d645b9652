//go:build unix

package openssh

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// A client is the system's ssh.
type client struct {
	path    string
	version string // as it names itself: OpenSSH_9.2p1
}

// patience bounds one question to the client.
const patience = 10 * time.Second

var versionText = regexp.MustCompile(`^OpenSSH_[A-Za-z0-9._]+`)

func findClient(ctx context.Context) (*client, error) {
	path, err := exec.LookPath("ssh")
	if err != nil {
		return nil, fmt.Errorf("%w: %w; install one", host.ErrRefused, ErrNoClient)
	}
	c := &client{path: path}
	greeting, err := c.ask(ctx, "-V")
	if err != nil {
		return nil, err
	}
	if c.version = versionText.FindString(greeting); c.version == "" {
		return nil, fmt.Errorf("%w: %w: its ssh is %q", host.ErrRefused, ErrNoClient, word.OneLine(greeting))
	}
	return c, nil
}

// ask runs the client and returns all it says.
func (c *client) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.path, args...).CombinedOutput()
	if ctx.Err() != nil {
		return "", reason(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%w: the system's ssh does not answer: ssh %s: %w", host.ErrRefused, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// has lists what the client can speak of one kind; the first query it knows
// counts.
func (c *client) has(ctx context.Context, queries ...string) ([]string, error) {
	var errs []error
	for _, q := range queries {
		out, err := c.ask(ctx, "-Q", q)
		if err == nil {
			return strings.Fields(out), nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// A refusal is what a failed negotiation has shown: the server's offer of one
// kind of algorithm, of which we allowed none.
type refusal struct {
	what  string // as ssh calls it: cipher, MAC, key exchange method, host key type
	offer []string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("no common %s; it offers %s", r.what, word.OneLine(strings.Join(r.offer, ", ")))
}

// legacy is the outdated algorithms one host cannot do without.
type legacy struct{ inventory.Algorithms }

// kind is where algorithms of the refused kind are kept, and how the client lists
// its own.
func (l *legacy) kind(what string) (set *[]string, queries []string) {
	switch what {
	case "cipher":
		return &l.Cipher, []string{"cipher"}
	case "MAC":
		return &l.MAC, []string{"mac"}
	case "key exchange method":
		return &l.KeyExchange, []string{"kex"}
	case "host key type":
		return &l.HostKey, []string{"HostKeyAlgorithms", "key"}
	default:
		return nil, nil
	}
}

// widen adds what the refusal shows to be missing. The error names what even the
// client does not have.
func (l *legacy) widen(ctx context.Context, c *client, no *refusal) error {
	set, queries := l.kind(no.what)
	if set == nil {
		return fmt.Errorf("%w: %w", host.ErrRefused, no)
	}
	has, err := c.has(ctx, queries...)
	if err != nil {
		return err
	}
	var more []string
	for _, a := range no.offer {
		if slices.Contains(has, a) && !slices.Contains(*set, a) && word.CheckAlgorithm(a) == nil {
			more = append(more, a)
		}
	}
	if len(more) == 0 {
		return fmt.Errorf("%w: needs %s %s; the system's ssh (%s) does not have it",
			host.ErrRefused, no.what, word.OneLine(strings.Join(no.offer, " or ")), c.version)
	}
	*set = append(slices.Clone(*set), more...)
	return nil
}

// used is the part of the set that the connection came to use.
func (l *legacy) used(n inventory.Algorithms) inventory.Algorithms {
	both := func(set, used []string) []string {
		var out []string
		for _, a := range used {
			if slices.Contains(set, a) {
				out = append(out, a)
			}
		}
		return out
	}
	return inventory.Algorithms{
		KeyExchange: both(l.KeyExchange, n.KeyExchange), HostKey: both(l.HostKey, n.HostKey),
		Cipher: both(l.Cipher, n.Cipher), MAC: both(l.MAC, n.MAC), Signature: l.Signature,
	}
}
