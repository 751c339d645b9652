package netbox

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Target is a machine of NetBox's that can be looked at.
type Target struct {
	Name    string     `json:"name"`
	Kind    Kind       `json:"kind"`
	ID      int64      `json:"id"`
	Address netip.Addr `json:"address"`
	Site    string     `json:"site,omitempty"`
	Role    string     `json:"role,omitempty"`
	Status  string     `json:"status"`
}

// A Choice says which machines are pulled; an empty list means all.
type Choice struct {
	Sites, Roles, Tags []string // slugs
	Status             []string
}

// Pull lists the machines that NetBox knows, sorted by name. Those without a
// primary address are counted, since nobody can look at them.
func (c *Client) Pull(ctx context.Context, choice Choice) (targets []Target, without int, err error) {
	query := url.Values{}
	for filter, values := range map[string][]string{"site": choice.Sites, "role": choice.Roles, "tag": choice.Tags, "status": choice.Status} {
		if len(values) > 0 {
			query[filter] = values
		}
	}
	for _, kind := range []Kind{Device, VM} {
		err := c.listRaw(ctx, kinds[kind].path, "id,name,status,site,role,primary_ip4,primary_ip6", query, func(raw json.RawMessage) {
			t, ok := readTarget(kind, raw)
			if ok {
				targets = append(targets, t)
			} else {
				without++
			}
		})
		if err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(targets, func(a, b Target) int {
		return strings.Compare(a.Name+"\x00"+a.Address.String(), b.Name+"\x00"+b.Address.String())
	})
	return targets, without, nil
}

// readTarget reads what is needed of one machine, and nothing else of the reply
// is kept: there may be thousands.
func readTarget(kind Kind, raw json.RawMessage) (Target, bool) {
	type address struct {
		Address string `json:"address"`
	}
	type related struct {
		Slug string `json:"slug"`
	}
	var machine struct {
		ID     int64  `json:"id"`
		Name   string `json:"name"`
		Status struct {
			Value string `json:"value"`
		} `json:"status"`
		Site related `json:"site"`
		Role related `json:"role"`
		IP4  address `json:"primary_ip4"`
		IP6  address `json:"primary_ip6"`
	}
	if json.Unmarshal(raw, &machine) != nil {
		return Target{}, false
	}
	p, err := netip.ParsePrefix(or(machine.IP4.Address, machine.IP6.Address))
	if err != nil {
		return Target{}, false
	}
	name := strings.ToLower(clip(machine.Name, 64))
	return Target{
		Name: or(name, p.Addr().String()), Kind: kind, ID: machine.ID, Address: p.Addr(),
		Site: machine.Site.Slug, Role: machine.Role.Slug, Status: clip(machine.Status.Value, 50),
	}, true
}
