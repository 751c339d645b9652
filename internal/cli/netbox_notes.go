package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/netbox"
)

// netboxNotes are what NetBox is told beside facts: what hosts are there for, what
// is wrong with them, and the picture of it all.
func (i *openIncident) netboxNotes(ctx context.Context, fleet inventory.Fleet, m link.Map, opts netboxPlanOptions) (netbox.Notes, error) {
	notes := netbox.Notes{Incident: i.ID, Link: opts.link, Roles: map[string]string{}, Findings: map[string][]netbox.Finding{}, Fine: map[string][]string{}}
	groups := m.Groups()
	for _, g := range groups {
		for _, host := range g.Hosts {
			if g.Runs != "" {
				notes.Roles[host] = link.TitleOf(g.Runs)
			}
		}
	}
	catalogue, broken := i.app.catalogue()
	if broken != nil {
		fmt.Fprintf(i.app.io.Err, "nightcall: warning: %s\n", printable(broken.Error()))
	}
	result, err := i.judged(ctx, catalogue, fleet, m)
	if err != nil {
		return netbox.Notes{}, err
	}
	for _, f := range result.Findings {
		if f.Status != check.Unknown {
			notes.Findings[f.Host] = append(notes.Findings[f.Host], netbox.Finding{
				ID: f.ID, Check: f.Check, Critical: f.Status == check.Critical, Summary: f.Summary, Business: f.Business,
			})
		}
	}
	for _, j := range result.Judgements {
		if j.Answer == check.Fine {
			notes.Fine[j.Host] = append(notes.Fine[j.Host], j.Check)
		}
	}
	if !opts.diagram {
		return notes, nil
	}
	picture := diagram.Of(m, groups, diagram.Options{Title: i.Title, FoldAbove: foldAbove, Marks: marksOf(result)})
	notes.Diagram, err = diagram.PNG(picture, 0) // NetBox takes no SVG
	sum := sha256.Sum256(notes.Diagram)
	notes.Drawn = hex.EncodeToString(sum[:8])
	return notes, err
}
