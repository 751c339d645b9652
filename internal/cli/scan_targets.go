package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/scan"
)

// targets is what the command line means, resolved to routes.
func (s *scanRun) targets(ctx context.Context, args []string) ([]routed, error) {
	named := len(args) > 0 || len(s.opts.files) > 0 || s.opts.fromSSHConfig || s.opts.fromKnownHosts || s.opts.fromNetBox || s.opts.notVisited
	switch {
	case s.opts.retryFailed && named:
		return nil, usageError("nightcall scan --retry-failed", "--retry-failed chooses the hosts itself; name no targets")
	case s.opts.retryFailed:
		return s.knownHosts(ctx, func(h inventory.Host) bool { return h.Class != host.ClassOK })
	case !named:
		return s.knownHosts(ctx, func(inventory.Host) bool { return true })
	}
	hosts, err := s.incident.DB.Roster(ctx)
	if err != nil {
		return nil, err
	}
	list := targetList{big: s.opts.yes, known: map[string]bool{}}
	for _, h := range hosts {
		list.known[h.Name] = true
	}
	for _, arg := range args {
		if err := list.add(arg); err != nil {
			return nil, err
		}
	}
	for _, name := range s.opts.files {
		if err := list.addFile(s.app, name); err != nil {
			return nil, err
		}
	}
	if s.opts.fromSSHConfig {
		if err := list.addSSHConfig(s.reach.config); err != nil {
			return nil, err
		}
	}
	if s.opts.fromKnownHosts {
		if err := s.addKnownHosts(&list); err != nil {
			return nil, err
		}
	}
	if s.opts.fromNetBox {
		if err := s.addNetBox(ctx, &list); err != nil {
			return nil, err
		}
	}
	if s.opts.notVisited {
		if err := s.addNotVisited(ctx, &list); err != nil {
			return nil, err
		}
	}
	if len(list.targets) == 0 {
		return nil, usageError("nightcall scan web1 10.0.1.0/28", "there is no target in what you named")
	}
	return s.resolve(ctx, list.targets, hosts)
}

// addNetBox takes every machine that NetBox knows, by the name it has there.
func (s *scanRun) addNetBox(ctx context.Context, list *targetList) error {
	hosts, err := s.incident.netboxHosts(ctx)
	for _, h := range hosts {
		list.addTarget(target{Target: ssh.Target{Host: h.Access.Address}, Named: h.Name})
	}
	return err
}

func (s *scanRun) addNotVisited(ctx context.Context, list *targetList) error {
	fleet, err := s.incident.Fleet(ctx)
	if err != nil {
		return err
	}
	for _, a := range inventory.NotVisited(fleet) {
		if err := list.add(a.Addr.String()); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanRun) addKnownHosts(list *targetList) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("home directory: %w", err)
	}
	hashed, err := list.addKnownHosts(home)
	if hashed > 0 {
		s.say("known_hosts: %d names are hashed and cannot be read back", hashed)
	}
	return err
}

func (s *scanRun) resolve(ctx context.Context, named []target, known []inventory.Host) ([]routed, error) {
	roster := map[string]inventory.Host{}
	for _, h := range known {
		roster[h.Name] = h
	}
	var targets []routed
	for _, t := range named {
		h := roster[t.name()]
		st, err := s.reach.target(ctx, t, h.Access.Wire)
		if err == nil && onlyKnown(t, st, h) {
			st, err = s.reach.known(ctx, h)
		}
		if err != nil {
			return nil, err
		}
		s.swept[st.Name] = t.Swept
		targets = append(targets, st)
	}
	return s.eachOnce(ctx, targets, known)
}

// onlyKnown holds for a name that leads to its host only as the incident knows it:
// the host was reached elsewhere, and neither the command line nor the configuration
// of today says where.
func onlyKnown(t target, st routed, h inventory.Host) bool {
	said := t.Named != "" || t.User != "" || t.Port != 0 || st.Access.Address != t.Host || len(st.route) > 1 || st.route.Last().ProxyCommand != ""
	return !said && !h.Seen.IsZero() && (h.Access.Address != t.Host || len(h.Access.Jump) > 0)
}

