package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/netbox"
)

// netboxNotes are what NetBox is told beside facts: what hosts are there for, what
// is wrong with them, and the picture of it all.
func (i *openIncident) netboxNotes(ctx context.Context, fleet inventory.Fleet, m link.Map, opts netboxPlanOptions) (netbox.Notes, error) {
	notes := netbox.Notes{Incident: i.ID, Link: opts.link, Roles: map[string]string{}, Findings: map[string][]netbox.Finding{}}
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
	result := check.JudgeFleet(catalogue.Checks(), catalogue.EOL, fleet, check.NewSite(fleet, m), i.app.now())
	for _, f := range result.Findings {
		if f.Status != check.Unknown {
			notes.Findings[f.Host] = append(notes.Findings[f.Host], netbox.Finding{
				ID: f.ID, Check: f.Check, Critical: f.Status == check.Critical, Summary: f.Summary, Business: f.Business,
			})
		}
	}
	if !opts.diagram {
		return notes, nil
	}
	marks, _ := i.app.marks(fleet, m)
	text := diagram.DOT(diagram.Of(m, groups, diagram.Options{Title: i.Title, FoldAbove: 40, Marks: marks}))
	sum := sha256.Sum256(text)
	notes.Drawn = hex.EncodeToString(sum[:8])
	var err error
	notes.Diagram, err = drawPNG(ctx, text)
	return notes, err
}

// drawPNG has Graphviz draw: NetBox takes no SVG.
func drawPNG(ctx context.Context, dot []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dot", "-Tpng")
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(dot), &out, &said
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, withHint(errors.New("the diagram cannot be drawn: Graphviz's dot is not installed"), "install graphviz, or leave out --diagram")
	case err != nil:
		return nil, fmt.Errorf("the diagram cannot be drawn: dot: %w: %s", err, printable(said.String()))
	}
	return out.Bytes(), nil
}
