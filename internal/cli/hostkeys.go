package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// confirmKeys shows a person every host key that is new here, on one screen, and
// writes down those that are confirmed. Bastions come first: what is behind them
// can only be seen through them. Where nobody can answer, new keys stay
// untrusted and their hosts end as such.
func (s *scanRun) confirmKeys(ctx context.Context, targets []routed) error {
	if s.opts.reach.acceptNew || !s.app.io.InTTY || !s.app.io.ErrTTY {
		return nil
	}
	s.say("looking at the host keys")
	for _, level := range ssh.Levels(routesOf(targets)) {
		keys := s.peek(ctx, level)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := s.confirm(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}

// peek sees the keys at the ends of the routes, many at once.
func (s *scanRun) peek(ctx context.Context, level []ssh.Route) []ssh.NewKey {
	var (
		workers errgroup.Group
		mu      sync.Mutex
		keys    []ssh.NewKey
	)
	workers.SetLimit(s.opts.parallel)
	for _, route := range level {
		workers.Go(func() error {
			if key, isNew := s.reach.peek(ctx, route); isNew {
				mu.Lock()
				defer mu.Unlock()
				keys = append(keys, key)
			}
			return nil
		})
	}
	_ = workers.Wait()
	slices.SortFunc(keys, func(a, b ssh.NewKey) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(keys, func(a, b ssh.NewKey) bool { return a.Name == b.Name })
}

// confirm asks about the keys of one screen.
func (s *scanRun) confirm(ctx context.Context, keys []ssh.NewKey) error {
	if len(keys) == 0 {
		return nil
	}
	elsewhere, err := s.keysElsewhere(ctx, keys)
	if err != nil {
		return err
	}
	heading, question := "These hosts are new here. Compare the fingerprints", fmt.Sprintf("Trust all %d? [y]es, [n]o, [o]ne by one: ", len(keys))
	if len(keys) == 1 {
		heading, question = "This host is new here. Compare the fingerprint", "Trust it? [y]es, [n]o: "
	}
	s.say("%s with somebody who knows, if you can.", heading)
	for _, k := range keys {
		s.say("  %s%s", describeNewKey(k), elsewhere[k.Name])
	}
	answer, err := s.app.prompter().line(ctx, question)
	if err != nil {
		return err
	}
	switch answer {
	case "y", "yes":
		return s.reach.dialer.Trust.Accept(keys...)
	case "o", "one":
		return s.confirmEach(ctx, keys)
	}
	return nil
}

func (s *scanRun) confirmEach(ctx context.Context, keys []ssh.NewKey) error {
	for _, k := range keys {
		answer, err := s.app.prompter().line(ctx, describeNewKey(k)+" [y/N]: ")
		if err != nil {
			return err
		}
		if answer == "y" || answer == "yes" {
			if err := s.reach.dialer.Trust.Accept(k); err != nil {
				return err
			}
		}
	}
	return nil
}

func describeNewKey(k ssh.NewKey) string {
	name := k.Name
	if k.Alias != name {
		name = k.Alias + " (" + k.Name + ")"
	}
	return fmt.Sprintf("%-28s %-20s %s", name, k.Key.Type, k.Key.Fingerprint)
}

// keysElsewhere says where else a new key was seen: a clone, or one machine with
// two names.
func (s *scanRun) keysElsewhere(ctx context.Context, keys []ssh.NewKey) (map[string]string, error) {
	owners := map[string][]string{}
	for _, k := range keys {
		owners[k.Key.Fingerprint] = append(owners[k.Key.Fingerprint], k.Name)
	}
	hosts, err := s.incident.DB.Roster(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		for _, key := range h.Access.HostKeys {
			if _, wanted := owners[key.Fingerprint]; wanted {
				owners[key.Fingerprint] = append(owners[key.Fingerprint], h.Name)
			}
		}
	}
	notes := map[string]string{}
	for _, k := range keys {
		others := slices.DeleteFunc(slices.Clone(owners[k.Key.Fingerprint]), func(name string) bool { return name == k.Name })
		if len(others) > 0 {
			notes[k.Name] = "  the same key as " + strings.Join(others, ", ") + ": a clone, or one machine with two names"
		}
	}
	return notes, nil
}

// hintFor is the next thing to type after a host ended like this.
func hintFor(err error) string {
	if errors.Is(err, ssh.ErrNoTicket) {
		return "kinit gets a Kerberos ticket"
	}
	if errors.Is(err, shell.ErrFlood) {
		return "the head and tail of what was read are kept; have the host choose: COMMAND | head -c 1M"
	}
	return hintForClass(host.Classify(err))
}

// hintForClass is what to add to the command so that hosts of this class let us in;
// empty where nothing on this laptop would.
func hintForClass(class host.Class) string {
	switch class {
	case host.ClassHostKey:
		return "nightcall scan --accept-new trusts keys seen for the first time; a changed one is refused until its old line is deleted: ask first who changed it"
	case host.ClassAuth:
		return "ssh-add your key, or use -l USER, -i KEYFILE or -k for a password"
	case host.ClassSudo:
		return "-K asks for the password of sudo or doas, --become su takes root's, --no-root goes without"
	}
	return ""
}