// eachOnce keeps one machine from becoming two: an address of a range that is also
// where a named host is dialled is that host, and where a known one is, it goes by
// the name it has.
func (s *scanRun) eachOnce(ctx context.Context, targets []routed, known []inventory.Host) ([]routed, error) {
	named, owner, names := map[string]bool{}, map[string]inventory.Host{}, map[string]bool{}
	for _, t := range targets {
		if end := dialled(t.Access); !s.swept[t.Name] {
			named[end] = true
		}
	}
	for _, h := range known {
		owner[dialled(h.Access)], names[h.Name] = h, true
	}
	var once []routed
	for _, t := range targets {
		end := dialled(t.Access)
		h, isKnown := owner[end]
		switch {
		case !s.swept[t.Name] || end == "":
		case named[end]:
			continue
		case isKnown && !names[t.Name]:
			k, err := s.reach.known(ctx, h)
			if err != nil {
				return nil, err
			}
			if dialled(k.Access) == end { // also by the configuration of today
				t = k
			}
		}
		once = append(once, t)
	}
	return once, nil
}

// dialled is where a host is connected to from here; empty for one behind a bastion,
// where another machine may have the same address.
func dialled(a inventory.Access) string {
	if len(a.Jump) > 0 {
		return ""
	}
	return net.JoinHostPort(a.Address, strconv.Itoa(a.Port))
}

// knownHosts takes hosts of the inventory.
func (s *scanRun) knownHosts(ctx context.Context, want func(inventory.Host) bool) ([]routed, error) {
	hosts, err := s.incident.DB.Roster(ctx)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, usageError("nightcall scan web1 admin@10.0.0.7:2222 10.0.1.0/28", "this incident knows no host yet; name some")
	}
	var targets []routed
	for _, h := range hosts {
		if !want(h) {
			continue
		}
		t, err := s.reach.known(ctx, h)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// plan prints who would be visited.
func (s *scanRun) plan(targets []routed) error {
	if s.app.json {
		accesses := make(map[string]inventory.Access, len(targets))
		for _, t := range targets {
			accesses[t.Name] = t.Access
		}
		return printJSON(s.app.io, map[string]any{"targets": accesses})
	}
	table := newTable(s.app.io, "HOST", "ADDRESS", "PORT", "USER", "THROUGH")
	for _, t := range targets {
		var through []string
		for _, hop := range t.Access.Jump {
			through = append(through, hop.Alias)
		}
		table.row(t.Name, t.Access.Address, fmt.Sprint(t.Access.Port), t.Access.User, strings.Join(through, " -> "))
	}
	return table.flush()
}

// routesOf are the ways to the targets.
func routesOf(targets []routed) []ssh.Route {
	routes := make([]ssh.Route, len(targets))
	for n, t := range targets {
		routes[n] = t.route
	}
	return routes
}

// unrouted is what the scan needs of targets.
func unrouted(targets []routed) []scan.Target {
	out := make([]scan.Target, len(targets))
	for n, t := range targets {
		out[n] = t.Target
	}
	return out
}

// sweep drops the addresses of ranges where nothing answers.
func (s *scanRun) sweep(ctx context.Context, targets []routed) []routed {
	var routes []ssh.Route
	for _, t := range targets {
		if s.swept[t.Name] {
			routes = append(routes, t.route)
		}
	}
	if len(routes) == 0 {
		return targets
	}
	s.say("looking which of %d addresses answer", len(routes))
	answers := ssh.Sweep(ctx, routes)
	next := 0
	return slices.DeleteFunc(targets, func(t routed) bool {
		if !s.swept[t.Name] {
			return false
		}
		next++
		if !answers[next-1] {
			s.silent++
		}
		return !answers[next-1]
	})
}
